package org.rlkd.bench;

import java.util.Arrays;

/** Parses a benchmark's shape, for example {@code 64x49152}. */
public final class Shape {
  private Shape() {}

  /** The numbers between the x's. */
  public static long[] of(String text) {
    return Arrays.stream(text.split("x")).mapToLong(Long::parseLong).toArray();
  }

  /** Their product. */
  public static long elements(String text) {
    return Arrays.stream(of(text)).reduce(1, Math::multiplyExact);
  }
}
