package org.rlkd.core.gsrm;

/** What a judge compares of two steps. */
public enum Aspect {
  META_REASONING,
  QUERY,
  ANSWER;

  /** The text of a step that this is about. */
  public String of(Step step) {
    return switch (this) {
      case META_REASONING -> step.metaReasoning();
      case QUERY -> step.query();
      case ANSWER -> step.answer();
    };
  }
}
