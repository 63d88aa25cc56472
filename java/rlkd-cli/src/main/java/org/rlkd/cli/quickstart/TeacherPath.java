package org.rlkd.cli.quickstart;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A worked solution: the steps in the order taken, and the answer.
 *
 * @param order index in the graph of the quantity that each step finds
 */
public record TeacherPath(List<Integer> order, List<TeacherStep> steps, String answer) {

  /** Opens the reasoning. The newline belongs to the tag, as the format reward asks. */
  public static final String THINK = "<think>\n";

  /** Closes the reasoning. */
  public static final String END_THINK = "\n</think>\n";

  /** Opens the answer. */
  public static final String ANSWER = "<answer>\n";

  /** Closes the answer. */
  public static final String END_ANSWER = "\n</answer>";

  public TeacherPath {
    order = List.copyOf(order);
    steps = List.copyOf(steps);
  }

  /** The sentences of all steps on one line. */
  public String reasoning() {
    return steps.stream().map(TeacherStep::sentence).collect(Collectors.joining(" "));
  }

  /** What a student is to write after the prompt. */
  public String completion() {
    return THINK + reasoning() + END_THINK + ANSWER + answer + END_ANSWER;
  }

  /** The true structure as tagged text, one line for each step. */
  public String structure() {
    return IntStream.range(0, steps.size())
        .mapToObj(i -> steps.get(i).tagged(i + 1))
        .collect(Collectors.joining("\n"));
  }
}
