package org.rlkd.core.gsrm;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * {@code gsm8k-socratic}: for reasoning in the form of GSM8K's socratic solutions, {@code
 * sub-question ** solution} in each line. Other lines are not steps; never fails.
 */
public final class SocraticDecomposer implements Decomposer {
  private static final String ASKED = " ** ";
  private static final Pattern CALCULATION = Pattern.compile("<<[^<>]*>>");

  @Override
  public String id() {
    return "gsm8k-socratic-1";
  }

  @Override
  public List<Decomposition> decompose(List<Reasoning> reasonings) {
    List<Decomposition> decompositions = new ArrayList<>();
    for (Reasoning reasoning : reasonings) {
      List<Step> steps = new ArrayList<>();
      reasoning.text().lines().forEach(line -> step(line).ifPresent(steps::add));
      decompositions.add(new Decomposition.Parsed(new Structure(steps)));
    }
    return decompositions;
  }

  /**
   * The step of a line: the sub-question is its query, the solution without calculator marks
   * ({@code <<16-3=13>>}) its answer. Asking that question next is all that the form says of the
   * meta-reasoning, so the question stands for it too.
   */
  public static Optional<Step> step(String line) {
    String plain = CALCULATION.matcher(line).replaceAll("").strip();
    int asked = plain.indexOf(ASKED);
    if (asked < 0) {
      return Optional.empty();
    }
    String question = plain.substring(0, asked).strip();
    return Optional.of(
        new Step(question, question, plain.substring(asked + ASKED.length()).strip()));
  }
}
