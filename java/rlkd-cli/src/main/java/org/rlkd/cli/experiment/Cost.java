package org.rlkd.cli.experiment;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/**
 * What a stage took.
 *
 * @param wallSeconds depends on what else the machine does
 * @param cpuSeconds of all threads of this process
 */
record Cost(
    @JsonProperty("wall_seconds") double wallSeconds,
    @JsonProperty("cpu_seconds") double cpuSeconds) {

  static final Cost NONE = new Cost(0, 0);

  /** What this process has used so far; subtract an earlier one. */
  static Cost now() {
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    return new Cost(System.nanoTime() * 1e-9, system.getProcessCpuTime() * 1e-9);
  }

  Cost minus(Cost other) {
    return new Cost(wallSeconds - other.wallSeconds, cpuSeconds - other.cpuSeconds);
  }

  Cost plus(Cost other) {
    return new Cost(wallSeconds + other.wallSeconds, cpuSeconds + other.cpuSeconds);
  }
}
