package org.rlkd.core.config;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where models run, as {@code rlkd.device} and {@code --device} say it: {@code cpu}, {@code cuda}
 * (the first device) or {@code cuda:INDEX}.
 *
 * @param kind CPU or CUDA
 * @param index CUDA ordinal, as CUDA_VISIBLE_DEVICES leaves them; 0 for the CPU
 */
public record DeviceSpec(Kind kind, int index) {
  public static final DeviceSpec CPU = new DeviceSpec(Kind.CPU, 0);

  /** For messages. */
  public static final String EXPECTED = "cpu, cuda or cuda:INDEX";

  private static final Pattern CUDA = Pattern.compile("cuda(?::(0|[1-9][0-9]{0,2}))?");

  /** The kinds of devices. */
  public enum Kind {
    CPU,
    CUDA
  }

  /** Reads a device's name; empty if it is none. Case counts, as for PyTorch. */
  public static Optional<DeviceSpec> parse(String text) {
    if (text.equals("cpu")) {
      return Optional.of(CPU);
    }
    Matcher cuda = CUDA.matcher(text);
    return cuda.matches()
        ? Optional.of(
            new DeviceSpec(Kind.CUDA, cuda.group(1) == null ? 0 : Integer.parseInt(cuda.group(1))))
        : Optional.empty();
  }

  /** {@code cpu} or {@code cuda:INDEX}. */
  @Override
  public String toString() {
    return kind == Kind.CPU ? "cpu" : "cuda:" + index;
  }
}
