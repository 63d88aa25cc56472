package org.rlkd.bench.soak;

import java.util.List;
import java.util.function.ToDoubleFunction;
import org.rlkd.bench.LeastSquares;
import org.rlkd.core.InputException;

/**
 * What a soak's samples say.
 *
 * @param minutes of the last sample
 * @param steps until then
 */
record SoakSummary(
    double minutes,
    long steps,
    Trend residentBytes,
    Trend heapBytes,
    Trend pointers,
    Trend stepCpuSeconds,
    Trend stepSeconds) {
  /** Fewer would leave a fifth with one sample. */
  private static final int LEAST_SAMPLES = 10;

  /**
   * A figure over a run.
   *
   * @param firstFifth its median over the first fifth of the samples, in which code is compiled and
   *     caches fill
   * @param secondFifth over the second fifth
   * @param lastFifth over the last fifth
   * @param slope what a step adds: the least-squares line through the last four fifths
   */
  record Trend(double firstFifth, double secondFifth, double lastFifth, double slope) {
    private static Trend of(List<SoakSample> samples, ToDoubleFunction<SoakSample> figure) {
      int fifth = samples.size() / 5;
      List<SoakSample> settled = samples.subList(fifth, samples.size());
      return new Trend(
          median(samples.subList(0, fifth), figure),
          median(samples.subList(fifth, 2 * fifth), figure),
          median(samples.subList(samples.size() - fifth, samples.size()), figure),
          LeastSquares.slope(
              settled.stream().mapToDouble(SoakSample::step).toArray(),
              settled.stream().mapToDouble(figure).toArray()));
    }

    private static double median(List<SoakSample> samples, ToDoubleFunction<SoakSample> figure) {
      return samples.stream()
          .mapToDouble(figure)
          .sorted()
          .skip(samples.size() / 2)
          .findFirst()
          .orElseThrow();
    }
  }

  static SoakSummary of(List<SoakSample> samples) {
    if (samples.size() < LEAST_SAMPLES) {
      throw new InputException(
          "found %d samples, expected at least %d: the run had too few steps for a trend; give it more --minutes"
              .formatted(samples.size(), LEAST_SAMPLES));
    }
    SoakSample last = samples.get(samples.size() - 1);
    return new SoakSummary(
        last.minutes(),
        last.step(),
        Trend.of(samples, SoakSample::residentBytes),
        Trend.of(samples, SoakSample::heapBytes),
        Trend.of(samples, SoakSample::pointers),
        Trend.of(samples, SoakSample::stepCpuSeconds),
        Trend.of(samples, SoakSample::stepSeconds));
  }

  /** The figures as a Markdown table. */
  String table() {
    return "| %.0f minutes, %,d steps | first fifth | second | last | a step adds |%n"
            .formatted(minutes, steps)
        + "|---|--:|--:|--:|--:|\n"
        + row("resident memory", residentBytes, 1e-6, "%.1f MB", 1, "%.0f B")
        + row("Java heap after a collection", heapBytes, 1e-6, "%.1f MB", 1, "%.0f B")
        + row("JavaCPP pointers", pointers, 1, "%.0f", 1, "%.4f")
        + row("CPU time of a step", stepCpuSeconds, 1e3, "%.1f ms", 1e9, "%.1f ns")
        + row("time of a step", stepSeconds, 1e3, "%.1f ms", 1e9, "%.1f ns");
  }

  private static String row(
      String name,
      Trend trend,
      double scale,
      String format,
      double slopeScale,
      String slopeFormat) {
    return "| %s | %s | %s | %s | %s |%n"
        .formatted(
            name,
            format.formatted(trend.firstFifth * scale),
            format.formatted(trend.secondFifth * scale),
            format.formatted(trend.lastFifth * scale),
            slopeFormat.formatted(trend.slope * slopeScale));
  }
}
