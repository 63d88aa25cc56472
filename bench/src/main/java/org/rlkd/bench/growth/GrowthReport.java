package org.rlkd.bench.growth;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import org.rlkd.bench.Machine;
import org.rlkd.core.InputException;
import org.rlkd.engine.tensor.CpuThreads;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rlkd bench growth}: curves, exponents and plots. */
@Command(
    name = "growth",
    description = {
      "Measures how the CPU time of generation and of a GRPO step and the peak memory of steps grow"
          + " with model, batch, lengths and vocabulary, in some minutes. Writes growth.svg and"
          + " growth-memory.svg and prints the exponents as Markdown."
    },
    mixinStandardHelpOptions = true)
public final class GrowthReport implements Runnable {
  private static final String BLUE = "#1f6fb4";
  private static final String ORANGE = "#d9660f";

  /** What can be measured. */
  enum Cost {
    TIME,
    MEMORY
  }

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "target/bench",
      description = "For the plots. Default: ${DEFAULT-VALUE}.")
  private Path out;

  @Option(names = "--only", paramLabel = "COST", description = "time or memory; default: both.")
  private Cost only;

  @Override
  public void run() {
    if (only != Cost.MEMORY) {
      time();
    }
    if (only != Cost.TIME) {
      memory();
    }
    System.out.printf("%s. Plots: %s%n", Machine.here(1), out);
  }

  private void time() {
    CpuThreads.set(1); // the cost is this thread's CPU time
    List<Growth.Curve> curves =
        Growth.measure(curve -> System.err.printf("%s: %s%n", curve.name(), times(curve.step())));
    write(
        "growth.svg",
        GrowthPlot.svg(
            "CPU seconds of a GRPO step (<tspan fill=\"%s\">blue</tspan>) and of its generation (<tspan fill=\"%s\">orange</tspan>)"
                .formatted(BLUE, ORANGE),
            decade ->
                decade >= 0
                    ? "%.0f s".formatted(Math.pow(10, decade))
                    : "%.0f ms".formatted(Math.pow(10, decade + 3)),
            curves.stream()
                .map(
                    curve ->
                        new GrowthPlot.Panel(
                            curve.name(),
                            curve.sizes(),
                            List.of(
                                new GrowthPlot.Line(BLUE, curve.step()),
                                new GrowthPlot.Line(ORANGE, curve.generation()))))
                .toList()));
    System.out.println(timeTable(curves));
  }

  private void memory() {
    List<PeakMemory.Curve> curves =
        PeakMemory.measure(
            curve -> System.err.printf("%s: %s%n", curve.name(), megabytes(curve.beyond())));
    write(
        "growth-memory.svg",
        GrowthPlot.svg(
            "Peak memory of GRPO steps beyond that of the least steps",
            decade ->
                decade >= 9
                    ? "%.0f GB".formatted(Math.pow(10, decade - 9))
                    : "%.0f MB".formatted(Math.pow(10, decade - 6)),
            curves.stream()
                .map(
                    curve ->
                        new GrowthPlot.Panel(
                            curve.name(),
                            curve.sizes(),
                            List.of(new GrowthPlot.Line(BLUE, curve.beyond()))))
                .toList()));
    System.out.println(memoryTable(curves));
  }

  private void write(String name, String svg) {
    Path file = out.resolve(name);
    try {
      Files.createDirectories(out);
      Files.writeString(file, svg);
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(file, e), e);
    }
  }

  /** The exponents of time as Markdown. */
  static String timeTable(List<Growth.Curve> curves) {
    StringBuilder text = new StringBuilder();
    text.append(
        "| grows | sizes | step, CPU ms | generation, CPU ms | exponent of the step | of generation |\n");
    text.append("|---|---|---|---|---|---|\n");
    for (Growth.Curve curve : curves) {
      text.append(
          "| %s | %s | %s | %s | %s | %s |%n"
              .formatted(
                  curve.name(),
                  sizes(curve.sizes()),
                  times(curve.step()),
                  times(curve.generation()),
                  exponents(curve.sizes(), curve.step()),
                  exponents(curve.sizes(), curve.generation())));
    }
    text.append("\nExponents: fitted over all sizes, and in brackets between the last two.\n");
    return text.toString();
  }

  private static String memoryTable(List<PeakMemory.Curve> curves) {
    StringBuilder text = new StringBuilder();
    text.append(
        "| grows | sizes | peak of the process, MB | beyond the least steps, MB | exponent |\n");
    text.append("|---|---|---|---|---|\n");
    for (PeakMemory.Curve curve : curves) {
      text.append(
          "| %s | %s | %s | %s | %s |%n"
              .formatted(
                  curve.name(),
                  sizes(curve.sizes()),
                  megabytes(curve.peak()),
                  megabytes(curve.beyond()),
                  exponents(curve.sizes(), curve.beyond())));
    }
    text.append(
        "\nExponents of what is beyond: fitted over all sizes, and in brackets between the last two.\n");
    return text.toString();
  }

  private static String exponents(double[] sizes, double[] costs) {
    return "%.2f (%.2f)"
        .formatted(PowerLaw.exponent(sizes, costs), PowerLaw.lastExponent(sizes, costs));
  }

  private static String sizes(double[] sizes) {
    boolean millions = sizes[sizes.length - 1] >= 1e6;
    return list(
        Arrays.stream(sizes).map(size -> millions ? Math.round(size / 1e4) / 100.0 : size),
        millions ? " M" : "");
  }

  private static String times(double[] seconds) {
    return list(Arrays.stream(seconds).map(s -> Math.round(s * 1e4) / 10.0), "");
  }

  private static String megabytes(double[] bytes) {
    return list(Arrays.stream(bytes).map(b -> Math.rint(b * 1e-6)), "");
  }

  private static String list(DoubleStream values, String unit) {
    return values
            .mapToObj(
                value ->
                    value == Math.rint(value)
                        ? String.format(Locale.ROOT, "%.0f", value)
                        : Double.toString(value))
            .collect(Collectors.joining(", "))
        + unit;
  }
}
