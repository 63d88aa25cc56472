package org.rlkd.cli.quickstart;

import java.util.List;

/**
 * How one quantity of a {@link QuantityGraph} gets its value. Operands are indices of quantities
 * that stand earlier in the graph.
 */
public sealed interface Formula {

  /** Indices of the quantities this one depends on, in the order in which they are told. */
  List<Integer> operands();

  Operation operation();

  /**
   * The value, given those of the quantities.
   *
   * @param values value of every quantity of the graph by index; only {@link #operands()} are read
   */
  int evaluate(int[] values);

  /** A quantity derived from two numbers that the problem states. */
  record OfNumbers(Operation operation, int left, int right) implements Formula {
    @Override
    public List<Integer> operands() {
      return List.of();
    }

    @Override
    public int evaluate(int[] values) {
      return operation.apply(left, right);
    }
  }

  /** A quantity derived from two others. */
  record OfTwo(Operation operation, int left, int right) implements Formula {
    @Override
    public List<Integer> operands() {
      return List.of(left, right);
    }

    @Override
    public int evaluate(int[] values) {
      return operation.apply(values[left], values[right]);
    }
  }

  /** A quantity derived from one other and a number. */
  record WithNumber(Operation operation, int left, int right) implements Formula {
    @Override
    public List<Integer> operands() {
      return List.of(left);
    }

    @Override
    public int evaluate(int[] values) {
      return operation.apply(values[left], right);
    }
  }
}
