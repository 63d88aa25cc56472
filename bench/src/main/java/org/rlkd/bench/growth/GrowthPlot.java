package org.rlkd.bench.growth;

import java.util.Arrays;
import java.util.List;

/**
 * The curves as small log-log panels, with a dashed line of slope 1 through each step's last point.
 */
final class GrowthPlot {
  private static final int COLUMNS = 4;
  private static final int WIDTH = 230;
  private static final int HEIGHT = 200;
  private static final int LEFT = 46;
  private static final int TOP = 34;
  private static final int RIGHT = 14;
  private static final int BOTTOM = 30;
  private static final String STEP = "#1f6fb4";
  private static final String GENERATION = "#d9660f";

  /** Panels are equally wide and high in decades, so that slopes can be compared. */
  private static final double X_DECADES = 2.2;

  private static final double Y_DECADES = 2.4;

  private GrowthPlot() {}

  static String svg(List<Growth.Curve> curves) {
    int rows = (curves.size() + COLUMNS - 1) / COLUMNS;
    StringBuilder svg = new StringBuilder();
    svg.append(
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="%1$d" height="%2$d" viewBox="0 0 %1$d %2$d" font-family="sans-serif" font-size="11">
        <rect width="100%%" height="100%%" fill="white"/>
        <text x="12" y="18" font-size="13">CPU seconds of a GRPO step (<tspan fill="%3$s">blue</tspan>) and of its generation (<tspan fill="%4$s">orange</tspan>); dashed: proportional to the size</text>
        """
            .formatted(COLUMNS * WIDTH, rows * HEIGHT + 26, STEP, GENERATION));
    for (int i = 0; i < curves.size(); i++) {
      svg.append(
          "<g transform=\"translate(%d %d)\">%n"
              .formatted(i % COLUMNS * WIDTH, 26 + i / COLUMNS * HEIGHT));
      panel(svg, curves.get(i));
      svg.append("</g>\n");
    }
    return svg.append("</svg>\n").toString();
  }

  private static void panel(StringBuilder svg, Growth.Curve curve) {
    double[] sizes = curve.sizes();
    double x0 = Math.log10(sizes[0]) - 0.1;
    double least = Arrays.stream(curve.generation()).min().orElseThrow();
    double y0 = Math.log10(least) - 0.2;
    Scale scale = new Scale(x0, y0);
    svg.append(
        "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#999\"/>%n"
            .formatted(LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM));
    svg.append(
        "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>%n"
            .formatted(LEFT, TOP - 6, curve.name()));
    for (int decade = (int) Math.ceil(y0); decade <= y0 + Y_DECADES; decade++) {
      double y = scale.y(Math.pow(10, decade));
      svg.append(
          "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>%n"
              .formatted(LEFT, WIDTH - RIGHT, y, y, LEFT - 4, y + 4, seconds(decade)));
    }
    for (double size : sizes) {
      svg.append(
          "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" font-size=\"9\">%s</text>%n"
              .formatted(scale.x(size), HEIGHT - BOTTOM + 13, label(size)));
    }
    int last = sizes.length - 1;
    double slopeOne = curve.step()[last] / sizes[last];
    double from = Math.max(sizes[0], Math.pow(10, y0) / slopeOne); // within the panel
    svg.append(
        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#888\" stroke-dasharray=\"4 3\"/>%n"
            .formatted(
                scale.x(from),
                scale.y(slopeOne * from),
                scale.x(sizes[last]),
                scale.y(curve.step()[last])));
    line(svg, scale, sizes, curve.generation(), GENERATION);
    line(svg, scale, sizes, curve.step(), STEP);
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

  private static String seconds(int decade) {
    return decade >= 0
        ? "%.0f s".formatted(Math.pow(10, decade))
        : "%.0f ms".formatted(Math.pow(10, decade + 3));
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
