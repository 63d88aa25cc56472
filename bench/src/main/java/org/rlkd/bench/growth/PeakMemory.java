package org.rlkd.bench.growth;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.rlkd.bench.GrpoWorkload;
import org.rlkd.core.InputException;
import org.rlkd.engine.memory.ProcessMemory;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.tensor.CpuThreads;
import org.rlkd.engine.training.GrpoTrainer;

/**
 * How the most memory that GRPO steps need at any time grows with model, batch, lengths and
 * vocabulary. Each size has a process of its own, which Linux keeps the peak of.
 */
final class PeakMemory {
  private static final int STEPS = 2; // the first makes the optimizer's state

  /** Next to nothing: libraries, classes and compiled code are all that a step of it needs. */
  private static final GrpoWorkload LEAST = new GrpoWorkload(64, 1, 64, 1, 2, 2, 2);

  /**
   * Garbage of the Java heap is memory too, 16 MB of it at most in every size; and so are the tens
   * of megabytes that the second compiler takes when it pleases.
   */
  private static final List<String> STEADY = List.of("-Xmn16m", "-XX:TieredStopAtLevel=1");

  private static final String PEAK = "peak ";

  /**
   * The peaks of an axis, at its points.
   *
   * @param name of the axis
   * @param sizes the points
   * @param peak bytes of the process
   * @param beyond bytes that steps of {@link #LEAST} do not need
   */
  record Curve(String name, double[] sizes, double[] peak, double[] beyond) {}

  private PeakMemory() {}

  /**
   * Measures every axis.
   *
   * @param each hears of every curve as it comes
   */
  static List<Curve> measure(Consumer<Curve> each) {
    double base = peak(LEAST);
    List<Curve> curves = new ArrayList<>();
    for (Axis axis : Axis.all()) {
      double[] peak = axis.points().stream().mapToDouble(point -> peak(point.workload())).toArray();
      Curve curve =
          new Curve(
              axis.name(),
              axis.points().stream().mapToDouble(Axis.Point::size).toArray(),
              peak,
              Arrays.stream(peak).map(bytes -> bytes - base).toArray());
      curves.add(curve);
      each.accept(curve);
    }
    return curves;
  }

  /** Of a process that does the workload's steps. */
  private static long peak(GrpoWorkload workload) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(STEADY);
    command.addAll(
        List.of("-cp", System.getProperty("java.class.path"), PeakMemory.class.getName()));
    List.of(
            workload.hidden(),
            workload.layers(),
            workload.vocab(),
            workload.prompts(),
            workload.group(),
            workload.promptTokens(),
            workload.completionTokens())
        .forEach(number -> command.add(number.toString()));
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
      try (BufferedReader output =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
        return output
            .lines()
            .filter(line -> line.startsWith(PEAK))
            .map(line -> Long.parseLong(line.substring(PEAK.length())))
            .reduce((first, last) -> last)
            .orElseThrow(
                () ->
                    new InputException(
                        "the process of %s ended without a figure; what it said is above"
                            .formatted(workload)));
      }
    } catch (IOException e) {
      throw new InputException("no process for %s: %s".formatted(workload, e), e);
    }
  }

  /** The numbers of a {@link GrpoWorkload}. Prints the peak of this process. */
  public static void main(String[] arguments) {
    CpuThreads.set(1);
    int[] size = Arrays.stream(arguments).mapToInt(Integer::parseInt).toArray();
    GrpoWorkload workload =
        new GrpoWorkload(size[0], size[1], size[2], size[3], size[4], size[5], size[6]);
    try (CausalLm model = workload.model();
        GrpoTrainer trainer = workload.trainer(model, false)) {
      for (int step = 0; step < STEPS; step++) {
        trainer.step();
      }
    }
    System.out.println(PEAK + ProcessMemory.peak().orElseThrow());
  }
}
