package org.rlkd.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.core.InputException;
import org.rlkd.engine.GoldenFolder;

/** Rendered conversations and their ids equal those of transformers; its errors are errors. */
class ChatTemplateGoldenTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @TestFactory
  Stream<DynamicTest> rendersAsTransformers() throws IOException {
    return GoldenFolder.files("chat_templates", ".jsonl").stream()
        .map(file -> DynamicTest.dynamicTest(file.getFileName().toString(), () -> check(file)));
  }

  private static void check(Path file) throws IOException {
    String name = file.getFileName().toString().replaceFirst("\\.jsonl$", "");
    List<String> wrong = new ArrayList<>();
    int texts = 0;
    int errors = 0;
    try (Tokenizer tokenizer = Tokenizer.load(GoldenFolder.tokenizer(name))) {
      for (JsonNode row : GoldenFolder.lines(file)) {
        String text;
        try {
          text = render(tokenizer, row);
        } catch (InputException e) {
          text = null;
        }
        if (row.has("error")) {
          errors++;
          if (text != null) {
            wrong.add(row + "\n  expected an error, rendered " + text);
          }
          continue;
        }
        texts++;
        if (!row.get("text").textValue().equals(text)) {
          wrong.add(row + "\n  rendered " + text);
        } else if (!Arrays.equals(
            tokenizer.encode(text, false), GoldenFolder.ids(row.get("ids")))) {
          wrong.add(row + "\n  ids differ");
        }
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(texts).isPositive();
    System.out.printf("%s: %d texts identical, %d errors%n", file.getFileName(), texts, errors);
  }

  private static String render(Tokenizer tokenizer, JsonNode row) {
    List<Map<String, Object>> messages =
        JSON.convertValue(row.get("messages"), new TypeReference<>() {});
    Map<String, Object> variables = JSON.convertValue(row.get("kwargs"), new TypeReference<>() {});
    return tokenizer
        .renderChatMaps(messages, row.get("add_generation_prompt").booleanValue(), variables)
        .text();
  }
}
