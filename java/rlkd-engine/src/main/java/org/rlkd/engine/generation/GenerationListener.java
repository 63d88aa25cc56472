package org.rlkd.engine.generation;

/** Watches a running {@link Generator#generate}; called on its thread after each decoding step. */
@FunctionalInterface
public interface GenerationListener {
  /** Ignores progress and never cancels. */
  GenerationListener NONE = progress -> true;

  /**
   * Reports progress.
   *
   * @return true to go on; false cancels: running and waiting completions end as {@link
   *     FinishReason#CANCELLED} with the tokens they have
   */
  boolean onStep(GenerationProgress progress);
}
