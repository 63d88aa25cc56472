package org.rlkd.core.chat.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TemplateTest {

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.USE_LONG_FOR_INTS);

  @Test
  void everyRecordedCaseRendersAsJinjaDoes() throws IOException {
    JsonNode recorded;
    try (InputStream in = TemplateTest.class.getResourceAsStream("jinja-3.1.6.json")) {
      recorded = JSON.readTree(in);
    }
    Map<String, Object> variables = variables(recorded.get("variables"));
    List<String> wrong = new ArrayList<>();
    int cases = 0;
    for (JsonNode row : recorded.get("cases")) {
      cases++;
      String expected = row.has("error") ? "error" : "text " + row.get("text").textValue();
      String found;
      try {
        found = "text " + render(row.get("template").textValue(), variables).text();
      } catch (TemplateException e) {
        found = "error";
      }
      if (!found.equals(expected)) {
        wrong.add(row + "\n  found " + found);
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(cases).isGreaterThan(200);
  }

  @Test
  void anErrorCarriesItsLine() {
    TemplateException inLoop =
        catchThrowableOfType(
            TemplateException.class,
            () -> render("a\n{% for x in [1] %}\n\n{{ x.y.z }}\n{% endfor %}", Map.of()));
    assertThat(inLoop.line()).isEqualTo(4);
    assertThat(inLoop).hasMessage("'int object' has no attribute 'y'");
    TemplateException syntax =
        catchThrowableOfType(
            TemplateException.class, () -> Template.parse("{# a\n #}\n{% if x %}"));
    assertThat(syntax.line()).isEqualTo(3);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% block b %}{% endblock %}",
        "{% for x in [] recursive %}{% endfor %}",
        "{% do x %}",
      })
  void whatIsNotSupportedIsAnErrorWhenParsed(String source) {
    assertThatThrownBy(() -> Template.parse(source))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("support");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ 'x' * 999999999999 }}",
        "{{ 10 ** 100 }}",
        "{{ 9223372036854775807 + 1 }}",
        "{{ 99999999999999999999 }}",
        "{{ 'a'.split(1) }}",
        "{{ 'a'.replace('a', 'b', 'c') }}",
        "{{ [1]|indent('x', 1, 2, 3) }}",
      })
  void aTemplateCannotBreakTheProgram(String source) {
    assertThatThrownBy(() -> render(source, Map.of())).isInstanceOf(TemplateException.class);
  }

  @Test
  void generationBlocksAreMarkedInPlace() {
    Template.Rendered rendered =
        render(
            "{% for m in ms %}<{% generation %}{{ m }}{% endgeneration %}>{% endfor %}",
            Map.of("ms", List.of("ab", "", "👍c")));
    assertThat(rendered.text()).isEqualTo("<ab><><👍c>");
    assertThat(rendered.generated())
        .extracting(span -> rendered.text().substring(span.start(), span.end()))
        .containsExactly("ab", "", "👍c");
    assertThatThrownBy(
            () ->
                render(
                    "{% macro m() %}{% generation %}x{% endgeneration %}{% endmacro %}{{ m() }}",
                    Map.of()))
        .hasMessageContaining("generation block inside a macro");
  }

  private static Template.Rendered render(String source, Map<String, ?> variables) {
    return Template.parse(source).render(variables, Clock.systemUTC());
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> variables(JsonNode node) {
    return JSON.convertValue(node, Map.class);
  }
}
