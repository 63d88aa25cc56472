package org.rlkd.core.config;

/**
 * {@code rlkd.gsrm.compatibility}: whether structures are read and scored exactly as the reference
 * implementation does.
 */
public enum Compatibility {
  NONE,
  REFERENCE
}
