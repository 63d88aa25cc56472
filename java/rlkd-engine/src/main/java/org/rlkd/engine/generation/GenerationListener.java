package org.rlkd.engine.generation;

import java.util.List;

/** Watches a running {@link Generator#generate}; called on its thread. */
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

  /**
   * Hears of a request whose completions have all ended, while others run on. Requests come in the
   * order in which they end; those that cancelling ends do not come.
   *
   * @param request its index
   */
  default void onGroup(int request, List<Completion> completions) {}
}
