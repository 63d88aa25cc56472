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

/** {@code rlkd bench growth}: curves, exponents and a plot. */
@Command(
    name = "growth",
    description = {
      "Measures how generation and a GRPO step grow with model, batch, lengths and vocabulary, in some"
          + " minutes. Writes growth.svg and prints the exponents as Markdown."
    },
    mixinStandardHelpOptions = true)
public final class GrowthReport implements Runnable {
  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "target/bench",
      description = "For growth.svg. Default: ${DEFAULT-VALUE}.")
  private Path out;

  @Override
  public void run() {
    CpuThreads.set(1); // the cost is this thread's CPU time
    List<Growth.Curve> curves =
        Growth.measure(curve -> System.err.printf("%s: %s%n", curve.name(), times(curve.step())));
    Path file = out.resolve("growth.svg");
    try {
      Files.createDirectories(out);
      Files.writeString(file, GrowthPlot.svg(curves));
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(file, e), e);
    }
    System.out.print(table(curves));
    System.out.printf("%n%s. Plot: %s%n", Machine.here(1), file);
  }

  /** The exponents as Markdown. */
  static String table(List<Growth.Curve> curves) {
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
