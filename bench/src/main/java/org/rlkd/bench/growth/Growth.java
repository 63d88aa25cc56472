package org.rlkd.bench.growth;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.rlkd.bench.GrpoWorkload;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.training.GrpoTrainer;

/**
 * How the cost of generation and of a whole GRPO step grows with model, batch, lengths and
 * vocabulary.
 *
 * <p>The cost is CPU time of the one thread that works, which waiting for a processor does not add
 * to. All points of an axis are measured in turn, several times over, and the least of each counts.
 */
public final class Growth {
  private static final int ROUNDS = 4;

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  /**
   * The times of an axis, at its points.
   *
   * @param name of the axis
   * @param sizes the points
   * @param generation CPU seconds
   * @param step CPU seconds, generation included
   */
  public record Curve(String name, double[] sizes, double[] generation, double[] step) {}

  private Growth() {}

  /**
   * Measures every axis.
   *
   * @param each hears of every curve as it comes
   */
  public static List<Curve> measure(Consumer<Curve> each) {
    List<Curve> curves = new ArrayList<>();
    for (Axis axis : Axis.all()) {
      Curve curve = measure(axis);
      curves.add(curve);
      each.accept(curve);
    }
    return curves;
  }

  private static Curve measure(Axis axis) {
    int points = axis.points().size();
    double[] generation = new double[points];
    double[] step = new double[points];
    Arrays.fill(generation, Double.POSITIVE_INFINITY);
    Arrays.fill(step, Double.POSITIVE_INFINITY);
    for (int round = 0; round < ROUNDS; round++) {
      for (int p = 0; p < points; p++) {
        time(axis.points().get(p).workload(), generation, step, p);
      }
    }
    return new Curve(
        axis.name(),
        axis.points().stream().mapToDouble(Axis.Point::size).toArray(),
        generation,
        step);
  }

  /** Keeps the shorter times; the first generation and step of a model are not timed. */
  private static void time(GrpoWorkload workload, double[] generation, double[] step, int point) {
    try (CausalLm model = workload.model();
        GrpoTrainer trainer = workload.trainer(model, false)) {
      trainer.step();
      step[point] = Math.min(step[point], seconds(trainer::step));
      generation[point] = Math.min(generation[point], seconds(() -> workload.generate(model, 1)));
    }
  }

  private static double seconds(Runnable work) {
    long start = THREADS.getCurrentThreadCpuTime();
    work.run();
    return (THREADS.getCurrentThreadCpuTime() - start) * 1e-9;
  }
}
