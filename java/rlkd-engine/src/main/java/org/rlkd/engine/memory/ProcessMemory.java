package org.rlkd.engine.memory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** The resident memory of this process as Linux counts it. */
public final class ProcessMemory {
  private static final Path STATUS = Path.of("/proc/self/status");

  private ProcessMemory() {}

  /** The most bytes that were resident at any time; empty where there is no procfs. */
  public static OptionalLong peak() {
    return status("VmHWM:");
  }

  /** The bytes that are resident now; empty where there is no procfs. */
  public static OptionalLong resident() {
    return status("VmRSS:");
  }

  private static OptionalLong status(String key) {
    try {
      return Files.readAllLines(STATUS).stream()
          .filter(line -> line.startsWith(key))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D+", "")) << 10)
          .findFirst();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }
}
