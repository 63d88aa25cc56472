package org.rlkd.engine.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.UsageException;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelFamily;
import org.rlkd.engine.tokenizer.Tokenizer;

/** Over a byte-level tokenizer whose tokens are single bytes. */
class StopStringTest {
  /** The two bytes of é in the alphabet of byte-level BPE; space is Ġ. */
  private static final String BYTES_OF_E_ACUTE = "\u00C3\u00A9";

  @TempDir static Path directory;
  private static Tokenizer tokenizer;

  @BeforeAll
  static void makeTokenizer() throws IOException {
    JsonMapper json = new JsonMapper();
    ObjectNode root = json.createObjectNode().put("version", "1.0");
    root.putNull("truncation").putNull("padding").putNull("normalizer").putNull("post_processor");
    root.putArray("added_tokens");
    for (String part : List.of("pre_tokenizer", "decoder")) {
      root.putObject(part)
          .put("type", "ByteLevel")
          .put("add_prefix_space", false)
          .put("trim_offsets", true)
          .put("use_regex", false);
    }
    ObjectNode model = root.putObject("model").put("type", "BPE");
    ObjectNode vocabulary = model.putObject("vocab");
    for (char c = '!'; c <= '~'; c++) {
      vocabulary.put(String.valueOf(c), vocabulary.size());
    }
    vocabulary.put("\u0120", vocabulary.size());
    for (char c : BYTES_OF_E_ACUTE.toCharArray()) {
      vocabulary.put(String.valueOf(c), vocabulary.size());
    }
    assertThat(vocabulary.size()).isEqualTo(TinyModels.VOCAB);
    model.putArray("merges");
    Files.writeString(directory.resolve("tokenizer.json"), root.toString());
    tokenizer = Tokenizer.load(directory);
  }

  @AfterAll
  static void close() {
    tokenizer.close();
  }

  /** Number of tokens after which the matcher stops; -1 if it does not. */
  private static int stopsAfter(String text, String... stopStrings) {
    StopStringMatcher matcher = new StopStringMatcher(tokenizer, List.of(stopStrings));
    int[] tokens = tokenizer.encode(text);
    for (int i = 0; i < tokens.length; i++) {
      if (matcher.push(tokens[i])) {
        return i + 1;
      }
    }
    return -1;
  }

  @Test
  void theTokenThatCompletesAStopStringEndsTheText() {
    assertThat(stopsAfter("abc STOP def", "STOP")).isEqualTo(8);
    assertThat(stopsAfter("abc STO def P", "STOP")).isEqualTo(-1);
    assertThat(stopsAfter("aaab", "aab")).isEqualTo(4);
    assertThat(stopsAfter("x", "x")).isEqualTo(1);
    assertThat(stopsAfter("one two three", "three", "two", "zzzzzzzzzzzzzz")).isEqualTo(7);
  }

  @Test
  void aCharacterOfSeveralTokensIsMatchedByItsLastOne() {
    assertThat(stopsAfter("caf\u00E9!", "\u00E9")).isEqualTo(5);
    assertThat(stopsAfter("caf\u00E9!", "f\u00E9!")).isEqualTo(6);
  }

  @Test
  void completionsEndWhereTheirTextFirstContainsAStopString() {
    SamplingParameters free = SamplingParameters.sample(60).withSeed(6);
    List<String> stops = List.of("A", "qr", "7x", "zz", "b", "}");
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      requests.add(new GenerationRequest(new int[] {i, 40 + i}, 5, i));
    }
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN2)) {
      Generator generator = new Generator(model, tokenizer, GeneratorOptions.DEFAULT);
      List<List<Completion>> unbounded = generator.generate(requests, free, 0);
      List<List<Completion>> stopped = generator.generate(requests, free.withStopStrings(stops), 0);
      int found = 0;
      for (int i = 0; i < requests.size(); i++) {
        for (int c = 0; c < 5; c++) {
          int[] all = unbounded.get(i).get(c).tokens();
          int length = firstLengthWithStop(all, stops);
          Completion completion = stopped.get(i).get(c);
          assertThat(completion.tokens())
              .isEqualTo(Arrays.copyOf(all, length < 0 ? all.length : length));
          assertThat(completion.finishReason())
              .isEqualTo(length < 0 ? FinishReason.LENGTH : FinishReason.STOP_STRING);
          found += length < 0 ? 0 : 1;
        }
      }
      assertThat(found).isBetween(2, 19);
    }
  }

  private static int firstLengthWithStop(int[] tokens, List<String> stops) {
    for (int length = 1; length <= tokens.length; length++) {
      String text = tokenizer.decode(Arrays.copyOf(tokens, length), false);
      if (stops.stream().anyMatch(text::contains)) {
        return length;
      }
    }
    return -1;
  }

  @Test
  void anEmptyStopStringIsRefused() {
    assertThatThrownBy(() -> SamplingParameters.sample(4).withStopStrings(List.of("a", "")))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("empty");
  }
}
