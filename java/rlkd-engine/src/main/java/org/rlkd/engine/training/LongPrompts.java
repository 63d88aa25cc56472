package org.rlkd.engine.training;

/** What becomes of a prompt that is longer than {@code max_prompt_length}. */
public enum LongPrompts {
  /** The run doesn't start; the error names the problem. */
  REFUSE,
  /** The problem is left out and counted. */
  DROP
}
