package org.rlkd.core.gsrm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.core.GoldenFolder;
import org.rlkd.core.text.PythonWhitespace;

/** The reference's own process_item, run with a deterministic judge. */
class GsrmGoldenTest {
  private static final Pattern MARKER =
      Pattern.compile("^\\[(?:sub-think|Query|Answer) \\d+\\]:?", Pattern.UNICODE_CHARACTER_CLASS);

  @TestFactory
  List<DynamicTest> reference_score_equals_the_recorded_one() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (Path file : GoldenFolder.files("gsrm", ".json")) {
      for (JsonNode item : new ObjectMapper().readTree(file.toFile()).get("cases")) {
        String name = item.get("name").asText();
        tests.add(dynamicTest(name + " parsed", () -> sectionsAgree(item)));
        tests.add(
            dynamicTest(
                name + " judged with tag",
                () -> scoreAgrees(item, "judged_with_tag", block -> block)));
        tests.add(
            dynamicTest(
                name + " judged without tag",
                () ->
                    scoreAgrees(
                        item,
                        "judged_without_tag",
                        block -> MARKER.matcher(block).replaceFirst(""))));
      }
    }
    return tests;
  }

  private static void sectionsAgree(JsonNode item) {
    for (String side : List.of("student", "teacher")) {
      JsonNode expected = item.get(side + "_parsed");
      if (expected.has("error")) {
        continue; // not a text; scoreAgrees sees that the score swallows it
      }
      ReferenceSections sections = ReferenceSections.parse(text(item, side)).orElse(null);
      if (expected.isNull()) {
        assertThat(sections).isNull();
      } else {
        assertThat(sections.subThinks()).isEqualTo(strings(expected.get("sub_thinks")));
        assertThat(sections.queries()).isEqualTo(strings(expected.get("queries")));
        assertThat(sections.answers()).isEqualTo(strings(expected.get("answers")));
      }
      int steps = sections == null ? 0 : sections.subThinks().size();
      assertThat(steps).isEqualTo(item.get(side + "_steps").asInt());
    }
  }

  private static void scoreAgrees(JsonNode item, String judged, UnaryOperator<String> seenByJudge) {
    List<String> calls = new ArrayList<>();
    ReferenceJudge judge =
        (question, teacher, student) -> {
          boolean same =
              collapsed(seenByJudge.apply(teacher)).equals(collapsed(seenByJudge.apply(student)));
          calls.add(question.name().toLowerCase(Locale.ROOT) + " " + (same ? "yes" : "no"));
          return same ? "yes" : "no";
        };
    ReferenceScore score = ReferenceScore.of(text(item, "student"), text(item, "teacher"), judge);
    JsonNode expected = item.get(judged);
    assertThat(score.reward()).isEqualTo(expected.get("reward").asDouble());
    assertThat(score.failed()).isEqualTo(expected.get("swallowed_exception").asBoolean());
    List<String> expectedCalls = new ArrayList<>();
    expected
        .get("judge_calls")
        .forEach(call -> expectedCalls.add(call.get(0).asText() + " " + call.get(1).asText()));
    assertThat(calls).isEqualTo(expectedCalls);
  }

  private static String collapsed(String block) {
    return String.join(" ", PythonWhitespace.split(block.toLowerCase(Locale.ROOT)));
  }

  private static String text(JsonNode item, String side) {
    return item.get(side).isTextual() ? item.get(side).asText() : null;
  }

  private static List<String> strings(JsonNode array) {
    List<String> strings = new ArrayList<>();
    array.forEach(element -> strings.add(element.asText()));
    return strings;
  }
}
