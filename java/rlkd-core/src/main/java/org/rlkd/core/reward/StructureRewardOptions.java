package org.rlkd.core.reward;

import java.util.List;
import org.rlkd.core.UsageException;
import org.rlkd.core.gsrm.AlignmentOptions;
import org.rlkd.core.text.NearestName;

/**
 * Options of the {@code structure} reward.
 *
 * @param tree compare with all teacher paths of the problem merged into a tree; else with the first
 *     one alone
 * @param alignment how the student is aligned with each path
 * @param gate whether a meta-reasoning that disagrees closes the gate (m_i of the formula). Without
 *     it every a_i counts as 1: a step earns by its query and its answer alone, whatever went
 *     before. Teacher paths are merged into a tree by meta-reasoning either way
 * @param reference pair blocks as the RLKD reference does, with the first teacher path; {@code
 *     tree} and {@code alignment} are not used then
 * @param maxUnscorable see {@link UnscorableLimit}; 1 = a run never stops for it
 */
public record StructureRewardOptions(
    boolean tree,
    AlignmentOptions alignment,
    boolean gate,
    boolean reference,
    double maxUnscorable) {
  private static final List<String> ALIGNMENTS = List.of("prefix", "monotone", "tree");
  private static final List<String> NORMALIZES = List.of("none", "teacher", "max");

  /** One teacher path, prefix gate, not normalised: the paper. */
  public static final StructureRewardOptions PAPER =
      new StructureRewardOptions(false, AlignmentOptions.PAPER, true, false, 1);

  /** {@code compatibility: reference}. */
  public static final StructureRewardOptions REFERENCE =
      new StructureRewardOptions(false, AlignmentOptions.PAPER, true, true, 1);

  /**
   * Options by their configuration values, with the gate.
   *
   * @param alignment {@code prefix}, {@code monotone} or {@code tree}; under {@code tree} the
   *     student is aligned monotonically with each path, which with gap_decay 0 is prefix
   * @param normalize {@code none}, {@code teacher} or {@code max}
   * @param gapDecay in [0, 1]
   */
  public static StructureRewardOptions of(String alignment, String normalize, double gapDecay) {
    if (!(gapDecay >= 0 && gapDecay <= 1)) {
      throw new UsageException("gap_decay: " + gapDecay + "; expected a number in [0, 1]");
    }
    boolean tree = required("alignment", alignment, ALIGNMENTS).equals("tree");
    AlignmentOptions.Alignment along =
        alignment.equals("monotone") || (tree && gapDecay > 0)
            ? AlignmentOptions.Alignment.MONOTONE
            : AlignmentOptions.Alignment.PREFIX;
    AlignmentOptions.Normalize by =
        switch (required("normalize", normalize, NORMALIZES)) {
          case "teacher" -> AlignmentOptions.Normalize.TEACHER;
          case "max" -> AlignmentOptions.Normalize.MAX;
          default -> AlignmentOptions.Normalize.NONE;
        };
    return new StructureRewardOptions(
        tree, new AlignmentOptions(along, by, gapDecay), true, false, 1);
  }

  /** The same with a limit on the share of unscorable completions. */
  public StructureRewardOptions stoppingAbove(double maxUnscorable) {
    return new StructureRewardOptions(tree, alignment, gate, reference, maxUnscorable);
  }

  /**
   * The same options without the gate.
   *
   * @throws UsageException if steps can be skipped: a monotone alignment finds a step's partner by
   *     its meta-reasoning
   */
  public StructureRewardOptions withoutGate() {
    if (alignment.alignment() == AlignmentOptions.Alignment.MONOTONE && alignment.gapDecay() > 0) {
      throw new UsageException(
          "gate: found false with gap_decay %s, which pairs steps by their meta-reasoning; expected gap_decay 0 or gate: true"
              .formatted(alignment.gapDecay()));
    }
    return new StructureRewardOptions(tree, alignment, false, reference, maxUnscorable);
  }

  private static String required(String option, String value, List<String> known) {
    if (!known.contains(value)) {
      throw new UsageException(
          "%s: '%s' is not one of %s%s"
              .formatted(option, value, known, NearestName.hint(value, known)));
    }
    return value;
  }
}
