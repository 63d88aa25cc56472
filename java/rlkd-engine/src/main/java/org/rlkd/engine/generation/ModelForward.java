package org.rlkd.engine.generation;

import java.util.List;
import org.rlkd.bindings.rlkd_tensor;

/** The model over new tokens alone, with the keys and values of earlier ones in a KvCache. */
sealed interface ModelForward permits PagedForward, HostForward {

  /** Takes logits; they are valid during the call. */
  @FunctionalInterface
  interface LogitsSink {
    /**
     * Logits of the token after some rows.
     *
     * @param from first of the rows
     * @param to row after the last
     * @param logits [to - from, V] float32
     */
    void accept(int from, int to, rlkd_tensor logits);
  }

  /** Takes the logits after a prompt; they are valid during the call. */
  @FunctionalInterface
  interface PromptSink {
    /**
     * Logits of the first new token.
     *
     * @param logits [completions of the group, V] float32, the same row for each completion
     */
    void accept(PromptGroup group, rlkd_tensor logits);
  }

  /** Runs whole prompts and caches them. */
  void prefill(List<PromptGroup> groups, PromptSink sink);

  /** Runs the last token of each sequence and caches it; the rows come in order. */
  void decode(List<Sequence> rows, LogitsSink sink);
}
