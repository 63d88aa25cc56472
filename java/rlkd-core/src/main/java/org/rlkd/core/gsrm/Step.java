package org.rlkd.core.gsrm;

import java.util.Objects;

/**
 * One meta-reasoning/solving step of a reasoning path (arXiv 2505.16142, section 3).
 *
 * @param metaReasoning why this sub-problem comes next; empty if the path does not say
 * @param query the sub-problem; empty if missing
 * @param answer the result of the sub-problem; empty if missing
 */
public record Step(String metaReasoning, String query, String answer) {

  public Step {
    Objects.requireNonNull(metaReasoning, "metaReasoning");
    Objects.requireNonNull(query, "query");
    Objects.requireNonNull(answer, "answer");
  }
}
