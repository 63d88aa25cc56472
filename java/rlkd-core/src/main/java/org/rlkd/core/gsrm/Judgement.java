package org.rlkd.core.gsrm;

/**
 * A judge's answer to the three questions about a pair of steps: do the meta-reasonings, the
 * queries and the answers agree?
 *
 * <p>Each is a probability in [0, 1]; a judge that says yes or no gives 1 or 0. NaN means that the
 * judge failed on this question, which makes the reward of the completion unscorable; it never
 * means "no".
 *
 * @param failure why there is a NaN; null where there is none, or no reason is known
 */
public record Judgement(double meta, double query, double answer, String failure) {
  /** The judge failed on this pair. */
  public static final Judgement FAILED = new Judgement(Double.NaN, Double.NaN, Double.NaN);

  public Judgement {
    requireProbability("meta", meta);
    requireProbability("query", query);
    requireProbability("answer", answer);
  }

  /** A judgement without a reason for failures. */
  public Judgement(double meta, double query, double answer) {
    this(meta, query, answer, null);
  }

  /** True if any of the three is NaN. */
  public boolean failed() {
    return Double.isNaN(meta) || Double.isNaN(query) || Double.isNaN(answer);
  }

  /** The probability for one of the three. */
  public double of(Aspect aspect) {
    return switch (aspect) {
      case META_REASONING -> meta;
      case QUERY -> query;
      case ANSWER -> answer;
    };
  }

  /**
   * What an open gate pays for the step: 0.5^(1-query) 0.5^(1-answer), in [0.25, 1] (RLKD, eq. for
   * r_i).
   */
  public double stepWeight() {
    return Math.pow(0.5, 1 - query) * Math.pow(0.5, 1 - answer);
  }

  private static void requireProbability(String name, double value) {
    if (value < 0 || value > 1) {
      throw new IllegalArgumentException(
          "judgement "
              + name
              + " = "
              + value
              + "; expected a probability in [0, 1], or NaN for a failed judge");
    }
  }
}
