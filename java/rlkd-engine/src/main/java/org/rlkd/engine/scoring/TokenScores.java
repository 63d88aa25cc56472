package org.rlkd.engine.scoring;

/**
 * What a model says of a token sequence.
 *
 * @param tokens [T] the sequence
 * @param logprob [T - 1] log-probability (nats) of each token after the first, given those before
 *     it
 * @param entropy [T - 1] entropy (nats) of the distribution that each of them was drawn from
 */
public record TokenScores(int[] tokens, float[] logprob, float[] entropy) {

  /** Mean negative log-likelihood in nats a token; NaN for a sequence of one token. */
  public double meanNll() {
    double sum = 0;
    for (float value : logprob) {
      sum -= value;
    }
    return sum / logprob.length;
  }
}
