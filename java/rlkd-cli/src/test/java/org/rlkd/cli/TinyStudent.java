package org.rlkd.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.GenerationConfig;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.model.ModelFamily;
import org.rlkd.engine.model.RopeParameters;
import org.rlkd.engine.model.SaveOptions;

/** A random two-layer Qwen2 with a word tokenizer, as a Hugging Face directory; and data for it. */
final class TinyStudent {
  private static final List<String> SPECIAL = List.of("<|pad|>", "<|end|>", "<|unknown|>");
  private static final List<String> TAGS =
      List.of(
          "<think>\n",
          "\n</think>\n",
          "<answer>\n",
          "\n</answer>",
          "[sub-think 1]:",
          "[Query 1]:",
          "[Answer 1]:");
  private static final List<String> WORDS = List.of("what", "is", "plus", "add", "them", "makes");
  private static final int NUMBERS = 20;

  private TinyStudent() {}

  static Path write(Path directory) {
    return write(directory, 128);
  }

  /** One that takes as many positions. */
  static Path write(Path directory, int positions) {
    return write(directory, positions, tokens());
  }

  /** One that can also say yes and no, for prompts as long as a judge's. */
  static Path writeJudge(Path directory) {
    List<String> tokens = new ArrayList<>(tokens());
    tokens.addAll(List.of("yes", "no"));
    return write(directory, 4096, tokens);
  }

  private static Path write(Path directory, int positions, List<String> tokens) {
    ModelConfig config =
        new ModelConfig(
            ModelFamily.QWEN2,
            tokens.size(),
            32,
            64,
            2,
            2,
            1,
            16,
            1e-6,
            new RopeParameters(10000, null),
            true,
            false,
            false,
            true,
            positions,
            0.05,
            null,
            List.of(1),
            0,
            "float32");
    try (CausalLm model = CausalLm.initialise(config, 3)) {
      ModelDirectory.save(
          directory,
          model,
          GenerationConfig.of(config),
          SaveOptions.FLOAT32,
          target -> writeTokenizer(target, tokens));
    }
    return directory;
  }

  private static List<String> tokens() {
    List<String> tokens = new ArrayList<>(SPECIAL);
    tokens.addAll(TAGS);
    tokens.addAll(WORDS);
    IntStream.range(0, NUMBERS).mapToObj(Integer::toString).forEach(tokens::add);
    return tokens;
  }

  private static void writeTokenizer(Path directory, List<String> tokens) {
    String added =
        IntStream.range(0, SPECIAL.size() + TAGS.size())
            .mapToObj(
                i ->
                    """
                    {"id": %d, "content": %s, "single_word": false, "lstrip": false, "rstrip": false,
                     "normalized": false, "special": %b}"""
                        .formatted(i, quoted(tokens.get(i)), i < SPECIAL.size()))
            .collect(Collectors.joining(",\n"));
    String vocabulary =
        IntStream.range(0, tokens.size())
            .mapToObj(i -> "%s: %d".formatted(quoted(tokens.get(i)), i))
            .collect(Collectors.joining(", "));
    String tokenizer =
        """
        {"version": "1.0", "truncation": null, "padding": null, "normalizer": null,
         "post_processor": null, "added_tokens": [%s], "pre_tokenizer": {"type": "Whitespace"},
         "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": false},
         "model": {"type": "WordLevel", "unk_token": "<|unknown|>", "vocab": {%s}}}
        """
            .formatted(added, vocabulary);
    write(directory.resolve("tokenizer.json"), tokenizer);
    write(
        directory.resolve("tokenizer_config.json"),
        """
        {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>",
         "pad_token": "<|pad|>", "unk_token": "<|unknown|>"}
        """);
  }

  /** Sums as problems with answer and one teacher path, a line each. */
  static String problems(int count) {
    return IntStream.range(0, count)
        .mapToObj(
            i ->
                "{\"id\": \"sum-%d\", \"problem\": \"%s\", \"answer\": \"%d\", \"teacher\": %s}\n"
                    .formatted(i, problem(i), sum(i), quoted(path(i))))
        .collect(Collectors.joining());
  }

  /** The same sums with complete solutions, for SFT. */
  static String solutions(int count) {
    return IntStream.range(0, count)
        .mapToObj(
            i ->
                "{\"prompt\": \"%s\", \"completion\": %s}\n"
                    .formatted(
                        problem(i),
                        quoted(
                            "<think>\n%s\n</think>\n<answer>\n%d\n</answer>"
                                .formatted(path(i), sum(i)))))
        .collect(Collectors.joining());
  }

  private static String problem(int i) {
    return "what is %d plus %d".formatted(i % 9, i / 9 % 9);
  }

  private static int sum(int i) {
    return i % 9 + i / 9 % 9;
  }

  private static String path(int i) {
    return "[sub-think 1]: add them [Query 1]: %s [Answer 1]: makes %d"
        .formatted(problem(i), sum(i));
  }

  private static String quoted(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
  }

  static Path write(Path file, String text) {
    try {
      return Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
