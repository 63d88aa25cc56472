package org.rlkd.cli.quickstart;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Every token of the task, and the {@code tokenizer.json} (WordLevel) that Hugging Face tokenizers
 * read.
 *
 * <p>Ids: the special tokens, the tags, the numbers, the words. Tags carry their newlines, so that
 * decoding restores them; other tokens decode with single spaces between words.
 */
public final class Vocabulary {

  public static final String PAD = "<|pad|>";
  public static final String EOS = "<|endoftext|>";
  public static final String UNKNOWN = "<|unknown|>";

  private static final Pattern WORD = Pattern.compile("[a-z]+|[^\\w\\s%:]");
  private static final int MAX_STEPS = 8;

  private final List<String> special = List.of(PAD, EOS, UNKNOWN);
  private final List<String> tags = new ArrayList<>();
  private final Set<String> words = new LinkedHashSet<>();

  /**
   * @param maxValue largest number with a token of its own
   */
  public Vocabulary(int maxValue) {
    tags.addAll(
        List.of(
            TeacherPath.THINK,
            TeacherPath.END_THINK,
            TeacherPath.ANSWER,
            TeacherPath.END_ANSWER,
            "\n"));
    for (int i = 1; i <= MAX_STEPS; i++) {
      tags.addAll(
          List.of(
              "[sub-think %d]:".formatted(i),
              "[Query %d]:".formatted(i),
              "[Answer %d]:".formatted(i)));
    }
    IntStream.rangeClosed(0, maxValue).mapToObj(Integer::toString).forEach(words::add);
    words.addAll(Wording.NOUNS);
    Wording.NOUNS.forEach(noun -> words.add(noun + ":"));
    addWords(Wording.patterns());
    addWords(SentenceStyle.patterns());
  }

  private void addWords(List<String> patterns) {
    for (String pattern : patterns) {
      Matcher matcher = WORD.matcher(pattern.replaceAll("%[sd]", " "));
      while (matcher.find()) {
        words.add(matcher.group());
      }
    }
  }

  /** All tokens; a token's id is its index. */
  public List<String> tokens() {
    List<String> tokens = new ArrayList<>(special);
    tokens.addAll(tags);
    tokens.addAll(words);
    return List.copyOf(tokens);
  }

  /** The content of {@code tokenizer.json}. */
  public String tokenizerJson() {
    List<String> tokens = tokens();
    String added =
        IntStream.range(0, special.size() + tags.size())
            .mapToObj(i -> addedToken(i, tokens.get(i), i < special.size()))
            .collect(Collectors.joining(",\n"));
    String vocabulary =
        IntStream.range(0, tokens.size())
            .mapToObj(i -> "      %s: %d".formatted(quote(tokens.get(i)), i))
            .collect(Collectors.joining(",\n"));
    return """
        {
          "version": "1.0",
          "truncation": null,
          "padding": null,
          "added_tokens": [
        %s
          ],
          "normalizer": null,
          "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": "[a-z]+:|\\\\w+|[^\\\\w\\\\s]"},
            "behavior": "Removed",
            "invert": true
          },
          "post_processor": null,
          "decoder": {
            "type": "Sequence",
            "decoders": [
              {"type": "WordPiece", "prefix": "##", "cleanup": false},
              {"type": "Fuse"},
              {"type": "Replace", "pattern": {"Regex": " (?=[.,:?\\\\n])|(?<=\\\\n) "}, "content": ""}
            ]
          },
          "model": {
            "type": "WordLevel",
            "vocab": {
        %s
            },
            "unk_token": %s
          }
        }
        """
        .formatted(added, vocabulary, quote(UNKNOWN));
  }

  private static String addedToken(int id, String content, boolean special) {
    return ("    {\"id\": %d, \"content\": %s, \"single_word\": false, \"lstrip\": false,"
            + " \"rstrip\": false, \"normalized\": false, \"special\": %b}")
        .formatted(id, quote(content), special);
  }

  private static String quote(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
  }
}
