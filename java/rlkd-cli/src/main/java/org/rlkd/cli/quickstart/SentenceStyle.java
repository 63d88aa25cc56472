package org.rlkd.cli.quickstart;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A way to write one reasoning step as a sentence. Every operand is followed by its value, and the
 * quantity found stands first and again before its value.
 */
public enum SentenceStyle {
  NEXT("next %s: %s make %d %s."),
  FOR("so %s: %s give %d %s."),
  NOW("now %s: %s equal %d %s.");

  private static final String META_OF_TWO = "find %s from %s and %s";
  private static final String META_OF_ONE = "find %s from %s";
  private static final String META_OF_NONE = "find %s from numbers";
  private static final String QUERY = "what is %s %s %s?";

  private final String pattern;

  SentenceStyle(String pattern) {
    this.pattern = pattern;
  }

  /** The patterns of all sentences and decompositions, for a vocabulary to draw its words from. */
  public static List<String> patterns() {
    List<String> patterns = new ArrayList<>(List.of(META_OF_TWO, META_OF_ONE, META_OF_NONE, QUERY));
    Arrays.stream(values()).map(style -> style.pattern).forEach(patterns::add);
    Arrays.stream(Operation.values()).map(Operation::word).forEach(patterns::add);
    return List.copyOf(patterns);
  }

  /**
   * The step that solves a sub-problem.
   *
   * @param values the value the writer believes each quantity to have, by index; that of {@code
   *     quantity} is the step's result
   */
  public TeacherStep write(QuantityGraph graph, int quantity, int[] values) {
    String name = graph.names().get(quantity);
    Formula formula = graph.formulas().get(quantity);
    String left = graph.left(quantity);
    String right = graph.right(quantity);
    String operation = formula.operation().word();
    List<Integer> operands = formula.operands();
    String leftTold = operands.isEmpty() ? left : left + " " + values[operands.get(0)];
    String rightTold = operands.size() < 2 ? right : right + " " + values[operands.get(1)];
    String metaReasoning =
        switch (operands.size()) {
          case 0 -> META_OF_NONE.formatted(name);
          case 1 -> META_OF_ONE.formatted(name, left);
          default -> META_OF_TWO.formatted(name, left, right);
        };
    int result = values[quantity];
    return new TeacherStep(
        pattern.formatted(name, "%s %s %s".formatted(leftTold, operation, rightTold), result, name),
        metaReasoning,
        QUERY.formatted(left, operation, right),
        "%d %s".formatted(result, name));
  }
}
