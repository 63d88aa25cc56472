package org.rlkd.core.gsrm;

/**
 * The answer to a {@link JudgeQuestion}.
 *
 * @param probability that the texts agree, in [0, 1]; NaN = failed
 * @param failure why; null where the probability is a number
 */
public record Verdict(double probability, String failure) {
  public Verdict {
    if (probability < 0 || probability > 1 || Double.isNaN(probability) != (failure != null)) {
      throw new IllegalArgumentException(
          "verdict %s with failure %s; expected a probability in [0, 1], or NaN and the reason"
              .formatted(probability, failure));
    }
  }

  public static Verdict of(double probability) {
    return new Verdict(probability, null);
  }

  public static Verdict failed(String reason) {
    return new Verdict(Double.NaN, reason);
  }
}
