package org.rlkd.core.config;

/** {@code rlkd.gsrm.unscorable}: what becomes of a completion with a NaN reward. */
public enum Unscorable {
  DROP_ROW,
  TRL
}
