package org.rlkd.core.gsrm;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.rlkd.core.endpoint.ChatEndpoint;
import org.rlkd.core.endpoint.ChatReply;
import org.rlkd.core.endpoint.ChatRequest;

/**
 * {@code endpoint}: a chat model behind an OpenAI-compatible server writes the steps. The first try
 * is greedy, the others are sampled, each with a seed of its own. A reasoning that occurs twice in
 * a batch is asked once.
 */
public final class EndpointDecomposer implements Decomposer {
  /** Temperature of the tries after the first. */
  private static final double RETRY_TEMPERATURE = 0.7;

  private final ChatEndpoint endpoint;
  private final DecompositionPrompt prompt;
  private final int maxTokens;
  private final int attempts;

  /**
   * A decomposer; the endpoint stays the caller's.
   *
   * @param maxTokens most tokens of a decomposition
   * @param attempts how often an output that does not parse is tried, at least 1
   */
  public EndpointDecomposer(
      ChatEndpoint endpoint, DecompositionPrompt prompt, int maxTokens, int attempts) {
    this.endpoint = endpoint;
    this.prompt = prompt;
    this.maxTokens = maxTokens;
    this.attempts = attempts;
  }

  @Override
  public String id() {
    return "endpoint-1:%s:%s:%d:%d"
        .formatted(endpoint.settings().model(), prompt.contentHash(), maxTokens, attempts);
  }

  @Override
  public boolean remote() {
    return true;
  }

  @Override
  public List<Decomposition> decompose(List<Reasoning> reasonings) {
    Map<Reasoning, Decomposition> results = new LinkedHashMap<>();
    List<Reasoning> open = new ArrayList<>(new LinkedHashSet<>(reasonings));
    for (int attempt = 0; attempt < attempts && !open.isEmpty(); attempt++) {
      int seed = attempt;
      List<ChatReply> replies =
          endpoint.ask(open.stream().map(reasoning -> request(reasoning, seed)).toList());
      List<Reasoning> unparsable = new ArrayList<>();
      for (int i = 0; i < open.size(); i++) {
        Decomposition result = read(replies.get(i));
        results.put(open.get(i), result);
        if (result instanceof Decomposition.Failed failed && failed.lasting()) {
          unparsable.add(open.get(i));
        }
      }
      open = unparsable;
    }
    return reasonings.stream().map(results::get).toList();
  }

  private ChatRequest request(Reasoning reasoning, int attempt) {
    return new ChatRequest(
        prompt.messages(reasoning),
        maxTokens,
        attempt == 0 ? 0 : RETRY_TEMPERATURE,
        attempt,
        false);
  }

  private static Decomposition read(ChatReply reply) {
    if (reply instanceof ChatReply.Failure failure) {
      return new Decomposition.Failed(failure.reason(), false);
    }
    ChatReply.Answer answer = (ChatReply.Answer) reply;
    return DecomposerOutput.read(answer.text(), answer.cutOff() ? "length" : null);
  }
}
