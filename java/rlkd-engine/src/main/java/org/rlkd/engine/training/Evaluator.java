package org.rlkd.engine.training;

import java.util.Map;

/** Measures a model on held-out data. */
@FunctionalInterface
public interface Evaluator {
  /** The metrics of the model as it stands, by their TRL names without {@code eval_}. */
  Map<String, Double> evaluate();
}
