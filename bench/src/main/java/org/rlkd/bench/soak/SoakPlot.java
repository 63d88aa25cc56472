package org.rlkd.bench.soak;

import java.text.DecimalFormat;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** Memory above, step time below, over the minutes of a run; both scales begin at 0. */
final class SoakPlot {
  private static final int WIDTH = 760;
  private static final int HEIGHT = 200;
  private static final int LEFT = 60;
  private static final int RIGHT = 30;
  private static final int TOP = 32;
  private static final int BOTTOM = 24;
  private static final int TICKS = 5;

  /** A figure as a line. */
  private record Line(String name, String colour, ToDoubleFunction<SoakSample> figure) {}

  private SoakPlot() {}

  static String svg(List<SoakSample> samples) {
    StringBuilder svg = new StringBuilder();
    svg.append(
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="%1$d" height="%2$d" viewBox="0 0 %1$d %2$d" font-family="sans-serif" font-size="11">
        <rect width="100%%" height="100%%" fill="white"/>
        """
            .formatted(WIDTH, 2 * HEIGHT));
    panel(
        svg,
        samples,
        0,
        "MB",
        List.of(
            new Line("resident memory", "#1f6fb4", s -> s.residentBytes() * 1e-6),
            new Line("Java heap after a collection", "#d9660f", s -> s.heapBytes() * 1e-6)));
    panel(
        svg,
        samples,
        HEIGHT,
        "ms a step",
        List.of(
            new Line("time", "#aaaaaa", s -> s.stepSeconds() * 1e3),
            new Line("CPU time of the training thread", "#2a8a3e", s -> s.stepCpuSeconds() * 1e3)));
    return svg.append("</svg>\n").toString();
  }

  private static void panel(
      StringBuilder svg, List<SoakSample> samples, int y0, String unit, List<Line> lines) {
    double most =
        lines.stream()
            .flatMapToDouble(line -> samples.stream().mapToDouble(line.figure))
            .max()
            .orElseThrow();
    double step = tick(most);
    double top = step * Math.ceil(most / step);
    double minutes = samples.get(samples.size() - 1).minutes();
    svg.append("<text x=\"%d\" y=\"%d\">%s".formatted(LEFT, y0 + TOP - 12, unit));
    for (Line line : lines) {
      svg.append("<tspan dx=\"14\" fill=\"%s\">%s</tspan>".formatted(line.colour, line.name));
    }
    svg.append("</text>\n");
    for (double value = 0; value <= top * 1.001; value += step) {
      double y = y0 + y(value, top);
      svg.append(
          "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>%n"
              .formatted(LEFT, WIDTH - RIGHT, y, y, LEFT - 5, y + 4, number(value)));
    }
    double every = tick(minutes);
    for (double minute = 0; minute <= minutes * 1.001; minute += every) {
      svg.append(
          "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s min</text>%n"
              .formatted(x(minute, minutes), y0 + HEIGHT - BOTTOM + 15, number(minute)));
    }
    for (Line line : lines) {
      StringBuilder points = new StringBuilder();
      for (SoakSample sample : samples) {
        points.append(
            "%.1f,%.1f "
                .formatted(
                    x(sample.minutes(), minutes), y0 + y(line.figure.applyAsDouble(sample), top)));
      }
      svg.append(
          "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.3\"/>%n"
              .formatted(points.toString().strip(), line.colour));
    }
  }

  /** 1, 2 or 5 times a power of ten, so that there are about {@value #TICKS}. */
  private static double tick(double most) {
    double power = Math.pow(10, Math.floor(Math.log10(most / TICKS)));
    double rest = most / TICKS / power;
    return power * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
  }

  private static String number(double value) {
    return new DecimalFormat("0.###").format(value);
  }

  private static double x(double minute, double minutes) {
    return LEFT + minute / minutes * (WIDTH - LEFT - RIGHT);
  }

  private static double y(double value, double top) {
    return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
  }
}
