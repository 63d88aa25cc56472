package org.rlkd.core.gsrm;

/**
 * What a {@link Decomposer} made of one reasoning text: its steps, or the reason why there are
 * none.
 */
public sealed interface Decomposition {
  /**
   * The text's steps. A structure without steps is a valid result: the text contains no reasoning
   * step.
   */
  record Parsed(Structure structure) implements Decomposition {}

  /** The decomposer's output did not parse, or it did not run: the text is unscorable. */
  record Failed(String reason) implements Decomposition {}
}
