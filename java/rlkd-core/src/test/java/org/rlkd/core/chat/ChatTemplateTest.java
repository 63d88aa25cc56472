package org.rlkd.core.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.rlkd.core.InputException;

class ChatTemplateTest {

  private static final String CHATML =
      "{% for m in messages %}<|{{ m.role }}|>{{ m['content'] }}\n{% endfor %}\n"
          + "{% if add_generation_prompt %}<|assistant|>{% endif %}";

  @Test
  void aConversationIsRenderedWithAndWithoutTheOpeningOfTheAnswer() {
    ChatTemplate template = ChatTemplate.parse(CHATML);
    List<ChatMessage> messages = List.of(ChatMessage.system("s"), ChatMessage.user("u"));
    assertThat(template.render(messages, true, Map.of()))
        .isEqualTo("<|system|>s\n<|user|>u\n<|assistant|>");
    assertThat(template.render(messages, false, Map.of())).isEqualTo("<|system|>s\n<|user|>u\n");
    assertThat(template.source()).isEqualTo(CHATML);
  }

  @Test
  void templateSyntaxInAMessageStaysText() {
    String attack = "{{ 7*7 }} {% raise_exception('x') %} {# gone #}";
    assertThat(
            ChatTemplate.parse(CHATML).render(List.of(ChatMessage.user(attack)), false, Map.of()))
        .isEqualTo("<|user|>" + attack + "\n");
  }

  @Test
  void aNullValueOfAMessageCountsAsAbsent() {
    Map<String, Object> message = new HashMap<>();
    message.put("role", "assistant");
    message.put("content", null);
    ChatTemplate template =
        ChatTemplate.parse("{{ messages[0].content is defined }}{{ tools is none }}");
    assertThat(template.renderChat(List.of(message), false, Map.of()).text())
        .isEqualTo("FalseTrue");
  }

  @Test
  void variablesOfAnyNumberTypeReachTheTemplate() {
    assertThat(
            ChatTemplate.parse("{{ i + 1 }} {{ f }} {{ l|tojson }}")
                .render(
                    List.of(ChatMessage.user("")),
                    false,
                    Map.of("i", 1, "f", 0.5f, "l", List.of(2, Map.of("k", true)))))
        .isEqualTo("2 0.5 [2, {\"k\": true}]");
  }

  @Test
  void strftimeNowReadsTheClock() {
    Clock clock = Clock.fixed(Instant.parse("2025-03-07T15:04:05Z"), ZoneOffset.UTC);
    ChatTemplate template =
        ChatTemplate.parse("{{ strftime_now('%d %b %Y|%-d %B %y|%H:%M:%S %p %A %j %%') }}", clock);
    assertThat(template.render(List.of(ChatMessage.user("")), false, Map.of()))
        .isEqualTo("07 Mar 2025|7 March 25|15:04:05 PM Friday 066 %");
  }

  @Test
  void errorsNameTheLineOfTheTemplate() {
    List<ChatMessage> messages = List.of(ChatMessage.user("u"));
    assertThatThrownBy(
            () ->
                ChatTemplate.parse("a\n{{ raise_exception('roles must alternate') }}")
                    .render(messages, false, Map.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("chat template, line 2: roles must alternate");
    assertThatThrownBy(() -> ChatTemplate.parse("a\n\n{% if x %}"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("chat template, line 3: the 'if' block has no end");
    assertThatThrownBy(() -> ChatTemplate.parse(CHATML).render(List.of(), true, Map.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("empty conversation");
  }
}
