package org.rlkd.cli.experiment;

import java.util.List;
import java.util.function.Function;
import org.rlkd.engine.evaluation.Bootstrap.Interval;

/** avg@8 of every arm with its interval, and pass@8, as an SVG of two panels. */
final class IntervalPlot {
  private static final int LABELS = 230;
  private static final int PANEL = 300;
  private static final int GAP = 30;
  private static final int ROW = 24;
  private static final int TOP = 60;
  private static final String AVERAGE = "#1f5fa8";
  private static final String PASS = "#c26a1a";

  private IntervalPlot() {}

  static String of(List<ArmSummary> arms) {
    int width = LABELS + 2 * PANEL + 2 * GAP;
    int bottom = TOP + ROW * arms.size();
    StringBuilder svg = new StringBuilder();
    svg.append(
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %1$d %2$d" width="%1$d" height="%2$d" font-family="sans-serif" font-size="12">
        <rect width="%1$d" height="%2$d" fill="white"/>
        """
            .formatted(width, bottom + 50));
    for (int i = 0; i < arms.size(); i++) {
      svg.append(text(LABELS - 8, centre(i) + 4, "end", "#222", arms.get(i).title()));
    }
    panel(svg, LABELS, bottom, "held-out problems", arms, ArmSummary::heldOut);
    panel(svg, LABELS + PANEL + GAP, bottom, "problems of more steps", arms, ArmSummary::longer);
    svg.append(
        "<circle cx=\"%d\" cy=\"%d\" r=\"4\" fill=\"%s\"/>\n"
            .formatted(LABELS + 6, bottom + 38, AVERAGE));
    svg.append(text(LABELS + 16, bottom + 42, "start", "#222", "avg@8 and its 95 % interval"));
    svg.append(cross(LABELS + 226, bottom + 38));
    svg.append(text(LABELS + 236, bottom + 42, "start", "#222", "pass@8"));
    return svg.append("</svg>\n").toString();
  }

  private static void panel(
      StringBuilder svg,
      int left,
      int bottom,
      String title,
      List<ArmSummary> arms,
      Function<ArmSummary, ArmSummary.Scores> scores) {
    svg.append(text(left + PANEL / 2, TOP - 36, "middle", "#222", title + ", per cent"));
    for (int tick = 0; tick <= 100; tick += 20) {
      double x = x(left, tick / 100.0);
      svg.append(line(x, TOP - 6, x, bottom, "#ddd", 1));
      svg.append(text(x, TOP - 14, "middle", "#666", Integer.toString(tick)));
    }
    for (int i = 0; i < arms.size(); i++) {
      Interval average = scores.apply(arms.get(i)).average();
      double y = centre(i);
      svg.append(line(x(left, average.low()), y, x(left, average.high()), y, AVERAGE, 2));
      svg.append(
          "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n"
              .formatted(x(left, average.mean()), y, AVERAGE));
      svg.append(cross(x(left, scores.apply(arms.get(i)).pass().mean()), y));
    }
  }

  private static double x(int left, double share) {
    return left + PANEL * share;
  }

  private static double centre(int row) {
    return TOP + ROW * (row + 0.5);
  }

  private static String cross(double x, double y) {
    return line(x - 3, y - 3, x + 3, y + 3, PASS, 2) + line(x - 3, y + 3, x + 3, y - 3, PASS, 2);
  }

  private static String line(
      double x1, double y1, double x2, double y2, String colour, int strokeWidth) {
    return "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"%d\"/>\n"
        .formatted(x1, y1, x2, y2, colour, strokeWidth);
  }

  private static String text(double x, double y, String anchor, String colour, String text) {
    return "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n"
        .formatted(x, y, anchor, colour, text);
  }
}
