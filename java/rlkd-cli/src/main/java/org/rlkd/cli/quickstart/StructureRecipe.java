package org.rlkd.cli.quickstart;

/**
 * How RL scores structure: the keys of {@code rlkd.gsrm} that a {@link Recipe} leaves open.
 *
 * @param alignment {@code prefix}, {@code monotone} or {@code tree}
 * @param normalize {@code none}, {@code teacher} or {@code max}
 * @param gapDecay factor for each skipped step, in [0, 1]
 * @param gate whether a meta-reasoning that disagrees closes the gate
 */
public record StructureRecipe(String alignment, String normalize, double gapDecay, boolean gate) {
  /** The reward of the paper: one teacher path, step by step, not normalised. */
  public static final StructureRecipe PAPER = new StructureRecipe("prefix", "none", 0, true);

  /** The quickstart's: the best of all teacher paths, as a share of its steps. */
  public static final StructureRecipe TREE = new StructureRecipe("tree", "teacher", 0, true);
}
