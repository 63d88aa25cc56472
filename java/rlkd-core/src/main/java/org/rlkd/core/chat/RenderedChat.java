package org.rlkd.core.chat;

import java.util.List;
import org.rlkd.core.chat.jinja.Span;

/**
 * A conversation as text.
 *
 * @param text what the model reads
 * @param generated the pieces inside {@code {% generation %}} blocks, which the assistant wrote; in
 *     order, not overlapping
 */
public record RenderedChat(String text, List<Span> generated) {

  public RenderedChat {
    generated = List.copyOf(generated);
  }
}
