package org.rlkd.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.TreeMap;

/** Checks differences against their limits and remembers the largest of each kind. */
public final class LargestDifference {
  private final Map<String, Double> largest = new TreeMap<>();

  /** Fails on a difference above the limit and on NaN. */
  public void check(String kind, String where, double difference, double limit) {
    largest.merge(kind, difference, Math::max);
    assertThat(difference <= limit)
        .as("%s of %s differs by %s, limit %s", kind, where, difference, limit)
        .isTrue();
  }

  public void checkEach(
      String kind, String where, float[] actual, float[] expected, boolean[] rows, double limit) {
    assertThat(actual).as("%s of %s", kind, where).hasSameSizeAs(expected);
    int width = actual.length / rows.length;
    double maximum = 0;
    for (int i = 0; i < actual.length; i++) {
      if (rows[i / width]) {
        double difference = Math.abs((double) actual[i] - expected[i]);
        maximum = difference <= maximum ? maximum : difference;
        if (Double.isNaN(maximum)) {
          break;
        }
      }
    }
    check(kind, where, maximum, limit);
  }

  /** ||actual - expected|| / ||expected||. */
  public static double relativeNorm(float[] actual, float[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < actual.length; i++) {
      double d = (double) actual[i] - expected[i];
      difference += d * d;
      norm += (double) expected[i] * expected[i];
    }
    return Math.sqrt(difference / norm);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    largest.forEach((kind, value) -> text.append(String.format(" %s %.2e;", kind, value)));
    return text.toString();
  }
}
