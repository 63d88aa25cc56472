package org.rlkd.core.config;

/** {@code multi_objective_aggregation}: how several rewards become one advantage. */
public enum Aggregation {
  SUM_THEN_NORMALIZE,
  NORMALIZE_THEN_SUM
}
