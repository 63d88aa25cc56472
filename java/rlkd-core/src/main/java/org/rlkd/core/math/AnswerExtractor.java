package org.rlkd.core.math;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds the final answer in a text.
 *
 * <p>Reasoning up to {@code </think>} does not count, and where an {@code <answer>} block stands
 * only the last one does. In what is left, the first of these that applies: the last {@code \boxed}
 * or {@code \fbox} (with those joined to it by a comma, "and" or "or"); what follows the last
 * "answer is", "Answer:" or "####"; a short text as a whole; the last formula between dollars or
 * {@code \( \[}; the last number. A box that is empty or not closed is no answer.
 */
final class AnswerExtractor {
  /** A text this short may be an answer without any sign of it. */
  private static final int SHORT_TEXT = 60;

  private static final Pattern ANSWER_BLOCK =
      Pattern.compile("<answer>(.*?)(?:</answer>|$)", Pattern.DOTALL);

  /** A line break that was written out. */
  private static final Pattern ESCAPED_NEWLINE = Pattern.compile("(?<!\\\\)\\\\n(?![a-zA-Z])");

  private static final Pattern BOX =
      Pattern.compile("\\\\+(?:boxed|fbox|framebox)\\s*|(?<![a-zA-Z\\\\])boxed(?=\\{)");

  private static final Pattern MATH_DELIMITERS = Pattern.compile("[\\s$]|\\\\[()\\[\\]]");

  private static final Pattern CONJUNCTION =
      Pattern.compile(",?(?:and|or)?", Pattern.CASE_INSENSITIVE);

  /** Boxes with more between them are separate answers. */
  private static final int LONGEST_CONJUNCTION = 60;

  private static final Pattern ANNOUNCEMENT =
      Pattern.compile(
          "(?:final\\s+)?\\banswer\\b\\s*(?:to [^.:=\\n]{1,60}? )?(?:is|:|=|was|equals|should be|must be)\\s*:?|####\\s*|答案(?:是|为|：|:)?",
          Pattern.CASE_INSENSITIVE);

  private static final Pattern FORMULA =
      Pattern.compile(
          "\\$\\$(.{1,1000}?)\\$\\$|(?<!\\\\)\\$([^$\\n]{1,1000}?)(?<!\\\\)\\$"
              + "|\\\\\\((.{1,1000}?)\\\\\\)|\\\\\\[(.{1,1000}?)\\\\\\]",
          Pattern.DOTALL);

  private static final String[][] DELIMITERS = {
    {"$$", "$$"}, {"$", "$"}, {"\\(", "\\)"}, {"\\[", "\\]"}
  };

  /** Letters that belong to no LaTeX command. */
  private static final Pattern WORD = Pattern.compile("(?<![\\\\a-zA-Z])[a-zA-Z]{2,}");

  private static final Pattern NUMBER =
      Pattern.compile(
          "(?<![\\w.])[-\u2212]?(?:\\d{1,3}(?:,\\d{3})+(?:\\.\\d+)?|\\d*\\.?\\d+)(?:/\\d+)?%?");

  private AnswerExtractor() {}

  /** Returns the answer's own text. */
  static Optional<String> extract(String raw) {
    String text = ESCAPED_NEWLINE.matcher(raw).replaceAll("\n");
    int thinkingEnds = text.lastIndexOf("</think>");
    String rest = thinkingEnds < 0 ? text : text.substring(thinkingEnds + "</think>".length());
    Matcher block = ANSWER_BLOCK.matcher(rest);
    String last = null;
    while (block.find()) {
      last = last == null || !block.group(1).isBlank() ? block.group(1) : last;
    }
    return last == null ? fromText(rest, SHORT_TEXT) : fromText(last, LatexLexer.MAX_LENGTH);
  }

  private static Optional<String> fromText(String text, int wholeUpTo) {
    Optional<String> box = lastBoxes(text);
    if (box.isPresent()) {
      return box.filter(content -> !content.isBlank());
    }
    Matcher announcement = ANNOUNCEMENT.matcher(text);
    int announced = -1;
    while (announcement.find()) {
      announced = announcement.end();
    }
    if (announced >= 0) {
      String span = announced(text.substring(announced));
      if (!span.isBlank()) {
        return Optional.of(span);
      }
    }
    String whole = text.strip();
    if (whole.isEmpty()) {
      return Optional.empty();
    }
    if (whole.length() <= wholeUpTo && isAnswer(whole)) {
      return Optional.of(whole);
    }
    return lastFormula(text)
        .or(() -> last(NUMBER, text))
        .or(() -> Optional.of(whole).filter(w -> w.length() <= wholeUpTo));
  }

  /** Whether a text is mathematics with at most a unit, rather than a sentence about it. */
  private static boolean isAnswer(String text) {
    long words =
        WORD.matcher(text)
            .results()
            .map(word -> word.group().toLowerCase(Locale.ROOT))
            .filter(word -> !LatexLexer.FUNCTIONS.contains(word) && !word.matches("and|or|pi"))
            .count();
    try {
      return words <= 1
          && !(AnswerParser.parse(AnswerNotation.normalize(text)) instanceof Answer.Words);
    } catch (Unparsable e) {
      return false;
    }
  }

  private static Optional<String> last(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    String last = null;
    while (matcher.find()) {
      last = matcher.group();
      for (int group = 1; group <= matcher.groupCount(); group++) {
        last = matcher.group(group) == null ? last : matcher.group(group);
      }
    }
    return Optional.ofNullable(last);
  }

  /** The content of the last formula between delimiters; one look from the end for each kind. */
  private static Optional<String> lastFormula(String text) {
    String last = null;
    int lastClose = -1;
    for (String[] delimiters : DELIMITERS) {
      int close = text.lastIndexOf(delimiters[1]);
      int open = close <= 0 ? -1 : text.lastIndexOf(delimiters[0], close - delimiters[0].length());
      int start = open + delimiters[0].length();
      if (open >= 0
          && close > lastClose
          && !text.substring(start, close).isBlank()
          && !isPrice(text, start, close)) {
        last = text.substring(start, close);
        lastClose = close;
      }
    }
    return Optional.ofNullable(last);
  }

  /** "$5 and $7": the second dollar belongs to the number after it. */
  private static boolean isPrice(String text, int start, int close) {
    return text.charAt(start - 1) == '$'
        && close + 1 < text.length()
        && Character.isDigit(text.charAt(close + 1));
  }

  /** The answer at the start of what follows "the answer is". */
  private static String announced(String text) {
    String rest = text.replaceFirst("^[\\s:*]+", "");
    Matcher formula = FORMULA.matcher(rest);
    if (formula.lookingAt()) {
      return last(FORMULA, formula.group()).orElse("");
    }
    int lineEnd = rest.indexOf('\n');
    String line = lineEnd < 0 ? rest : rest.substring(0, lineEnd);
    Matcher sentenceEnd = Pattern.compile("[.。](?:\\s|$)").matcher(line);
    return (sentenceEnd.find() ? line.substring(0, sentenceEnd.start()) : line)
        .replace("**", "")
        .strip();
  }

  private record Box(int start, int end, String content) {}

  /**
   * The content of the last box and of those joined to it, separated by commas; empty text for a
   * box without content or end.
   */
  private static Optional<String> lastBoxes(String text) {
    List<Box> boxes = boxes(text);
    if (boxes.isEmpty()) {
      return Optional.empty();
    }
    List<Box> filled = boxes.stream().filter(box -> !box.content.isEmpty()).toList();
    if (filled.isEmpty()) {
      return Optional.of("");
    }
    int first = filled.size() - 1;
    while (first > 0
        && isConjunction(text.substring(filled.get(first - 1).end, filled.get(first).start))) {
      first--;
    }
    List<String> contents = new ArrayList<>();
    for (Box box : filled.subList(first, filled.size())) {
      contents.add(box.content);
    }
    return Optional.of(String.join(", ", contents));
  }

  private static boolean isConjunction(String between) {
    return between.length() <= LONGEST_CONJUNCTION
        && CONJUNCTION.matcher(MATH_DELIMITERS.matcher(between).replaceAll("")).matches();
  }

  private static List<Box> boxes(String text) {
    List<Box> boxes = new ArrayList<>();
    Matcher matcher = BOX.matcher(text);
    int from = 0;
    while (matcher.find(from)) {
      int open = matcher.end();
      int end = open;
      String content = "";
      if (open < text.length() && text.charAt(open) == '{') {
        int close = closingBrace(text, open);
        end = close < 0 ? text.length() : close + 1;
        content = close < 0 ? "" : text.substring(open + 1, close);
        Optional<String> inner = lastBoxes(content);
        content = inner.orElse(content);
      } else if (open < text.length()) {
        content = text.substring(open, open + 1);
        end = open + 1;
      }
      boxes.add(new Box(matcher.start(), end, content.strip()));
      from = end;
    }
    return boxes;
  }

  private static int closingBrace(String text, int open) {
    int depth = 0;
    for (int i = open; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\') {
        i++;
      } else if (c == '{') {
        depth++;
      } else if (c == '}' && --depth == 0) {
        return i;
      }
    }
    return -1;
  }
}
