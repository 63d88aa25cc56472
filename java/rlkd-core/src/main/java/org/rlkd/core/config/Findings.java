package org.rlkd.core.config;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.rlkd.core.UsageException;

/** Everything that is wrong with a configuration, so that it can be said at once. */
final class Findings {

  private record Finding(String source, int line, String message) {}

  private final Set<Finding> findings = new LinkedHashSet<>();

  /**
   * Adds a finding, once.
   *
   * @param source file or {@code --set}
   * @param line from 1, or 0 if there is none
   */
  void add(String source, int line, String message) {
    findings.add(new Finding(source, line, message));
  }

  void throwIfAny() {
    if (findings.isEmpty()) {
      return;
    }
    List<Finding> sorted = new ArrayList<>(findings);
    sorted.sort(Comparator.comparing(Finding::source).thenComparing(Finding::line));
    StringBuilder message = new StringBuilder();
    if (sorted.size() > 1) {
      message.append(sorted.size()).append(" problems in the configuration:");
    }
    for (Finding finding : sorted) {
      message
          .append(message.isEmpty() ? "" : "\n  ")
          .append(finding.source())
          .append(finding.line() > 0 ? ", line " + finding.line() : "")
          .append(": ")
          .append(finding.message());
    }
    throw new UsageException(message.toString());
  }
}
