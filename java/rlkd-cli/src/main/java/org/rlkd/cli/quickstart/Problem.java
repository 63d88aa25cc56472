package org.rlkd.cli.quickstart;

import java.util.List;

/**
 * A problem as a student meets it, with its worked solutions.
 *
 * @param prompt question and statements
 * @param answer the true answer
 * @param teacherPaths correct paths in distinct solving orders
 */
public record Problem(
    QuantityGraph graph, String prompt, String answer, List<TeacherPath> teacherPaths) {

  public Problem {
    teacherPaths = List.copyOf(teacherPaths);
  }
}
