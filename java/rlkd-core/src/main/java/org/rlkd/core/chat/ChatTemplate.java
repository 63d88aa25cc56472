package org.rlkd.core.chat;

import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rlkd.core.InputException;
import org.rlkd.core.chat.jinja.Template;
import org.rlkd.core.chat.jinja.TemplateException;

/**
 * Turns conversations into text as {@code apply_chat_template} of transformers does.
 *
 * <p>Message text is data: template syntax inside it stays as it is written. Immutable; safe for
 * use from several threads.
 */
public final class ChatTemplate {

  private final String source;
  private final Template template;
  private final Clock clock;

  private ChatTemplate(String source, Template template, Clock clock) {
    this.source = source;
    this.template = template;
    this.clock = clock;
  }

  /**
   * Parses the Jinja source of a chat template.
   *
   * @throws InputException with the line, if it is no valid template
   */
  public static ChatTemplate parse(String source) {
    return parse(source, Clock.systemDefaultZone());
  }

  /** As {@link #parse(String)}, with the clock that {@code strftime_now} reads. */
  public static ChatTemplate parse(String source, Clock clock) {
    try {
      return new ChatTemplate(source, Template.parse(source), clock);
    } catch (TemplateException e) {
      throw error(
          e,
          "correct the template (chat_template.jinja, or chat_template in tokenizer_config.json)");
    }
  }

  /** The text that was parsed. */
  public String source() {
    return source;
  }

  /** Whether the template marks the assistant's text with {@code {% generation %}}. */
  public boolean marksGeneration() {
    return template.marksGeneration();
  }

  /**
   * Renders a conversation.
   *
   * @param addGenerationPrompt whether the text ends with the opening of the assistant's turn
   * @param variables further values for the template: special tokens ({@code bos_token}, ...),
   *     {@code enable_thinking}, ...; made of null, Boolean, numbers, String, List and Map
   * @throws InputException if the conversation is empty, or the template fails or refuses it
   */
  public String render(
      List<ChatMessage> messages, boolean addGenerationPrompt, Map<String, ?> variables) {
    return renderChat(asMaps(messages), addGenerationPrompt, variables).text();
  }

  /**
   * Renders a conversation of free form, with the places that the assistant wrote.
   *
   * @param messages one map for each message: {@code role}, {@code content}, {@code tool_calls},
   *     ...; a key whose value is null counts as absent, as in transformers
   */
  public RenderedChat renderChat(
      List<? extends Map<String, ?>> messages,
      boolean addGenerationPrompt,
      Map<String, ?> variables) {
    if (messages.isEmpty()) {
      throw new InputException(
          "cannot apply the chat template to an empty conversation; give at least one message");
    }
    Map<String, Object> all = new HashMap<>();
    all.put("tools", null);
    all.put("documents", null);
    variables.forEach((name, value) -> all.put(name, plain(value)));
    List<Object> conversation = new ArrayList<>();
    messages.forEach(message -> conversation.add(withoutNulls(message)));
    all.put("messages", conversation);
    all.put("add_generation_prompt", addGenerationPrompt);
    try {
      Template.Rendered rendered = template.render(all, clock);
      return new RenderedChat(rendered.text(), rendered.generated());
    } catch (TemplateException e) {
      throw error(e, "correct the messages or the template's variables");
    }
  }

  /** The messages as maps of {@code role} and {@code content}. */
  public static List<Map<String, Object>> asMaps(List<ChatMessage> messages) {
    List<Map<String, Object>> maps = new ArrayList<>();
    for (ChatMessage message : messages) {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("role", message.role());
      map.put("content", message.content());
      maps.add(map);
    }
    return maps;
  }

  private static Map<String, Object> withoutNulls(Map<String, ?> message) {
    Map<String, Object> kept = new LinkedHashMap<>();
    message.forEach(
        (key, value) -> {
          if (value != null) {
            kept.put(key, plain(value));
          }
        });
    return kept;
  }

  /** The value with the interpreter's number types. */
  private static Object plain(Object value) {
    if (value instanceof List<?> list) {
      List<Object> copy = new ArrayList<>(list.size());
      list.forEach(item -> copy.add(plain(item)));
      return copy;
    }
    if (value instanceof Map<?, ?> map) {
      Map<Object, Object> copy = new LinkedHashMap<>();
      map.forEach((key, item) -> copy.put(key, plain(item)));
      return copy;
    }
    if (value instanceof Integer || value instanceof Short || value instanceof Byte) {
      return ((Number) value).longValue();
    }
    if (value instanceof Float number) {
      return number.doubleValue();
    }
    if (value == null
        || value instanceof Boolean
        || value instanceof Long
        || value instanceof Double
        || value instanceof String) {
      return value;
    }
    throw new IllegalArgumentException(
        "a chat template takes null, Boolean, numbers, String, List and Map, not "
            + value.getClass());
  }

  private static InputException error(TemplateException e, String remedy) {
    String place = e.line() > 0 ? ", line " + e.line() : "";
    return new InputException("chat template" + place + ": " + e.getMessage() + "; " + remedy, e);
  }
}
