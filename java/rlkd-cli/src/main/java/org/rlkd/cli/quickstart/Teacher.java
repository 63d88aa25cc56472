package org.rlkd.cli.quickstart;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;

/** Writes correct paths through a {@link QuantityGraph}. */
public final class Teacher {

  /**
   * Up to {@code limit} paths, each in another solving order, which are drawn at random where there
   * are more; every step has a random {@link SentenceStyle}.
   */
  public List<TeacherPath> paths(QuantityGraph graph, int limit, SplittableRandom random) {
    List<List<Integer>> orders = new ArrayList<>(graph.solvingOrders());
    for (int i = orders.size() - 1; i > 0; i--) {
      Collections.swap(orders, i, random.nextInt(i + 1));
    }
    return orders.stream().limit(limit).map(order -> path(graph, order, random)).toList();
  }

  private TeacherPath path(QuantityGraph graph, List<Integer> order, SplittableRandom random) {
    int[] values = graph.values();
    SentenceStyle[] styles = SentenceStyle.values();
    List<TeacherStep> steps =
        order.stream()
            .map(i -> styles[random.nextInt(styles.length)].write(graph, i, values))
            .toList();
    return new TeacherPath(order, steps, Integer.toString(values[graph.target()]));
  }
}
