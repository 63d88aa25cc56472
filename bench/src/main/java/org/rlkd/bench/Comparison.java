package org.rlkd.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.rlkd.core.InputException;

/** Ratios of a run to an earlier one of the same machine. */
public final class Comparison {
  private final Results before;
  private final Results now;

  /**
   * Compares two runs.
   *
   * @param anyMachine compares those of different machines too, and says so
   * @throws InputException if the machines differ and that is not wanted
   */
  public Comparison(Results before, Results now, boolean anyMachine) {
    requireSame(before.machine(), now.machine(), anyMachine);
    this.before = before;
    this.now = now;
  }

  /**
   * Refuses another machine's figures.
   *
   * @throws InputException if the machines differ and {@code anyMachine} is false
   */
  static void requireSame(Machine before, Machine now, boolean anyMachine) {
    if (!anyMachine && !before.equals(now)) {
      throw new InputException(
          "--compare: the file is of another machine (%s), this one is %s. Times of different machines say nothing about a change; save a run here with --json first, or add --force."
              .formatted(before, now));
    }
  }

  /** Speed-up of every benchmark as Markdown: before / now, so that more than 1 is faster now. */
  public String table() {
    Map<String, Measurement> earlier =
        before.measurements().stream()
            .collect(
                Collectors.toMap(
                    Measurement::label, m -> m, (first, second) -> second, LinkedHashMap::new));
    StringBuilder text = new StringBuilder();
    text.append(
        "Before: rlkd %s, %s. More than 1 is faster now.%n"
            .formatted(before.version(), before.date()));
    if (!before.machine().equals(now.machine())) {
      text.append(
          "OTHER MACHINE: before %s, now %s. The ratios are of the machines too.%n"
              .formatted(before.machine(), now.machine()));
    }
    text.append("\n| benchmark | before | now | by medians | by minima | machine's limit |\n");
    text.append("|---|---|---|---|---|---|\n");
    for (Measurement m : now.measurements()) {
      Measurement old = earlier.remove(m.label());
      if (old == null) {
        text.append(
            "| %s | - | %s | new | new | |%n"
                .formatted(m.label(), Results.seconds(m.medianSeconds())));
        continue;
      }
      text.append(
          "| %s | %s | %s | %.2f | %.2f | %.2f |%n"
              .formatted(
                  m.label(),
                  Results.seconds(old.medianSeconds()),
                  Results.seconds(m.medianSeconds()),
                  old.medianSeconds() / m.medianSeconds(),
                  old.minSeconds() / m.minSeconds(),
                  limitRatio(old, m)));
    }
    earlier
        .keySet()
        .forEach(label -> text.append("| %s | was not run now | | | | |%n".formatted(label)));
    text.append(
        "\nThe last column is the same ratio of the limit: where it is not near 1 the machine was busier in one of the runs.\n");
    return text.toString();
  }

  private static double limitRatio(Measurement before, Measurement now) {
    return now.work().flops() > 0
        ? now.gemmFlopsPerSecond() / before.gemmFlopsPerSecond()
        : now.triadBytesPerSecond() / before.triadBytesPerSecond();
  }
}
