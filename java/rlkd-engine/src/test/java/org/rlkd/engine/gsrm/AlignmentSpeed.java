package org.rlkd.engine.gsrm;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import org.rlkd.core.gsrm.AlignmentOptions;
import org.rlkd.core.gsrm.AlignmentOptions.Alignment;
import org.rlkd.core.gsrm.AlignmentOptions.Normalize;
import org.rlkd.core.gsrm.AlignmentPair;
import org.rlkd.core.gsrm.AlignmentScore;
import org.rlkd.core.gsrm.Judgement;
import org.rlkd.core.gsrm.PathAlignment;
import org.rlkd.engine.tensor.Device;

/**
 * Times the alignment of 4,096 judged pairs of 12 x 12 steps: the kernel by way of {@link
 * NativeStructureAlignment}, packing included, beside a plain loop over objects ({@link
 * PathAlignment}). Their results are compared first.
 */
final class AlignmentSpeed {
  private static final int PAIRS = 4096;
  private static final int STEPS = 12;
  private static final int ROUNDS = 15;

  public static void main(String[] arguments) {
    SplittableRandom random = new SplittableRandom(7);
    List<AlignmentPair> pairs = new ArrayList<>();
    List<List<List<Judgement>>> objects = new ArrayList<>();
    int[] chain = new int[STEPS];
    Arrays.setAll(chain, node -> node - 1);
    for (int p = 0; p < PAIRS; p++) {
      float[][] kinds = new float[3][STEPS * STEPS];
      List<List<Judgement>> rows = new ArrayList<>();
      for (int i = 0; i < STEPS; i++) {
        List<Judgement> row = new ArrayList<>();
        for (int j = 0; j < STEPS; j++) {
          for (float[] kind : kinds) {
            kind[i * STEPS + j] = (float) random.nextDouble();
          }
          int k = i * STEPS + j;
          row.add(new Judgement(kinds[0][k], kinds[1][k], kinds[2][k]));
        }
        rows.add(row);
      }
      pairs.add(new AlignmentPair(kinds[0], kinds[1], kinds[2], STEPS, chain));
      objects.add(rows);
    }
    NativeStructureAlignment alignment = new NativeStructureAlignment(Device.CPU);
    for (AlignmentOptions options :
        List.of(
            AlignmentOptions.PAPER,
            new AlignmentOptions(Alignment.MONOTONE, Normalize.TEACHER, 0.9))) {
      List<AlignmentScore> scores = alignment.score(pairs, options);
      for (int p = 0; p < PAIRS; p++) {
        double expected = PathAlignment.of(objects.get(p), STEPS, options).reward();
        if (!(Math.abs(scores.get(p).reward() - expected) <= 1e-4)) {
          throw new AssertionError("pair " + p + ": " + scores.get(p) + ", expected " + expected);
        }
      }
      double kernel = best(() -> alignment.score(pairs, options));
      double loop =
          best(
              () -> {
                double sum = 0;
                for (List<List<Judgement>> rows : objects) {
                  sum += PathAlignment.of(rows, STEPS, options).reward();
                }
                return sum;
              });
      System.out.printf(
          "%s: %d pairs of %d x %d: kernel %.2f ms, loop over objects %.1f ms, %.1f times%n",
          options.alignment(), PAIRS, STEPS, STEPS, kernel, loop, loop / kernel);
    }
  }

  /** CPU time of this thread, best of the rounds, in milliseconds: the machine is shared. */
  private static double best(Supplier<Object> work) {
    double best = Double.POSITIVE_INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
      long started = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
      Object result = work.get();
      double millis =
          (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - started) / 1e6;
      if (result == null) {
        throw new AssertionError("no result");
      }
      best = Math.min(best, millis);
    }
    return best;
  }
}
