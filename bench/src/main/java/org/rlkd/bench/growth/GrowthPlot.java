package org.rlkd.bench.growth;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;

/**
 * Costs by sizes as small log-log panels, with a dashed line of slope 1 through the last point of
 * each panel's first line.
 */
final class GrowthPlot {
  private static final int COLUMNS = 4;
  private static final int WIDTH = 230;
  private static final int HEIGHT = 200;
  private static final int LEFT = 46;
  private static final int TOP = 34;
  private static final int RIGHT = 14;
  private static final int BOTTOM = 30;

  /** Panels are equally wide and high in decades, so that slopes can be compared. */
  private static final double X_DECADES = 2.2;

  private static final double Y_DECADES = 2.4;

  /** Costs by sizes. */
  record Line(String colour, double[] costs) {}

  /** What grows, its sizes, and the lines over them. */
  record Panel(String name, double[] sizes, List<Line> lines) {}

  private GrowthPlot() {}

  /**
   * @param title SVG text above the panels
   * @param label of a power of ten of the costs
   */
  static String svg(String title, IntFunction<String> label, List<Panel> panels) {
    int rows = (panels.size() + COLUMNS - 1) / COLUMNS;
    StringBuilder svg = new StringBuilder();
    svg.append(
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="%1$d" height="%2$d" viewBox="0 0 %1$d %2$d" font-family="sans-serif" font-size="11">
        <rect width="100%%" height="100%%" fill="white"/>
        <text x="12" y="18" font-size="13">%3$s; dashed: proportional to the size</text>
        """
            .formatted(COLUMNS * WIDTH, rows * HEIGHT + 26, title));
    for (int i = 0; i < panels.size(); i++) {
      svg.append(
          "<g transform=\"translate(%d %d)\">%n"
              .formatted(i % COLUMNS * WIDTH, 26 + i / COLUMNS * HEIGHT));
      append(svg, panels.get(i), label);
      svg.append("</g>\n");
    }
    return svg.append("</svg>\n").toString();
  }

  private static void append(StringBuilder svg, Panel panel, IntFunction<String> label) {
    double[] sizes = panel.sizes();
    double x0 = Math.log10(sizes[0]) - 0.1;
    double least =
        panel.lines().stream()
            .flatMapToDouble(line -> Arrays.stream(line.costs()))
            .min()
            .orElseThrow();
    double y0 = Math.log10(least) - 0.2;
    Scale scale = new Scale(x0, y0);
    svg.append(
        "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#999\"/>%n"
            .formatted(LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM));
    svg.append(
        "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>%n"
            .formatted(LEFT, TOP - 6, panel.name()));
    for (int decade = (int) Math.ceil(y0); decade <= y0 + Y_DECADES; decade++) {
      double y = scale.y(Math.pow(10, decade));
      svg.append(
          "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>%n"
              .formatted(LEFT, WIDTH - RIGHT, y, y, LEFT - 4, y + 4, label.apply(decade)));
    }
    for (double size : sizes) {
      svg.append(
          "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" font-size=\"9\">%s</text>%n"
              .formatted(scale.x(size), HEIGHT - BOTTOM + 13, label(size)));
    }
    double[] first = panel.lines().get(0).costs();
    int last = sizes.length - 1;
    double slopeOne = first[last] / sizes[last];
    double from = Math.max(sizes[0], Math.pow(10, y0) / slopeOne); // within the panel
    svg.append(
        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#888\" stroke-dasharray=\"4 3\"/>%n"
            .formatted(
                scale.x(from),
                scale.y(slopeOne * from),
                scale.x(sizes[last]),
                scale.y(first[last])));
    panel.lines().forEach(line -> line(svg, scale, sizes, line.costs(), line.colour()));
  }

  private static void line(
      StringBuilder svg, Scale scale, double[] sizes, double[] costs, String colour) {
    StringBuilder points = new StringBuilder();
    for (int i = 0; i < sizes.length; i++) {
      points.append("%.1f,%.1f ".formatted(scale.x(sizes[i]), scale.y(costs[i])));
      svg.append(
          "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>%n"
              .formatted(scale.x(sizes[i]), scale.y(costs[i]), colour));
    }
    svg.append(
        "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"/>%n"
            .formatted(points.toString().strip(), colour));
  }

  private static String label(double size) {
    return size >= 1e6
        ? "%.1fM".formatted(size / 1e6)
        : size >= 1e5 ? "%.0fk".formatted(size / 1e3) : "%.0f".formatted(size);
  }

  /** From values to places of a panel. */
  private record Scale(double x0, double y0) {
    double x(double size) {
      return LEFT + (Math.log10(size) - x0) / X_DECADES * (WIDTH - LEFT - RIGHT);
    }

    double y(double cost) {
      return HEIGHT - BOTTOM - (Math.log10(cost) - y0) / Y_DECADES * (HEIGHT - TOP - BOTTOM);
    }
  }
}
