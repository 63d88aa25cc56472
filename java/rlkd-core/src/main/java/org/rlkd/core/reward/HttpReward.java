package org.rlkd.core.reward;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.rlkd.core.chat.ChatMessage;

/**
 * Scores by a user's own server.
 *
 * <pre>
 * POST url   {"prompts": [[{"role", "content"}, ...]], "completions": [text], "answers": [text or null],
 *             "completion_tokens": [n or null]}
 * 200        {"rewards": [number or null]}     one for each completion in the same order
 * </pre>
 *
 * null is unscorable. So are, with the reason, all completions of a request that failed: no reply
 * in time, another status, not as many rewards, something that is no finite number. What another
 * try may mend (no connection, no whole reply, 408, 425, 429, 5xx) is tried again after a pause
 * that doubles. One request at a time.
 */
final class HttpReward implements ExplainedReward {
  private static final long FIRST_PAUSE_MILLIS = 250;
  private static final long LONGEST_PAUSE_MILLIS = 15_000;
  private static final int EXCERPT = 160;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final HttpRewardOptions options;
  private final HttpClient client;

  HttpReward(HttpRewardOptions options) {
    this.options = options;
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(options.timeout())
            .build();
  }

  /** A score, or why there is none. */
  private record Score(double reward, String unscorableReason) implements RewardExplanation {
    static Score unscorable(String reason) {
      return new Score(Double.NaN, reason);
    }
  }

  /** A request failed; whether another try may mend it. */
  private static final class Failed extends Exception {
    private static final long serialVersionUID = 1;
    private final boolean mayPass;

    Failed(String reason, boolean mayPass) {
      super(reason);
      this.mayPass = mayPass;
    }
  }

  @Override
  public String name() {
    return "http";
  }

  @Override
  public List<? extends RewardExplanation> explain(List<RewardSample> samples) {
    List<Score> scores = new ArrayList<>();
    for (int from = 0; from < samples.size(); from += options.batchSize()) {
      List<RewardSample> batch =
          samples.subList(from, Math.min(samples.size(), from + options.batchSize()));
      scores.addAll(scores(batch));
    }
    return scores;
  }

  private List<Score> scores(List<RewardSample> batch) {
    String body = body(batch);
    String reason = "";
    try {
      for (int attempt = 0; attempt <= options.retries(); attempt++) {
        if (attempt > 0) {
          long pause = FIRST_PAUSE_MILLIS << Math.min(attempt - 1, 10);
          Thread.sleep(Math.min(pause, LONGEST_PAUSE_MILLIS));
        }
        try {
          return read(ask(body), batch.size());
        } catch (Failed e) {
          reason = e.getMessage();
          if (!e.mayPass) {
            break;
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for " + options.url(), e);
    }
    String failure = "%s: %s".formatted(options.url().getAuthority(), withoutKey(reason));
    return batch.stream().map(sample -> Score.unscorable(failure)).toList();
  }

  private String withoutKey(String text) {
    return options.key().map(key -> text.replace(key, "[key]")).orElse(text);
  }

  private static String body(List<RewardSample> batch) {
    ObjectNode body = JSON.createObjectNode();
    ArrayNode prompts = body.putArray("prompts");
    ArrayNode completions = body.putArray("completions");
    ArrayNode answers = body.putArray("answers");
    ArrayNode tokens = body.putArray("completion_tokens");
    for (RewardSample sample : batch) {
      ArrayNode prompt = prompts.addArray();
      for (ChatMessage message : sample.problem().messages()) {
        prompt.addObject().put("role", message.role()).put("content", message.content());
      }
      completions.add(sample.completion());
      answers.add(sample.problem().answer());
      tokens.add(sample.completionTokens() < 0 ? null : sample.completionTokens());
    }
    return body.toString();
  }

  private byte[] ask(String body) throws Failed, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(options.url())
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body));
    options.key().ifPresent(key -> request.header("Authorization", "Bearer " + key));
    CompletableFuture<HttpResponse<byte[]>> reply =
        client.sendAsync(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    try {
      HttpResponse<byte[]> response =
          reply.get(options.timeout().toMillis(), TimeUnit.MILLISECONDS);
      int status = response.statusCode();
      if (status != 200) {
        boolean mayPass = status == 408 || status == 425 || status == 429 || status >= 500;
        throw new Failed("status %d: %s".formatted(status, excerpt(response.body())), mayPass);
      }
      return response.body();
    } catch (TimeoutException e) {
      throw new Failed("no reply within %d ms".formatted(options.timeout().toMillis()), true);
    } catch (ExecutionException e) {
      throw new Failed("no whole reply (%s)".formatted(e.getCause()), true);
    } finally {
      reply.cancel(true);
    }
  }

  private static List<Score> read(byte[] reply, int expected) throws Failed {
    JsonNode rewards;
    try {
      rewards = JSON.readTree(reply).path("rewards");
    } catch (JsonProcessingException e) {
      throw new Failed("found something else than JSON: " + excerpt(reply), false);
    } catch (IOException e) {
      throw new Failed("no readable reply: " + e, true);
    }
    if (!rewards.isArray() || rewards.size() != expected) {
      throw new Failed(
          "expected a list 'rewards' of %d, found %s".formatted(expected, excerpt(reply)), false);
    }
    List<Score> scores = new ArrayList<>();
    for (JsonNode reward : rewards) {
      if (reward.isNull()) {
        scores.add(Score.unscorable("the server gave null"));
      } else if (reward.isNumber() && Double.isFinite(reward.doubleValue())) {
        scores.add(new Score(reward.doubleValue(), null));
      } else {
        throw new Failed("found the reward %s, expected a number or null".formatted(reward), false);
      }
    }
    return scores;
  }

  /** The beginning of a body on one line. */
  private static String excerpt(byte[] body) {
    String text =
        new String(body, 0, Math.min(body.length, 4 * EXCERPT), StandardCharsets.UTF_8)
            .replaceAll("\\s+", " ")
            .strip();
    return text.length() > EXCERPT ? text.substring(0, EXCERPT) + "..." : text;
  }
}
