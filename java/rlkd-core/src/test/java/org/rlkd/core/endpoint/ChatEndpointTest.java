package org.rlkd.core.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rlkd.core.UsageException;
import org.rlkd.core.chat.ChatMessage;

@Timeout(60)
class ChatEndpointTest {
  private static final String KEY = "sk-very-secret-0123456789";
  private static final Duration TIMEOUT = Duration.ofMillis(700);
  private static final ChatRequest QUESTION =
      new ChatRequest(List.of(new ChatMessage("user", "is it?")), 8, 0, 3, true);

  private static EndpointSettings settings(URI baseUrl, int retries) {
    return new EndpointSettings(
        baseUrl, "m", Optional.of("THE_KEY"), 4, TIMEOUT, retries, Long.MAX_VALUE, true);
  }

  private static ChatEndpoint endpoint(EndpointSettings settings) {
    return new ChatEndpoint(settings, Map.of("THE_KEY", KEY), Duration.ofMillis(20));
  }

  private static ChatReply ask(
      Function<ScriptedServer.Request, ScriptedServer.Behaviour> script, int retries) {
    try (ScriptedServer server = new ScriptedServer(script);
        ChatEndpoint endpoint = endpoint(settings(server.baseUrl(), retries))) {
      return endpoint.ask(List.of(QUESTION)).get(0);
    }
  }

  private static String reason(ChatReply reply) {
    assertThat(reply).isInstanceOf(ChatReply.Failure.class);
    return ((ChatReply.Failure) reply).reason();
  }

  private static String text(ChatReply reply) {
    assertThat(reply).isInstanceOf(ChatReply.Answer.class);
    return ((ChatReply.Answer) reply).text();
  }

  @Test
  void it_speaks_the_openai_form() throws IOException {
    try (ScriptedServer server =
            new ScriptedServer(
                request ->
                    ScriptedServer.status(
                        200,
                        "",
                        """
                        {"choices": [{"message": {"content": "Yes"}, "finish_reason": "length",
                          "logprobs": {"content": [{"token": "Yes", "logprob": -0.2, "top_logprobs": [
                            {"token": "Yes", "logprob": -0.2}, {"token": " no", "logprob": -1.8}]}]}}]}"""));
        ChatEndpoint endpoint = endpoint(settings(server.baseUrl(), 0))) {
      ChatReply.Answer answer = (ChatReply.Answer) endpoint.ask(List.of(QUESTION)).get(0);
      assertThat(answer.text()).isEqualTo("Yes");
      assertThat(answer.cutOff()).isTrue();
      assertThat(answer.firstToken()).containsOnlyKeys("Yes", " no");
      assertThat(answer.firstToken().get("Yes")).isCloseTo(Math.exp(-0.2), within(1e-12));
      ScriptedServer.Request request = server.requests().get(0);
      assertThat(request.head())
          .startsWith("POST /v1/chat/completions HTTP/1.1")
          .containsIgnoringCase("Authorization: Bearer " + KEY)
          .doesNotContainIgnoringCase("Upgrade");
      JsonNode body = new ObjectMapper().readTree(request.body());
      assertThat(body)
          .isEqualTo(
              new ObjectMapper()
                  .readTree(
                      """
                      {"model": "m", "messages": [{"role": "user", "content": "is it?"}], "max_tokens": 8,
                       "temperature": 0.0, "seed": 3, "logprobs": true, "top_logprobs": 20}"""));
    }
  }

  @Test
  void a_server_that_hangs_fails_within_the_timeout_of_each_try() {
    long started = System.nanoTime();
    assertThat(reason(ask(request -> ScriptedServer.hangs(), 1)))
        .contains("no reply within 0.7 s", "tried 2 times");
    assertThat(Duration.ofNanos(System.nanoTime() - started))
        .isBetween(TIMEOUT.multipliedBy(2), TIMEOUT.multipliedBy(8));
  }

  @Test
  void a_body_that_never_ends_fails_within_the_timeout() {
    assertThat(reason(ask(request -> ScriptedServer.drips(), 0))).contains("no reply within 0.7 s");
  }

  @Test
  void a_reset_half_a_body_html_and_wrong_json_are_tried_again_and_then_named() {
    String half = "{\"choices\": [{\"message\"";
    assertThat(reason(ask(request -> ScriptedServer.resets(), 1))).contains("tried 2 times");
    assertThat(reason(ask(request -> ScriptedServer.halfOf(half), 1)))
        .contains("no whole reply", "tried 2 times");
    assertThat(reason(ask(request -> ScriptedServer.status(200, "", half), 1)))
        .contains("something else than JSON", "tried 2 times");
    assertThat(
            reason(
                ask(
                    request -> ScriptedServer.status(200, "", "<html>\n<h1>Gateway</h1></html>"),
                    1)))
        .contains("something else than JSON: <html> <h1>Gateway</h1></html>");
    for (String json : List.of("{}", "[]", "null", "", "{\"choices\": [{\"message\": {}}]}")) {
      assertThat(reason(ask(request -> ScriptedServer.status(200, "", json), 0)))
          .contains("found JSON without choices[0].message.content");
    }
  }

  @Test
  void every_misbehaviour_is_survived_if_a_later_try_succeeds() {
    List<ScriptedServer.Behaviour> bad =
        List.of(
            ScriptedServer.hangs(),
            ScriptedServer.resets(),
            ScriptedServer.halfOf("{\"choices\""),
            ScriptedServer.status(200, "", "<html></html>"),
            ScriptedServer.status(500, "", "oops"),
            ScriptedServer.status(503, "Retry-After: 0\r\n", ""));
    assertThat(
            text(
                ask(
                    request ->
                        request.number() < bad.size()
                            ? bad.get(request.number())
                            : ScriptedServer.says("yes"),
                    bad.size())))
        .isEqualTo("yes");
  }

