package org.rlkd.core.gsrm;

import java.util.List;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.endpoint.ChatEndpoint;
import org.rlkd.core.endpoint.ChatReply;
import org.rlkd.core.endpoint.ChatRequest;

/**
 * {@code endpoint}: a chat model behind an OpenAI-compatible server says yes or no; with the
 * probabilities of its first token, where the server gives them.
 */
public final class EndpointJudge implements QuestionJudge {
  /** One word, and room for the tokens around it. */
  private static final int MAX_TOKENS = 8;

  private final ChatEndpoint endpoint;
  private final String id;

  /** A judge; the endpoint stays the caller's. */
  public EndpointJudge(ChatEndpoint endpoint) {
    this.endpoint = endpoint;
    this.id =
        "endpoint-%s:%s:%s"
            .formatted(
                JudgePrompt.VERSION,
                endpoint.settings().model(),
                endpoint.settings().tokenProbabilities());
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public List<Verdict> ask(List<JudgeQuestion> questions) {
    return endpoint.ask(questions.stream().map(this::request).toList()).stream()
        .map(EndpointJudge::verdict)
        .toList();
  }

  private ChatRequest request(JudgeQuestion question) {
    return new ChatRequest(
        List.of(new ChatMessage("user", JudgePrompt.of(question))),
        MAX_TOKENS,
        0,
        0,
        endpoint.settings().tokenProbabilities());
  }

  private static Verdict verdict(ChatReply reply) {
    return reply instanceof ChatReply.Answer answer
        ? JudgePrompt.read(answer.text(), answer.firstToken())
        : Verdict.failed(((ChatReply.Failure) reply).reason());
  }
}
