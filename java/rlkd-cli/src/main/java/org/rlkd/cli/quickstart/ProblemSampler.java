package org.rlkd.cli.quickstart;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/**
 * Draws sets of {@link Problem}s.
 *
 * @param maxPaths most teacher paths for each problem
 */
public record ProblemSampler(GraphSampler graphs, int maxPaths) {

  /**
   * Problems whose canonical forms are not in {@code taken}; to share no problem with a later set,
   * add theirs to it with {@link #forms}.
   */
  public List<Problem> sample(int count, Set<String> taken, SplittableRandom random) {
    Wording wording = new Wording();
    Teacher teacher = new Teacher();
    List<Problem> problems = new ArrayList<>(count);
    while (problems.size() < count) {
      QuantityGraph graph = graphs.sample(random);
      if (!taken.contains(graph.canonicalForm())) {
        problems.add(
            new Problem(
                graph,
                wording.tell(graph, random),
                Integer.toString(graph.answer()),
                teacher.paths(graph, maxPaths, random)));
      }
    }
    return problems;
  }

  /** The canonical forms of problems. */
  public static Set<String> forms(List<Problem> problems) {
    return problems.stream()
        .map(problem -> problem.graph().canonicalForm())
        .collect(Collectors.toUnmodifiableSet());
  }
}
