package org.rlkd.core.endpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.rlkd.core.chat.ChatMessage;

/** The JSON of OpenAI's chat completions, as far as rlkd uses it. */
final class ChatJson {
  /** The most that OpenAI and vLLM give. */
  private static final int TOP_TOKENS = 20;

  private static final int EXCERPT = 200;
  private static final ObjectMapper JSON = new ObjectMapper();

  private ChatJson() {}

  static String write(ChatRequest request, String model) {
    ObjectNode body = JSON.createObjectNode();
    body.put("model", model);
    ArrayNode messages = body.putArray("messages");
    for (ChatMessage message : request.messages()) {
      messages.addObject().put("role", message.role()).put("content", message.content());
    }
    body.put("max_tokens", request.maxTokens());
    body.put("temperature", request.temperature());
    body.put("seed", request.seed());
    if (request.firstTokenProbabilities()) {
      body.put("logprobs", true).put("top_logprobs", TOP_TOKENS);
    }
    return body.toString();
  }

  /**
   * Reads a reply.
   *
   * @throws IOException if it is not a chat completion; the message says what it is
   */
  static ChatReply.Answer read(byte[] body) throws IOException {
    JsonNode reply;
    try {
      reply = JSON.readTree(body);
    } catch (JsonProcessingException e) {
      throw new IOException("found something else than JSON: " + excerpt(body), e);
    }
    JsonNode choice = reply == null ? null : reply.at("/choices/0");
    if (choice == null || !choice.at("/message/content").isTextual()) {
      throw new IOException("found JSON without choices[0].message.content: " + excerpt(body));
    }
    Map<String, Double> firstToken = new LinkedHashMap<>();
    for (JsonNode token : choice.at("/logprobs/content/0/top_logprobs")) {
      if (token.path("token").isTextual() && token.path("logprob").isNumber()) {
        double probability = Math.exp(token.get("logprob").doubleValue());
        firstToken.merge(token.get("token").textValue(), probability, Double::sum);
      }
    }
    return new ChatReply.Answer(
        choice.at("/message/content").textValue(),
        choice.path("finish_reason").asText().equals("length"),
        firstToken);
  }

  /** The beginning of a body on one line, for messages. */
  static String excerpt(byte[] body) {
    String text =
        new String(body, 0, Math.min(body.length, 4 * EXCERPT), StandardCharsets.UTF_8)
            .replaceAll("[\\s\\p{Cntrl}]+", " ")
            .strip();
    if (text.isEmpty()) {
      return "an empty body";
    }
    return text.length() > EXCERPT ? text.substring(0, EXCERPT) + "..." : text;
  }
}
