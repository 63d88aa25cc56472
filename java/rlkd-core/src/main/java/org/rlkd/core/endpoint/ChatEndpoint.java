package org.rlkd.core.endpoint;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.rlkd.core.UsageException;

/**
 * A client of an OpenAI-compatible {@code /chat/completions} server.
 *
 * <p>Every request ends: each try within the timeout, whatever the server does with the connection;
 * tries are limited and the pauses between them too. What a pause may mend is tried again (no
 * connection, no or half a reply, something that is not a chat completion, 408, 425, 429, 5xx),
 * with exponential back-off and jitter, or after {@code Retry-After}, which holds back all requests
 * of this client. Redirects are not followed.
 *
 * <p>The key goes into the Authorization header and nowhere else; should the server repeat it, it
 * is taken out of reasons.
 */
public final class ChatEndpoint implements AutoCloseable {
  private static final Duration FIRST_PAUSE = Duration.ofMillis(500);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

  private final EndpointSettings settings;
  private final URI uri;
  private final String key;
  private final Duration firstPause;
  private final HttpClient client;
  private final ExecutorService threads;
  private final AtomicLong requests = new AtomicLong();
  private final AtomicLong notBefore = new AtomicLong(System.nanoTime());

  /**
   * A client; nothing is sent yet.
   *
   * @param environment where the key's variable is looked for: {@code System.getenv()}
   * @throws UsageException if the variable is not set
   */
  public ChatEndpoint(EndpointSettings settings, Map<String, String> environment) {
    this(settings, environment, FIRST_PAUSE);
  }

  ChatEndpoint(EndpointSettings settings, Map<String, String> environment, Duration firstPause) {
    this.settings = settings;
    this.firstPause = firstPause;
    this.uri =
        URI.create(settings.baseUrl().toString().replaceAll("/+$", "") + "/chat/completions");
    this.key = settings.apiKeyVariable().map(variable -> key(variable, environment)).orElse(null);
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(settings.timeout())
            .build();
    this.threads =
        Executors.newFixedThreadPool(
            settings.concurrency(),
            task -> {
              Thread thread = new Thread(task, "rlkd-endpoint");
              thread.setDaemon(true);
              return thread;
            });
  }

  private static String key(String variable, Map<String, String> environment) {
    String key = environment.getOrDefault(variable, "").strip();
    if (key.isEmpty()) {
      throw new UsageException(
          "the environment variable %s, which should hold the endpoint's key, is not set; set it, or leave api_key_env out if the server needs no key"
              .formatted(variable));
    }
    if (key.chars().anyMatch(c -> c <= ' ' || c > '~')) {
      throw new UsageException(
          "the environment variable %s holds white space or other characters that no key has"
              .formatted(variable));
    }
    return key;
  }

  public EndpointSettings settings() {
    return settings;
  }

  /** Requests sent so far, retries included. */
  public long requests() {
    return requests.get();
  }

  /** Asks all, as many at once as the settings say; one reply each in the same order. */
  public List<ChatReply> ask(List<ChatRequest> questions) {
    List<Future<ChatReply>> pending = new ArrayList<>();
    for (ChatRequest question : questions) {
      pending.add(threads.submit(() -> ask(question)));
    }
    List<ChatReply> replies = new ArrayList<>();
    try {
      for (Future<ChatReply> reply : pending) {
        replies.add(reply.get());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for " + uri, e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("asking " + uri, e.getCause());
    } finally {
      pending.forEach(reply -> reply.cancel(true));
    }
    return replies;
  }

  private ChatReply ask(ChatRequest question) throws InterruptedException {
    String body = ChatJson.write(question, settings.model());
    String reason = "";
    for (int attempt = 0; attempt <= settings.retries(); attempt++) {
      if (attempt > 0) {
        pause(attempt);
      }
      waitForServer();
      if (requests.incrementAndGet() > settings.requestBudget()) {
        requests.decrementAndGet();
        return new ChatReply.Failure(
            "the request budget of %d is used up%s"
                .formatted(settings.requestBudget(), reason.isEmpty() ? "" : " (" + reason + ")"));
      }
      Attempt result = attempt(body);
      if (result.answer != null) {
        return result.answer;
      }
      reason = clean(result.reason);
      if (!result.mayPass) {
        return new ChatReply.Failure(uri.getAuthority() + ": " + reason);
      }
    }
    return new ChatReply.Failure(
        "%s: %s (tried %d times)".formatted(uri.getAuthority(), reason, settings.retries() + 1));
  }

  /** An answer, or why there is none and whether another try may bring one. */
  private record Attempt(ChatReply.Answer answer, String reason, boolean mayPass) {
    static Attempt failed(String reason) {
      return new Attempt(null, reason, true);
    }
  }

  private Attempt attempt(String body) throws InterruptedException {
    CompletableFuture<HttpResponse<byte[]>> reply =
        client.sendAsync(request(body), LimitedBody.handler());
    HttpResponse<byte[]> response;
    try {
      response = reply.get(settings.timeout().toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      return Attempt.failed(
          "no reply within %s s".formatted(settings.timeout().toMillis() / 1000.0));
    } catch (ExecutionException e) {
      return Attempt.failed(describe(e.getCause()));
    } finally {
      reply.cancel(true);
    }
    if (response.statusCode() == 200) {
      try {
        return new Attempt(ChatJson.read(response.body()), null, false);
      } catch (IOException e) {
        return Attempt.failed(e.getMessage());
      }
    }
    String reason =
        "status %d: %s".formatted(response.statusCode(), ChatJson.excerpt(response.body()));
    Duration asked = RetryAfter.of(response.headers());
    if (asked != null && asked.compareTo(settings.timeout()) > 0) {
      return new Attempt(
          null, reason + ", and asks to wait %d s".formatted(asked.toSeconds()), false);
    }
    if (asked != null) {
      long until = System.nanoTime() + asked.toNanos();
      notBefore.accumulateAndGet(until, (one, other) -> one - other > 0 ? one : other);
    }
    return new Attempt(null, reason, mayPass(response.statusCode()));
  }

  private static boolean mayPass(int status) {
    return status == 408 || status == 425 || status == 429 || status >= 500;
  }

  private HttpRequest request(String body) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri)
            .header("Content-Type", "application/json")
            .header("Accept", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body));
    if (key != null) {
      request.header("Authorization", "Bearer " + key);
    }
    return request.build();
  }

  private static String describe(Throwable failure) {
    String message = failure.getMessage();
    return message == null || message.isBlank()
        ? "no connection (%s)".formatted(failure.getClass().getSimpleName())
        : "no whole reply (%s)".formatted(message);
  }

  private String clean(String reason) {
    return key == null ? reason : reason.replace(key, "[key]");
  }

  /** Doubles with each attempt; a random part keeps requests from coming back together. */
  private void pause(int attempt) throws InterruptedException {
    long longest =
        Math.min(LONGEST_PAUSE.toMillis(), firstPause.toMillis() << Math.min(attempt - 1, 20));
    Thread.sleep(longest / 2 + ThreadLocalRandom.current().nextLong(longest / 2 + 1));
  }

  private void waitForServer() throws InterruptedException {
    long nanos = notBefore.get() - System.nanoTime();
    if (nanos > 0) {
      TimeUnit.NANOSECONDS.sleep(nanos);
    }
  }

  /** Ends what is under way. */
  @Override
  public void close() {
    threads.shutdownNow();
  }
}
