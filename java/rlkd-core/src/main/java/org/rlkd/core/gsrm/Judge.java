package org.rlkd.core.gsrm;

import java.util.List;
import java.util.Map;

/** Compares steps: does the student's step do what the teacher's does? */
public interface Judge {
  /**
   * Judges all pairs in one batch.
   *
   * @return one judgement per pair in the same order; {@link Judgement#FAILED} (or single NaNs)
   *     where the judge could not answer. An empty meta-reasoning, query or answer on either side
   *     is judged 0.
   */
  List<Judgement> judge(List<StepPair> pairs);

  /** Figures about its work so far, by metric name. */
  default Map<String, Double> metrics() {
    return Map.of();
  }
}
