package org.rlkd.core.gsrm;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rlkd.core.text.PythonWhitespace;

/**
 * A tagged text as the RLKD reference reads it: three independent lists, markers left on, white
 * space stripped around each block.
 *
 * <p>Only the exact tags {@code [sub-think n]}, {@code [Query n]} and {@code [Answer n]} count. A
 * marker with other white space than one blank before the number ends the block before it and is
 * dropped with its own text, as in the reference's two patterns.
 */
public record ReferenceSections(
    List<String> subThinks, List<String> queries, List<String> answers) {
  /** Python's {@code \s} and {@code \d} on text. */
  private static final String SPACE = "[\\s\\x1c-\\x1f]";

  private static final Pattern MARKER =
      Pattern.compile(
          "\\[(sub-think|Query|Answer)(" + SPACE + "+)\\d+\\]", Pattern.UNICODE_CHARACTER_CLASS);

  public ReferenceSections {
    subThinks = List.copyOf(subThinks);
    queries = List.copyOf(queries);
    answers = List.copyOf(answers);
  }

  /** Returns the blocks of a text, or nothing if it has no sub-think block. */
  public static Optional<ReferenceSections> parse(String text) {
    List<String> subThinks = new ArrayList<>();
    List<String> queries = new ArrayList<>();
    List<String> answers = new ArrayList<>();
    Matcher marker = MARKER.matcher(text);
    boolean found = marker.find();
    while (found) {
      int start = marker.start();
      String kind = marker.group(1);
      boolean oneBlank = marker.group(2).equals(" ");
      found = marker.find();
      String block = text.substring(start, found ? marker.start() : text.length());
      if (oneBlank) {
        (kind.equals("sub-think") ? subThinks : kind.equals("Query") ? queries : answers)
            .add(PythonWhitespace.strip(block));
      }
    }
    return subThinks.isEmpty()
        ? Optional.empty()
        : Optional.of(new ReferenceSections(subThinks, queries, answers));
  }
}
