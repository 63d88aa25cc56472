package org.rlkd.cli.quickstart;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Draws {@link QuantityGraph}s of one {@link GraphShape} by rejection.
 *
 * @param nouns names to choose from; at least as many as the largest graph has quantities
 */
public record GraphSampler(GraphShape shape, List<String> nouns) {

  public GraphSampler {
    nouns = List.copyOf(nouns);
    int largest = shape.maxSteps() + shape.maxDistractors();
    if (nouns.size() < largest) {
      throw new IllegalArgumentException(
          "%d nouns for up to %d quantities: give more nouns or a smaller shape"
              .formatted(nouns.size(), largest));
    }
  }

  /** The next graph; the same state of {@code random} gives the same graph. */
  public QuantityGraph sample(SplittableRandom random) {
    while (true) {
      Optional<QuantityGraph> graph = attempt(random);
      if (graph.isPresent()) {
        return graph.get();
      }
    }
  }

  private Optional<QuantityGraph> attempt(SplittableRandom random) {
    int steps = random.nextInt(shape.minSteps(), shape.maxSteps() + 1);
    int size = steps + random.nextInt(shape.maxDistractors() + 1);
    List<Formula> formulas = new ArrayList<>();
    int[] values = new int[size];
    for (int i = 0; i < size; i++) {
      Formula formula = formula(i, random);
      values[i] = formula.evaluate(values);
      if (values[i] < 1 || values[i] > shape.maxValue()) {
        return Optional.empty();
      }
      formulas.add(formula);
    }
    QuantityGraph graph =
        new QuantityGraph(names(size, random), formulas, random.nextInt(steps - 1, size));
    boolean fits =
        graph.subProblems().size() == steps && graph.solvingOrders().size() >= shape.minOrders();
    return fits ? Optional.of(graph) : Optional.empty();
  }

  private Formula formula(int quantity, SplittableRandom random) {
    Operation operation = random.nextBoolean() ? Operation.PLUS : Operation.MINUS;
    int number = random.nextInt(1, shape.maxValue() + 1);
    if (quantity == 0 || random.nextInt(2) == 0) {
      return new Formula.OfNumbers(operation, random.nextInt(1, shape.maxValue() + 1), number);
    }
    int left = random.nextInt(quantity);
    if (quantity == 1 || random.nextInt(3) == 0) {
      return new Formula.WithNumber(operation, left, number);
    }
    int right = random.nextInt(quantity - 1);
    return new Formula.OfTwo(operation, left, right < left ? right : right + 1);
  }

  private List<String> names(int count, SplittableRandom random) {
    List<String> shuffled = new ArrayList<>(nouns);
    for (int i = shuffled.size() - 1; i > 0; i--) {
      Collections.swap(shuffled, i, random.nextInt(i + 1));
    }
    return shuffled.subList(0, count);
  }
}
