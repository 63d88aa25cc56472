package org.rlkd.cli.quickstart;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Writes flawed paths, so that a student who imitates them has the pieces of a solution but a poor
 * structure: the cold start from which RL improves.
 *
 * @param skip probability that a sub-problem other than the target is left out and its value
 *     guessed
 * @param slip probability that a step's result is wrong
 * @param detour probability that a derived quantity on which the answer does not depend is worked
 *     out too
 * @param maxValue largest number written; results are clipped to 0 .. maxValue
 */
public record SloppyTeacher(double skip, double slip, double detour, int maxValue) {

  /** One flawed path in a random solving order. */
  public TeacherPath path(QuantityGraph graph, SplittableRandom random) {
    List<List<Integer>> orders = graph.solvingOrders();
    List<Integer> plan = new ArrayList<>(orders.get(random.nextInt(orders.size())));
    plan.removeIf(i -> i != graph.target() && random.nextDouble() < skip);
    insertDetours(graph, plan, random);

    int[] believed = graph.values();
    boolean[] known = new boolean[graph.size()];
    List<TeacherStep> steps = new ArrayList<>();
    SentenceStyle[] styles = SentenceStyle.values();
    for (int quantity : plan) {
      for (int operand : graph.formulas().get(quantity).operands()) {
        if (!known[operand]) {
          believed[operand] = random.nextInt(1, maxValue + 1);
          known[operand] = true;
        }
      }
      int result = graph.formulas().get(quantity).evaluate(believed);
      if (random.nextDouble() < slip) {
        result = random.nextInt(1, maxValue + 1);
      }
      believed[quantity] = Math.max(0, Math.min(maxValue, result));
      known[quantity] = true;
      steps.add(styles[random.nextInt(styles.length)].write(graph, quantity, believed));
    }
    return new TeacherPath(plan, steps, Integer.toString(believed[graph.target()]));
  }

  private void insertDetours(QuantityGraph graph, List<Integer> plan, SplittableRandom random) {
    for (int i = 0; i < graph.size(); i++) {
      if (!graph.needed().get(i) && random.nextDouble() < detour) {
        plan.add(random.nextInt(plan.size()), i);
      }
    }
  }
}
