package org.rlkd.cli.quickstart;

/**
 * One reasoning step: the sentence as written and what it says, taken apart.
 *
 * @param sentence the step as it stands in the reasoning, ending in a full stop
 * @param metaReasoning which quantity is found next, and from which
 * @param query the sub-problem that this poses
 * @param answer the quantity with the value the step gives it
 */
public record TeacherStep(String sentence, String metaReasoning, String query, String answer) {

  /** The decomposition as tagged text: {@code [sub-think k]: .. [Query k]: .. [Answer k]: ..}. */
  public String tagged(int number) {
    return "[sub-think %1$d]: %2$s [Query %1$d]: %3$s [Answer %1$d]: %4$s"
        .formatted(number, metaReasoning, query, answer);
  }
}
