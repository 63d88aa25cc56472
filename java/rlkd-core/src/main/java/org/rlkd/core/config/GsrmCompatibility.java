package org.rlkd.core.config;

/** Whose structure reward is computed. */
public enum GsrmCompatibility {
  /** Ours. */
  NONE,
  /** The RLKD reference's: blocks paired by position in each kind's own list. */
  REFERENCE
}
