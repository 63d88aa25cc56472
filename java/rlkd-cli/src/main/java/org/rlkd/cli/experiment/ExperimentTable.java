package org.rlkd.cli.experiment;

import java.util.List;
import org.rlkd.engine.evaluation.Bootstrap.Interval;

/** The arms as a Markdown table: shares in per cent, 95 % intervals in brackets. */
final class ExperimentTable {
  private ExperimentTable() {}

  static String of(List<ArmSummary> arms) {
    StringBuilder text = new StringBuilder();
    text.append(
        "| arm | seeds | avg@8 | over GRPO | pass@8 | structure | longer: avg@8 | over GRPO | pass@8 | CPU s, own training | CPU s, in all |\n");
    text.append("|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (ArmSummary arm : arms) {
      text.append(
          "| %s | %d | %s | %s | %s | %s | %s | %s | %s | %.0f | %.0f |\n"
              .formatted(
                  arm.title(),
                  arm.seeds().size(),
                  share(arm.heldOut().average()),
                  points(arm.heldOut().overGrpo()),
                  share(arm.heldOut().pass()),
                  share(arm.heldOut().structure()),
                  share(arm.longer().average()),
                  points(arm.longer().overGrpo()),
                  share(arm.longer().pass()),
                  arm.training(),
                  arm.total()));
    }
    return text.toString();
  }

  private static String share(Interval interval) {
    return Double.isNaN(interval.mean())
        ? "-"
        : "%.1f [%.1f, %.1f]"
            .formatted(100 * interval.mean(), 100 * interval.low(), 100 * interval.high());
  }

  private static String points(Interval interval) {
    return interval == null
        ? "-"
        : "%+.1f [%+.1f, %+.1f]"
            .formatted(100 * interval.mean(), 100 * interval.low(), 100 * interval.high());
  }
}