  @Test
  void retry_after_is_waited_for_by_every_request() {
    long started = System.nanoTime();
    try (ScriptedServer server =
            new ScriptedServer(
                request ->
                    request.number() == 0
                        ? ScriptedServer.status(429, "Retry-After: 0.5\r\n", "slow down")
                        : ScriptedServer.says("yes"));
        ChatEndpoint endpoint = endpoint(settings(server.baseUrl(), 1))) {
      assertThat(text(endpoint.ask(List.of(QUESTION)).get(0))).isEqualTo("yes");
      assertThat(Duration.ofNanos(System.nanoTime() - started))
          .isGreaterThanOrEqualTo(Duration.ofMillis(500));
      assertThat(endpoint.requests()).isEqualTo(2);
    }
  }

  @Test
  void a_wait_longer_than_the_timeout_is_not_waited_for() {
    assertThat(
            reason(ask(request -> ScriptedServer.status(429, "Retry-After: 3600\r\n", "full"), 5)))
        .contains("status 429: full", "asks to wait 3600 s")
        .doesNotContain("tried");
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 401, 403, 404, 301})
  void what_another_try_cannot_mend_is_not_tried_again(int status) {
    try (ScriptedServer server =
            new ScriptedServer(request -> ScriptedServer.status(status, "Location: /\r\n", "no"));
        ChatEndpoint endpoint = endpoint(settings(server.baseUrl(), 5))) {
      assertThat(reason(endpoint.ask(List.of(QUESTION)).get(0))).contains("status " + status);
      assertThat(server.requests()).hasSize(1);
    }
  }

  @Test
  void no_server_at_all_is_named_with_its_address() throws IOException {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    try (ChatEndpoint endpoint =
        endpoint(settings(URI.create("http://127.0.0.1:" + port + "/v1/"), 1))) {
      assertThat(reason(endpoint.ask(List.of(QUESTION)).get(0)))
          .contains("127.0.0.1:" + port, "tried 2 times");
    }
  }

  @Test
  void the_key_is_taken_out_of_what_the_server_repeats() {
    String reason =
        reason(ask(request -> ScriptedServer.status(401, "", "bad key " + KEY + "!"), 0));
    assertThat(reason).contains("bad key [key]!").doesNotContain(KEY);
    assertThat(reason(ask(request -> ScriptedServer.status(200, "", "{\"you sent\": \"" + KEY), 0)))
        .doesNotContain(KEY);
    assertThat(settings(URI.create("http://h/v1"), 0).toString()).doesNotContain(KEY);
  }

  @Test
  void a_key_variable_that_is_not_set_is_refused_by_its_name() {
    assertThatThrownBy(() -> new ChatEndpoint(settings(URI.create("http://h/v1"), 0), Map.of()))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("THE_KEY");
    assertThatThrownBy(
            () ->
                new ChatEndpoint(
                    settings(URI.create("http://h/v1"), 0), Map.of("THE_KEY", "sk-1\nsk-2")))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("THE_KEY")
        .hasMessageNotContaining("sk-");
  }

  @Test
  void requests_run_at_once_up_to_the_limit_and_replies_keep_their_order() {
    try (ScriptedServer server =
            new ScriptedServer(
                request ->
                    connection -> {
                      pause(60);
                      String asked = request.body().replaceAll(".*question (\\d+).*", "$1");
                      ScriptedServer.says("answer " + asked).on(connection);
                    });
        ChatEndpoint endpoint = endpoint(settings(server.baseUrl(), 0))) {
      List<ChatRequest> questions =
          java.util.stream.IntStream.range(0, 24)
              .mapToObj(
                  i ->
                      new ChatRequest(
                          List.of(new ChatMessage("user", "question " + i)), 8, 0, 0, false))
              .toList();
      List<ChatReply> replies = endpoint.ask(questions);
      for (int i = 0; i < replies.size(); i++) {
        assertThat(text(replies.get(i))).isEqualTo("answer " + i);
      }
      assertThat(server.mostUnderWay()).isBetween(2, 4);
    }
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void the_request_budget_counts_retries_and_ends_the_asking() {
    try (ScriptedServer server =
        new ScriptedServer(request -> ScriptedServer.status(500, "", "oops"))) {
      EndpointSettings five =
          new EndpointSettings(server.baseUrl(), "m", Optional.empty(), 1, TIMEOUT, 2, 5, false);
      try (ChatEndpoint endpoint = endpoint(five)) {
        List<ChatReply> replies = endpoint.ask(Collections.nCopies(3, QUESTION));
        assertThat(reason(replies.get(0))).contains("status 500");
        assertThat(reason(replies.get(1))).contains("request budget of 5", "status 500");
        assertThat(reason(replies.get(2))).contains("request budget of 5");
        assertThat(server.requests()).hasSize(5);
        assertThat(server.requests().get(0).head()).doesNotContainIgnoringCase("authorization");
      }
    }
  }

  @Test
  void a_reply_without_end_is_cut_at_the_bound() {
    String endless = "x".repeat(LimitedBody.MOST_BYTES + 1);
    try (ScriptedServer server =
            new ScriptedServer(request -> ScriptedServer.status(200, "", endless));
        ChatEndpoint endpoint =
            endpoint(
                new EndpointSettings(
                    server.baseUrl(),
                    "m",
                    Optional.empty(),
                    1,
                    Duration.ofSeconds(20),
                    0,
                    9,
                    false))) {
      assertThat(reason(endpoint.ask(List.of(QUESTION)).get(0))).contains("longer than");
    }
  }
}
