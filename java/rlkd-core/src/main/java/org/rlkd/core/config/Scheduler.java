package org.rlkd.core.config;

/** {@code lr_scheduler_type}, by the names of transformers. */
public enum Scheduler {
  CONSTANT,
  CONSTANT_WITH_WARMUP,
  LINEAR,
  COSINE,
  COSINE_WITH_MIN_LR
}
