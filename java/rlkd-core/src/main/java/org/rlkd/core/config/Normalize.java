package org.rlkd.core.config;

/** {@code rlkd.gsrm.normalize}: what the structure reward is divided by. */
public enum Normalize {
  NONE,
  TEACHER,
  MAX
}
