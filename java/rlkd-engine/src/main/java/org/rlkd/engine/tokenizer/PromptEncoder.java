package org.rlkd.engine.tokenizer;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.rlkd.core.chat.ChatMessage;

/**
 * Turns a conversation into the tokens that a model continues: by the tokenizer's chat template
 * with the generation prompt, or, for a tokenizer without one, the contents joined by blank lines.
 *
 * @param variables further variables of the chat template ({@code chat_template_kwargs})
 */
public record PromptEncoder(Tokenizer tokenizer, Map<String, ?> variables) {

  /** A prompt as text and as tokens. */
  public record EncodedPrompt(String text, int[] tokens) {}

  /** Encodes the messages up to the turn that the model takes. */
  public EncodedPrompt encode(List<ChatMessage> messages) {
    if (tokenizer.chatTemplate().isEmpty()) {
      String text = messages.stream().map(ChatMessage::content).collect(Collectors.joining("\n\n"));
      return new EncodedPrompt(text, tokenizer.encode(text));
    }
    String text = tokenizer.renderChat(messages, true, variables);
    return new EncodedPrompt(text, tokenizer.encode(text, false));
  }
}
