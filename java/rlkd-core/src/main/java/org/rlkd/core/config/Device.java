package org.rlkd.core.config;

/** {@code rlkd.device}: where models run. */
public enum Device {
  CPU,
  CUDA
}
