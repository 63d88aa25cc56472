package org.rlkd.core.config;

/** {@code loss_type}, by TRL's names. */
public enum LossType {
  GRPO,
  BNPO,
  DR_GRPO,
  DAPO,
  CISPO,
  SAPO,
  LUSPO,
  VESPO
}
