package org.rlkd.core.gsrm;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rlkd.core.endpoint.ChatEndpoint;
import org.rlkd.core.endpoint.EndpointSettings;
import org.rlkd.core.endpoint.ScriptedServer;
import org.rlkd.core.endpoint.ScriptedServer.Behaviour;
import org.rlkd.core.endpoint.ScriptedServer.Request;

/** Decomposer and judge over a real server on loopback. */
@Timeout(60)
class EndpointGsrmTest {
  private static final String TAGGED = "[sub-think 1]: m\\n[Query 1]: q\\n[Answer 1]: 5</answer>";
  private static final Decomposition.Parsed PARSED =
      (Decomposition.Parsed)
          DecomposerOutput.read("[sub-think 1]: m\n[Query 1]: q\n[Answer 1]: 5</answer>", null);

  private static ChatEndpoint endpoint(ScriptedServer server) {
    return new ChatEndpoint(
        new EndpointSettings(
            server.baseUrl(),
            "gsrm",
            Optional.empty(),
            4,
            Duration.ofSeconds(5),
            0,
            Long.MAX_VALUE,
            true),
        Map.of());
  }

  private static List<Decomposition> decompose(
      Function<Request, Behaviour> script, int attempts, Reasoning... reasonings) {
    try (ScriptedServer server = new ScriptedServer(script);
        ChatEndpoint endpoint = endpoint(server)) {
      return new EndpointDecomposer(endpoint, DecompositionPrompt.of(Domain.MATH), 100, attempts)
          .decompose(List.of(reasonings));
    }
  }

  @Test
  void steps_are_read_from_the_reply_without_the_closing_tag() {
    Step step = PARSED.structure().steps().get(0);
    assertThat(step).isEqualTo(new Step("m", "q", "5"));
    assertThat(decompose(request -> ScriptedServer.says(TAGGED), 1, new Reasoning("p", "r")))
        .containsExactly(PARSED);
  }

  @Test
  void output_without_tags_is_tried_again_with_another_seed_and_the_others_are_not() {
    StringBuilder seeds = new StringBuilder();
    List<Decomposition> results =
        decompose(
            request -> {
              synchronized (seeds) {
                seeds.append(request.body().replaceAll(".*\"seed\":(\\d+).*", "$1"));
              }
              return ScriptedServer.says(
                  request.body().contains("hard") && !request.body().contains("\"seed\":2")
                      ? "I would rather not."
                      : TAGGED);
            },
            3,
            new Reasoning("p", "easy"),
            new Reasoning("p", "hard"),
            new Reasoning("p", "hard"));
    assertThat(results).containsExactly(PARSED, PARSED, PARSED);
    assertThat(seeds.toString()).isEqualTo("0012");
  }

  @Test
  void prose_to_the_last_attempt_is_a_lasting_failure_and_a_broken_server_a_passing_one() {
    Decomposition.Failed prose =
        (Decomposition.Failed)
            decompose(request -> ScriptedServer.says("No."), 2, new Reasoning("p", "r")).get(0);
    assertThat(prose.lasting()).isTrue();
    assertThat(prose.reason()).contains("has no step: No.");
    Decomposition.Failed broken =
        (Decomposition.Failed)
            decompose(request -> ScriptedServer.status(500, "", "oops"), 2, new Reasoning("p", "r"))
                .get(0);
    assertThat(broken.lasting()).isFalse();
    assertThat(broken.reason()).contains("status 500: oops");
  }

  @Test
  void the_judge_reads_yes_and_no_and_fails_on_prose_with_its_words() {
    try (ScriptedServer server =
            new ScriptedServer(
                request ->
                    ScriptedServer.says(
                        request.body().contains("apples")
                            ? "Yes"
                            : request.body().contains("pears") ? "no." : "It depends."));
        ChatEndpoint endpoint = endpoint(server)) {
      AskingJudge judge = new AskingJudge(new EndpointJudge(endpoint), AnswerCache.inMemory());
      Judgement judgement =
          judge
              .judge(
                  List.of(
                      new StepPair(
                          new Step("count apples", "how many pears", "six"),
                          new Step("number of them", "how much", "half a dozen"))))
              .get(0);
      assertThat(judgement.meta()).isEqualTo(1);
      assertThat(judgement.query()).isEqualTo(0);
      assertThat(judgement.answer()).isNaN();
      assertThat(judgement.failure()).contains("expected yes or no, found: It depends.");
    }
  }
}
