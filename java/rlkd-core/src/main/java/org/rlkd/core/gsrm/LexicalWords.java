package org.rlkd.core.gsrm;

import java.math.BigDecimal;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The content words of a text, as the {@link LexicalJudge} compares them: lower case, Unicode
 * compatibility forms, no punctuation, number words and numbers in one canonical decimal form,
 * operators as words, plural s taken off, stop words dropped.
 *
 * @param words in their order
 * @param counts how often each occurs
 * @param order whether the order of the words matters: one of them is an operation whose operands
 *     cannot be swapped
 * @param sources the words after the last "from", null if it has none: what a step works from
 * @param lastNumber the last number in the text, null if it has none
 */
record LexicalWords(
    List<String> words,
    Map<String, Integer> counts,
    boolean order,
    Map<String, Integer> sources,
    String lastNumber) {

  /**
   * Function words, and the words that any step of a solution uses ("next we need to find the
   * number of ...").
   */
  private static final Set<String> STOP_WORDS =
      Set.copyOf(
          List.of(
              ("a an the this that these those it its is are was were be been being am do does did done has have had having"
                      + " of to in on at by for from with as and or so then thus therefore hence if we i you he she they them their his"
                      + " her our us my your there here what which who whom whose how many much when where why will would can could"
                      + " should might must shall let lets us now next first second finally also just only need needs needed want"
                      + " find finding compute computing calculate calculating determine determining know get obtain work out step"
                      + " value number amount question problem using use used one's into per about all")
                  .split(" ")));

  private static final Map<String, String> SYNONYMS =
      Map.ofEntries(
          Map.entry("+", "plus"),
          Map.entry("add", "plus"),
          Map.entry("added", "plus"),
          Map.entry("adding", "plus"),
          Map.entry("sum", "plus"),
          Map.entry("-", "minus"),
          Map.entry("subtract", "minus"),
          Map.entry("subtracted", "minus"),
          Map.entry("subtracting", "minus"),
          Map.entry("difference", "minus"),
          Map.entry("less", "minus"),
          Map.entry("*", "times"),
          Map.entry("×", "times"),
          Map.entry("·", "times"),
          Map.entry("multiply", "times"),
          Map.entry("multiplied", "times"),
          Map.entry("multiplying", "times"),
          Map.entry("product", "times"),
          Map.entry("/", "divide"),
          Map.entry("÷", "divide"),
          Map.entry("divided", "divide"),
          Map.entry("dividing", "divide"),
          Map.entry("quotient", "divide"),
          Map.entry("=", "equals"),
          Map.entry("equal", "equals"),
          Map.entry("double", "twice"),
          Map.entry("half", "0.5"),
          Map.entry("zero", "0"),
          Map.entry("one", "1"),
          Map.entry("two", "2"),
          Map.entry("three", "3"),
          Map.entry("four", "4"),
          Map.entry("five", "5"),
          Map.entry("six", "6"),
          Map.entry("seven", "7"),
          Map.entry("eight", "8"),
          Map.entry("nine", "9"),
          Map.entry("ten", "10"),
          Map.entry("eleven", "11"),
          Map.entry("twelve", "12"));

  /** Operations whose operands cannot be swapped. */
  private static final Set<String> ORDERED = Set.of("minus", "divide");

  private static final Pattern TOKEN =
      Pattern.compile(
          "(?<number>\\d{1,3}(?:,\\d{3})+(?:\\.\\d+)?|\\d*\\.?\\d+(?:e[+-]?\\d{1,3})?)|\\\\?\\p{L}[\\p{L}\\p{M}']*|[-+*×·/÷=%]");

  /** Longer numbers are compared as they are written. */
  private static final int LONGEST_NUMBER = 60;

  static LexicalWords of(String text) {
    String plain =
        Normalizer.normalize(text, Normalizer.Form.NFKC)
            .toLowerCase(Locale.ROOT)
            .replace('\u2212', '-');
    List<String> words = new ArrayList<>();
    String lastNumber = null;
    int from = -1;
    Matcher token = TOKEN.matcher(plain);
    while (token.find()) {
      String word = token.group();
      boolean number = token.group("number") != null;
      word = number ? canonicalNumber(word) : SYNONYMS.getOrDefault(word, word);
      boolean numberWord = !number && Character.isDigit(word.charAt(0));
      if (word.equals("minus") && number(plain, token.end()) && !number(words)) {
        continue; // the sign of the number that follows
      }
      if (number && token.start() > 0 && plain.charAt(token.start() - 1) == '-' && !number(words)) {
        word = word.equals("0") ? word : "-" + word;
      }
      if (number || numberWord) {
        lastNumber = word;
      }
      if (word.equals("from")) {
        from = words.size();
      }
      if (!STOP_WORDS.contains(word)) {
        words.add(number || SYNONYMS.containsValue(word) ? word : singular(word));
      }
    }
    return new LexicalWords(
        List.copyOf(words),
        count(words),
        words.stream().anyMatch(ORDERED::contains),
        from < 0 ? null : count(words.subList(from, words.size())),
        lastNumber);
  }

  private static Map<String, Integer> count(List<String> words) {
    Map<String, Integer> counts = new HashMap<>();
    words.forEach(word -> counts.merge(word, 1, Integer::sum));
    return counts;
  }

  private static boolean number(String text, int at) {
    return at < text.length() && (Character.isDigit(text.charAt(at)) || text.charAt(at) == '.');
  }

  /** The last word is an operand: a hyphen after it is an operator. */
  private static boolean number(List<String> words) {
    return !words.isEmpty()
        && Character.isDigit(
            words.get(words.size() - 1).charAt(words.get(words.size() - 1).length() - 1));
  }

  private static String canonicalNumber(String number) {
    String digits = number.replace(",", "");
    if (digits.length() > LONGEST_NUMBER) {
      return digits;
    }
    BigDecimal value = new BigDecimal(digits);
    return value.signum() == 0 ? "0" : value.stripTrailingZeros().toPlainString();
  }

  private static String singular(String word) {
    return word.length() > 3 && word.endsWith("s") && !word.endsWith("ss")
        ? word.substring(0, word.length() - 1)
        : word;
  }
}
