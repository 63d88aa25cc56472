package org.rlkd.engine.run;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.chat.ChatTemplate;
import org.rlkd.core.chat.RenderedChat;
import org.rlkd.core.chat.jinja.Span;
import org.rlkd.core.config.SftConfig;
import org.rlkd.core.data.Row;
import org.rlkd.engine.tokenizer.TokenSpans;
import org.rlkd.engine.tokenizer.Tokenizer;
import org.rlkd.engine.training.TrainingSequence;

/**
 * Turns rows into sequences to learn from, by the forms that TRL's SFTTrainer takes.
 *
 * <ul>
 *   <li>{@code messages}: rendered by the chat template. Everything is learned, or with {@code
 *       assistant_only_loss} what the assistant said: the template's {@code {% generation %}}
 *       blocks, or where it has none, what each assistant turn adds to the text.
 *   <li>{@code prompt} and {@code completion} (texts): the completion is learned, or both with
 *       {@code completion_only_loss: false}.
 *   <li>{@code text} (or {@code dataset_text_field}): everything is learned.
 * </ul>
 *
 * The two plain forms end with the end-of-sequence token.
 */
final class SftExamples {
  private final SftConfig config;
  private final Tokenizer tokenizer;

  SftExamples(SftConfig config, Tokenizer tokenizer) {
    this.config = config;
    this.tokenizer = tokenizer;
  }

  /**
   * The sequence of a row.
   *
   * @throws InputException if it has none of the forms; the row is named
   */
  TrainingSequence example(Row row) {
    String field = config.data().column().orElse("text");
    if (row.fields().path("messages").isArray()) {
      if (config.completionOnlyLoss().orElse(false)) {
        throw new UsageException(
            "completion_only_loss: %s holds messages, expected prompt and completion; use assistant_only_loss"
                .formatted(row.place()));
      }
      return conversation(row);
    }
    if (row.fields().path("prompt").isTextual() && row.fields().path("completion").isTextual()) {
      refuseAssistantOnly(row, "prompt and completion");
      return promptAndCompletion(row);
    }
    if (row.fields().path(field).isTextual()) {
      refuseAssistantOnly(row, "plain text");
      int[] tokens = withEos(tokenizer.encode(row.fields().get(field).textValue()));
      return new TrainingSequence(tokens, marks(tokens.length, 0));
    }
    List<String> columns = new ArrayList<>();
    row.fields().fieldNames().forEachRemaining(columns::add);
    throw new InputException(
        "%s: found the columns %s, expected messages, or prompt and completion, or %s. Set dataset_text_field if the text has another name."
            .formatted(row.place(), columns, field));
  }

  private void refuseAssistantOnly(Row row, String form) {
    if (config.assistantOnlyLoss()) {
      throw new UsageException(
          "assistant_only_loss: %s holds %s, expected messages; leave the option out"
              .formatted(row.place(), form));
    }
  }

  private TrainingSequence promptAndCompletion(Row row) {
    int[] prompt = tokenizer.encode(row.fields().get("prompt").textValue());
    int[] completion = withEos(tokenizer.encode(row.fields().get("completion").textValue(), false));
    int[] tokens = Arrays.copyOf(prompt, prompt.length + completion.length);
    System.arraycopy(completion, 0, tokens, prompt.length, completion.length);
    boolean completionOnly = config.completionOnlyLoss().orElse(true);
    return new TrainingSequence(tokens, marks(tokens.length, completionOnly ? prompt.length : 0));
  }

  private TrainingSequence conversation(Row row) {
    List<ChatMessage> messages = new ArrayList<>();
    for (JsonNode message : row.fields().get("messages")) {
      if (!message.path("role").isTextual() || !message.path("content").isTextual()) {
        throw new InputException(
            "%s: found the message %s, expected {\"role\": text, \"content\": text}"
                .formatted(row.place(), message));
      }
      messages.add(
          new ChatMessage(message.get("role").textValue(), message.get("content").textValue()));
    }
    RenderedChat chat =
        tokenizer.renderChatMaps(
            ChatTemplate.asMaps(messages), false, config.chat().templateVariables());
    TokenSpans spans = tokenizer.encodeWithSpans(chat.text(), false);
    boolean[] target = marks(spans.ids().length, 0);
    if (config.assistantOnlyLoss()) {
      List<Span> generated =
          chat.generated().isEmpty()
              ? assistantTurns(row, messages, chat.text())
              : chat.generated();
      for (int t = 0; t < target.length; t++) {
        int start = spans.starts()[t];
        int end = spans.ends()[t];
        target[t] = generated.stream().anyMatch(span -> start >= span.start() && end <= span.end());
      }
    }
    return new TrainingSequence(spans.ids(), target);
  }

  /** What each assistant turn adds to the text, for a template that does not mark it. */
  private List<Span> assistantTurns(Row row, List<ChatMessage> messages, String text) {
    List<Span> turns = new ArrayList<>();
    for (int i = 0; i < messages.size(); i++) {
      if (messages.get(i).role().equals("assistant")) {
        String before = render(messages.subList(0, i), true);
        String after = render(messages.subList(0, i + 1), false);
        if (!after.startsWith(before) || !text.startsWith(after)) {
          throw new InputException(
              "%s: the chat template changes earlier turns when turns follow and marks no {%% generation %%}, so assistant_only_loss cannot tell what the assistant said. Use another template, or one turn a row."
                  .formatted(row.place()));
        }
        turns.add(new Span(before.length(), after.length()));
      }
    }
    if (turns.isEmpty()) {
      throw new InputException(
          row.place() + ": no assistant message, so assistant_only_loss leaves nothing to learn");
    }
    return turns;
  }

  private String render(List<ChatMessage> messages, boolean addGenerationPrompt) {
    return tokenizer.renderChat(messages, addGenerationPrompt, config.chat().templateVariables());
  }

  private int[] withEos(int[] tokens) {
    OptionalInt eos = tokenizer.specialTokens().eosId();
    if (eos.isEmpty()) {
      return tokens;
    }
    int[] ended = Arrays.copyOf(tokens, tokens.length + 1);
    ended[tokens.length] = eos.getAsInt();
    return ended;
  }

  private static boolean[] marks(int length, int from) {
    boolean[] target = new boolean[length];
    Arrays.fill(target, from, length, true);
    return target;
  }
}
