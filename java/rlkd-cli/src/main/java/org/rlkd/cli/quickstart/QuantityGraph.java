package org.rlkd.cli.quickstart;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;

/**
 * A dependency graph of small integer quantities with one of them asked for.
 *
 * <p>Quantity {@code i} is called {@code names.get(i)} and depends only on quantities before it, so
 * the index order is one topological order.
 *
 * @param names distinct nouns, one for each quantity
 * @param formulas one for each quantity
 * @param target index of the quantity asked for
 */
public record QuantityGraph(List<String> names, List<Formula> formulas, int target) {

  public QuantityGraph {
    names = List.copyOf(names);
    formulas = List.copyOf(formulas);
    if (names.size() != formulas.size()) {
      throw new IllegalArgumentException(
          "%d names for %d formulas: give each quantity one of each"
              .formatted(names.size(), formulas.size()));
    }
    for (int i = 0; i < formulas.size(); i++) {
      for (int operand : formulas.get(i).operands()) {
        if (operand < 0 || operand >= i) {
          throw new IllegalArgumentException(
              "quantity %d depends on quantity %d: operands must stand before it"
                  .formatted(i, operand));
        }
      }
    }
    if (target < 0 || target >= names.size()) {
      throw new IllegalArgumentException(
          "target %d of %d quantities: name an existing one".formatted(target, names.size()));
    }
  }

  public int size() {
    return names.size();
  }

  /** The value of every quantity, by index. */
  public int[] values() {
    int[] values = new int[size()];
    for (int i = 0; i < size(); i++) {
      values[i] = formulas.get(i).evaluate(values);
    }
    return values;
  }

  /** The first operand of a quantity's formula as told: a name or a number. */
  public String left(int quantity) {
    Formula formula = formulas.get(quantity);
    return formula instanceof Formula.OfNumbers numbers
        ? Integer.toString(numbers.left())
        : names.get(formula.operands().get(0));
  }

  /** The second operand of a quantity's formula as told: a name or a number. */
  public String right(int quantity) {
    Formula formula = formulas.get(quantity);
    if (formula instanceof Formula.OfNumbers numbers) {
      return Integer.toString(numbers.right());
    }
    if (formula instanceof Formula.WithNumber number) {
      return Integer.toString(number.right());
    }
    return names.get(formula.operands().get(1));
  }

  /** The value of the quantity asked for. */
  public int answer() {
    return values()[target];
  }

  /** Quantities on which the target depends, itself included. */
  public BitSet needed() {
    BitSet needed = new BitSet(size());
    needed.set(target);
    for (int i = target; i >= 0; i--) {
      if (needed.get(i)) {
        formulas.get(i).operands().forEach(needed::set);
      }
    }
    return needed;
  }

  /** The needed quantities by index: the sub-problems, one reasoning step each. */
  public List<Integer> subProblems() {
    return needed().stream().boxed().toList();
  }

  /** Every order of the sub-problems in which each comes after those it depends on. */
  public List<List<Integer>> solvingOrders() {
    List<List<Integer>> orders = new ArrayList<>();
    extendOrders(new ArrayList<>(), subProblems(), orders);
    return orders;
  }

  private void extendOrders(List<Integer> solved, List<Integer> open, List<List<Integer>> orders) {
    if (open.isEmpty()) {
      orders.add(List.copyOf(solved));
      return;
    }
    for (Integer next : open) {
      if (Collections.disjoint(formulas.get(next).operands(), open)) {
        List<Integer> rest = new ArrayList<>(open);
        rest.remove(next);
        solved.add(next);
        extendOrders(solved, rest, orders);
        solved.remove(solved.size() - 1);
      }
    }
  }

  /**
   * The problem without what only its telling chose: the target's derivation unfolded down to the
   * given values, names left out, operands of a sum sorted. Two problems with equal forms ask for
   * the same calculation.
   */
  public String canonicalForm() {
    return canonicalForm(target);
  }

  private String canonicalForm(int quantity) {
    Formula formula = formulas.get(quantity);
    Operation operation = formula.operation();
    List<String> operands = new ArrayList<>();
    if (formula instanceof Formula.OfNumbers numbers) {
      operands.add(Integer.toString(numbers.left()));
      operands.add(Integer.toString(numbers.right()));
    } else if (formula instanceof Formula.WithNumber number) {
      operands.add(canonicalForm(number.left()));
      operands.add(Integer.toString(number.right()));
    } else if (formula instanceof Formula.OfTwo two) {
      operands.add(canonicalForm(two.left()));
      operands.add(canonicalForm(two.right()));
    }
    if (operation == Operation.PLUS) {
      Collections.sort(operands);
    }
    return "(%s %s)".formatted(operation.word(), String.join(" ", operands));
  }
}
