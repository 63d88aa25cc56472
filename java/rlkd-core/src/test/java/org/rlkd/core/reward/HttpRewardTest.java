package org.rlkd.core.reward;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.data.Problem;

/** Against a server of plain sockets, which can misbehave as real ones do. */
@Timeout(30)
class HttpRewardTest {
  private static final String KEY = "sk-very-secret";

  private final ServerSocket server;
  private final List<String> requests = new ArrayList<>();

  HttpRewardTest() throws IOException {
    server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  }

  @AfterEach
  void close() throws IOException {
    server.close();
  }

  /** Sends a reply as it stands; null = says nothing and keeps the connection open. */
  private void serve(String... replies) {
    Thread thread =
        new Thread(
            () -> {
              try {
                List<Socket> silent = new ArrayList<>();
                for (String reply : replies) {
                  Socket socket = server.accept();
                  requests.add(readRequest(socket.getInputStream()));
                  if (reply == null) {
                    silent.add(socket);
                  } else {
                    OutputStream out = socket.getOutputStream();
                    out.write(reply.getBytes(StandardCharsets.UTF_8));
                    out.flush();
                    socket.close();
                  }
                }
              } catch (IOException e) {
                // the test is over
              }
            });
    thread.setDaemon(true);
    thread.start();
  }

  private static String readRequest(InputStream in) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      head.append((char) in.read());
    }
    int length =
        Integer.parseInt(head.toString().replaceAll("(?is).*content-length: (\\d+).*", "$1"));
    return head + new String(in.readNBytes(length), StandardCharsets.UTF_8);
  }

  private static String ok(String body) {
    return status("200 OK", body);
  }

  private static String status(String status, String body) {
    return "HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
        .formatted(status, body.getBytes(StandardCharsets.UTF_8).length, body);
  }

  private List<? extends RewardExplanation> explain(int batchSize, int retries, String... texts) {
    URI url = URI.create("http://127.0.0.1:%d/score".formatted(server.getLocalPort()));
    HttpReward reward =
        new HttpReward(
            new HttpRewardOptions(
                url, Optional.of(KEY), batchSize, Duration.ofMillis(700), retries));
    List<RewardSample> samples = new ArrayList<>();
    for (String text : texts) {
      samples.add(
          new RewardSample(
              new Problem("p", List.of(new ChatMessage("user", "2+2?")), "4", List.of()),
              text,
              7,
              false));
    }
    return reward.explain(samples);
  }

  @Test
  void each_completion_gets_its_reward_over_several_requests_and_null_is_unscorable()
      throws IOException {
    serve(ok("{\"rewards\": [0.5, null]}"), ok("{\"rewards\": [-2]}"));
    List<? extends RewardExplanation> scores = explain(2, 0, "a", "b", "c");
    assertThat(scores).extracting(RewardExplanation::reward).containsExactly(0.5, Double.NaN, -2.0);
    assertThat(scores.get(1).unscorableReason()).contains("null");
    JsonNode body =
        new ObjectMapper().readTree(requests.get(0).substring(requests.get(0).indexOf("\r\n\r\n")));
    assertThat(body.toString())
        .isEqualTo(
            "{\"prompts\":[[{\"role\":\"user\",\"content\":\"2+2?\"}],[{\"role\":\"user\",\"content\":\"2+2?\"}]],"
                + "\"completions\":[\"a\",\"b\"],\"answers\":[\"4\",\"4\"],\"completion_tokens\":[7,7]}");
    assertThat(requests.get(0)).contains("Authorization: Bearer " + KEY);
  }

  @Test
  void what_may_pass_is_tried_again() {
    serve(
        status("503 Busy", "later"),
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"rewa",
        "",
        ok("{\"rewards\": [1]}"));
    assertThat(explain(8, 3, "a").get(0).reward()).isEqualTo(1);
    assertThat(requests).hasSize(4);
  }

  @Test
  void a_server_that_says_nothing_costs_the_timeout_and_the_reason_says_so() {
    serve((String) null, null);
    RewardExplanation score = explain(8, 1, "a").get(0);
    assertThat(score.reward()).isNaN();
    assertThat(score.unscorableReason()).contains("no reply within 700 ms", "127.0.0.1");
  }

  @Test
  void html_wrong_json_too_few_rewards_and_infinities_are_unscorable_at_once() {
    for (String body :
        List.of(
            "<html>hello</html>",
            "{\"scores\": [1]}",
            "{\"rewards\": []}",
            "{\"rewards\": [\"1\"]}",
            "{\"rewards\": [1e999]}")) {
      serve(ok(body));
      RewardExplanation score = explain(8, 5, "a").get(0);
      assertThat(score.reward()).as(body).isNaN();
      assertThat(score.unscorableReason()).as(body).contains("127.0.0.1");
    }
    assertThat(requests).hasSize(5);
  }

  @Test
  void the_key_stays_out_of_the_reason_though_the_server_repeats_it() {
    serve(status("401 Unauthorized", "bad key " + KEY));
    RewardExplanation score = explain(8, 5, "a").get(0);
    assertThat(score.unscorableReason()).contains("status 401", "[key]").doesNotContain(KEY);
    assertThat(requests).hasSize(1);
  }
}
