package org.rlkd.cli.quickstart;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A way to write one reasoning step as a sentence. Every operand is followed by its value, and the
 * quantity found stands first and again before its value.
 */
public enum SentenceStyle {
  NEXT("next %s: %s makes %s %d."),
  FOR("for %s take %s, giving %s %d."),
  NOW("now %s come from %s, so %s %d.");

  private static final String META_OF_TWO = "find %s from %s and %s";
  private static final String META_OF_ONE = "find %s from %s";
  private static final String QUERY = "what is %s %s %s?";

  private final String pattern;

  SentenceStyle(String pattern) {
    this.pattern = pattern;
  }

  /** The patterns of all sentences and decompositions, for a vocabulary to draw its words from. */
  public static List<String> patterns() {
    List<String> patterns = new ArrayList<>(List.of(META_OF_TWO, META_OF_ONE, QUERY));
    Arrays.stream(values()).map(style -> style.pattern).forEach(patterns::add);
    Arrays.stream(Operation.values()).map(Operation::word).forEach(patterns::add);
    return List.copyOf(patterns);
  }

  /**
   * The step that solves a sub-problem.
   *
   * @param quantity index of a derived quantity of {@code graph}
   * @param values the value the writer believes each quantity to have, by index; that of {@code
   *     quantity} is the step's result
   */
  public TeacherStep write(QuantityGraph graph, int quantity, int[] values) {
    String name = graph.names().get(quantity);
    Formula formula = graph.formulas().get(quantity);
    if (formula instanceof Formula.OfTwo two) {
      String left = graph.names().get(two.left());
      String right = graph.names().get(two.right());
      return write(
          name,
          values[quantity],
          "%s %d %s %s %d"
              .formatted(
                  left, values[two.left()], two.operation().word(), right, values[two.right()]),
          META_OF_TWO.formatted(name, left, right),
          QUERY.formatted(left, two.operation().word(), right));
    }
    if (formula instanceof Formula.WithConstant constant) {
      String left = graph.names().get(constant.left());
      String operation = constant.operation().word();
      return write(
          name,
          values[quantity],
          "%s %d %s %d".formatted(left, values[constant.left()], operation, constant.constant()),
          META_OF_ONE.formatted(name, left),
          QUERY.formatted(left, operation, constant.constant()));
    }
    throw new IllegalArgumentException(
        "quantity %d (%s) is given: only derived ones are a step".formatted(quantity, name));
  }

  private TeacherStep write(
      String name, int result, String calculation, String metaReasoning, String query) {
    return new TeacherStep(
        pattern.formatted(name, calculation, name, result),
        metaReasoning,
        query,
        "%s %d".formatted(name, result));
  }
}
