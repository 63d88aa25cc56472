package org.rlkd.core.gsrm;

/** The kind of problems: which examples a decomposer's prompt shows. */
public enum Domain {
  MATH,
  CODE,
  SCIENCE,
  PUZZLE
}
