package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Training with a decomposer behind a server that answers in prose. */
@Timeout(120)
class UnscorableRunTest {
  @TempDir Path folder;

  private CapturedRun train(String maxUnscorable) throws IOException {
    byte[] prose =
        "{\"choices\": [{\"message\": {\"content\": \"I would rather talk.\"}}]}"
            .getBytes(StandardCharsets.UTF_8);
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext(
        "/v1/chat/completions",
        exchange -> {
          exchange.getRequestBody().readAllBytes();
          exchange.sendResponseHeaders(200, prose.length);
          exchange.getResponseBody().write(prose);
          exchange.close();
        });
    server.start();
    try {
      TinyStudent.write(folder.resolve("base"));
      TinyStudent.write(folder.resolve("sums.jsonl"), TinyStudent.problems(8));
      TinyStudent.write(
          folder.resolve("grpo.yaml"),
          """
          max_steps: 3
          num_generations: 4
          per_device_train_batch_size: 8
          max_completion_length: 12
          logging_steps: 1
          save_strategy: "no"
          log_completions: true
          reward_funcs: [structure]
          rlkd:
            gsrm:
              decomposer: endpoint
              decomposer_attempts: 2
              max_unscorable: %s
              decomposer_endpoint:
                base_url: http://127.0.0.1:%d/v1
                model: prose
          """
              .formatted(maxUnscorable, server.getAddress().getPort()));
      return CapturedRun.of(
          "train",
          "--config",
          folder.resolve("grpo.yaml").toString(),
          "--model",
          folder.resolve("base").toString(),
          "--data",
          folder.resolve("sums.jsonl").toString(),
          "--out",
          folder.resolve("run").toString());
    } finally {
      server.stop(0);
    }
  }

  private List<JsonNode> lines(String name) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve("run").resolve(name))) {
      lines.add(new ObjectMapper().readTree(line));
    }
    return lines;
  }

  @Test
  void the_run_stops_with_the_cause_and_its_completions_tell_it() throws IOException {
    CapturedRun run = train("0.5");
    assertThat(run.exitCode()).isEqualTo(1);
    assertThat(run.error())
        .contains("of the last 16 completions", "rlkd.gsrm.max_unscorable is 0.5")
        .contains("the decomposer's output has no step: I would rather talk.");
    assertThat(lines("completions.jsonl")).hasSize(8);
  }

  @Test
  void a_run_that_is_allowed_to_goes_on_and_counts_them() throws IOException {
    CapturedRun run = train("1");
    assertThat(run.exitCode()).as(run.err()).isZero();
    for (JsonNode line : lines("completions.jsonl")) {
      assertThat(line.at("/rewards/structure").isNull()).isTrue();
      assertThat(line.at("/unscorable/structure").textValue()).contains("I would rather talk.");
    }
    assertThat(lines("metrics.jsonl").get(0).get("gsrm/unscorable").doubleValue()).isEqualTo(1);
    // the teachers' failures are kept: each problem's text was decomposed once
    assertThat(lines("teacher-cache.jsonl"))
        .hasSizeBetween(2, 8)
        .allMatch(line -> line.get("failed").textValue().contains("has no step"));
  }
}
