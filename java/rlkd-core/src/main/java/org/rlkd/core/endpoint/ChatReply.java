package org.rlkd.core.endpoint;

import java.util.Map;

/** What came of a {@link ChatRequest}. */
public sealed interface ChatReply {
  /**
   * The model's words.
   *
   * @param cutOff the token limit ended them
   * @param firstToken probability of the likeliest first tokens by their text; empty where the
   *     server did not say
   */
  record Answer(String text, boolean cutOff, Map<String, Double> firstToken) implements ChatReply {}

  /** There is no answer. The reason never holds the key. */
  record Failure(String reason) implements ChatReply {}
}
