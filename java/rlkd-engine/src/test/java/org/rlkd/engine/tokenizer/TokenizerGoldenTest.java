package org.rlkd.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.engine.GoldenFolder;

/** Encoding and decoding equal those of transformers, case by case. */
class TokenizerGoldenTest {

  @TestFactory
  Stream<DynamicTest> encodesAndDecodesAsTransformers() throws IOException {
    return GoldenFolder.files("tokenizers", ".jsonl").stream()
        .map(file -> DynamicTest.dynamicTest(file.getFileName().toString(), () -> check(file)));
  }

  private static void check(Path file) throws IOException {
    String name = file.getFileName().toString().replaceFirst("(\\.decode)?\\.jsonl$", "");
    List<String> wrong = new ArrayList<>();
    int cases = 0;
    try (Tokenizer tokenizer = Tokenizer.load(GoldenFolder.tokenizer(name))) {
      for (JsonNode row : GoldenFolder.lines(file)) {
        cases++;
        int[] ids = GoldenFolder.ids(row.get("ids"));
        if (row.has("text")) {
          String text = row.get("text").textValue();
          int[] encoded = tokenizer.encode(text, false);
          int[] withSpans = tokenizer.encodeWithSpans(text, false).ids();
          if (!java.util.Arrays.equals(encoded, ids) || !java.util.Arrays.equals(withSpans, ids)) {
            wrong.add(row + "\n  encoded " + java.util.Arrays.toString(encoded));
          }
        }
        compare(wrong, row, "decoded", tokenizer, ids, false);
        compare(wrong, row, "decoded_skip_special", tokenizer, ids, true);
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(cases).isPositive();
    System.out.printf("%s: %d cases identical%n", file.getFileName(), cases);
  }

  private static void compare(
      List<String> wrong, JsonNode row, String key, Tokenizer tokenizer, int[] ids, boolean skip) {
    String expected = row.get(key).textValue();
    String decoded = tokenizer.decode(ids, skip);
    DecodeStream stream = tokenizer.decodeStream(skip);
    StringBuilder pieces = new StringBuilder();
    for (int id : ids) {
      pieces.append(stream.push(id));
    }
    pieces.append(stream.finish());
    if (!decoded.equals(expected) || !pieces.toString().equals(expected)) {
      wrong.add(row + "\n  " + key + ": " + decoded + "\n  streamed: " + pieces);
    }
  }
}
