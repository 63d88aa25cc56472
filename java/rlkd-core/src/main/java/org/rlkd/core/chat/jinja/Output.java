package org.rlkd.core.chat.jinja;

import java.util.ArrayList;
import java.util.List;

/** Rendered text and the places of its {@code {% generation %}} blocks. */
final class Output {

  private final StringBuilder text = new StringBuilder();
  private final List<Span> generated = new ArrayList<>();
  private final boolean captured;

  private Output(boolean captured) {
    this.captured = captured;
  }

  static Output document() {
    return new Output(false);
  }

  /** Output of a macro or block whose text becomes a value. */
  static Output captured() {
    return new Output(true);
  }

  void append(String piece) {
    text.append(piece);
  }

  int length() {
    return text.length();
  }

  void markGenerated(int start) {
    if (captured) {
      throw new TemplateException(
          "a generation block inside a macro, call, filter or set block has no place in the text; move it out");
    }
    generated.add(new Span(start, text.length()));
  }

  String text() {
    return text.toString();
  }

  List<Span> generated() {
    return List.copyOf(generated);
  }
}
