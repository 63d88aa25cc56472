package org.rlkd.core.reward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.data.Problem;

class RewardsTest {
  private static final String WELL_FORMED =
      "<think>5 plus 8 make 13</think>\n<answer> 13 </answer>";

  private static Problem problem(String id, String answer) {
    return new Problem(id, List.of(new ChatMessage("user", "?")), answer, List.of());
  }

  private static Reward reward(String name, RewardOptions options) {
    return Rewards.byName(
        name,
        options,
        () -> {
          throw new AssertionError("asked for the structure reward");
        });
  }

  private static double score(String name, String answer, String completion) {
    return reward(name, RewardOptions.DEFAULTS)
        .score(List.of(new RewardSample(problem("p", answer), completion, 1, false)))[0];
  }

  private static double scoreAfterOpenedThink(String name, String completion) {
    RewardOptions defaults = RewardOptions.DEFAULTS;
    RewardOptions opened =
        new RewardOptions(
            Compatibility.RLKD,
            true,
            defaults.cosine(),
            defaults.repetitionNGrams(),
            defaults.repetitionMaxPenalty(),
            "python");
    return reward(name, opened)
        .score(List.of(new RewardSample(problem("p", null), completion, 1, false)))[0];
  }

  @Test
  void accuracy_is_1_for_an_equal_answer_and_unscorable_without_a_reference() {
    assertThat(score("accuracy", "13", WELL_FORMED)).isEqualTo(1);
    assertThat(score("accuracy", "14", WELL_FORMED)).isZero();
    assertThat(score("accuracy_open_math", "\\frac{26}{2}", WELL_FORMED)).isEqualTo(1);
    assertThat(score("accuracy", null, WELL_FORMED)).isNaN();
    assertThat(score("accuracy", "$$", WELL_FORMED)).isNaN();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1 | <think>a</think><answer>b</answer>",
        "1 | <think> a </think>  <answer> b </answer>  ",
        "0 | <think>a</think><answer>b</answer> and more",
        "0 | so <think>a</think><answer>b</answer>",
        "0 | <think>a</think>c<answer>b</answer>",
        "0 | <think></think><answer>b</answer>",
        "0 | <think>a</think><answer> </answer>",
        "0 | <think>a<think></think></think><answer>b</answer>",
        "0 | <answer>b</answer><think>a</think>",
        "0 | a</think><answer>b</answer>",
        "0 | <think>a</think>",
      })
  void format_takes_the_whole_completion_with_each_tag_once(double expected, String completion) {
    assertThat(score("format", null, completion)).isEqualTo(expected);
  }

  @Test
  void a_think_tag_that_the_prompt_opened_is_not_asked_for_again() {
    assertThat(scoreAfterOpenedThink("format", "a</think><answer>b</answer>")).isEqualTo(1);
    assertThat(scoreAfterOpenedThink("format", "<think>a</think><answer>b</answer>")).isZero();
    assertThat(scoreAfterOpenedThink("tag_count", "a</think><answer>b</answer>")).isEqualTo(1);
    assertThat(scoreAfterOpenedThink("tag_count", "<think>a</think><answer>b</answer>"))
        .isEqualTo(0.75);
  }

  @Test
  void tag_count_pays_a_quarter_for_each_tag_that_occurs_once() {
    assertThat(score("tag_count", null, WELL_FORMED)).isEqualTo(1);
    assertThat(score("tag_count", null, "<think>a</think>")).isEqualTo(0.5);
    assertThat(score("tag_count", null, WELL_FORMED + "</answer>")).isEqualTo(0.75);
    assertThat(score("tag_count", null, "")).isZero();
  }

  @Test
  void reasoning_steps_count_numbers_and_bullets_on_every_line() {
    assertThat(score("reasoning_steps", null, "So:\n1. a\n2. b\n- c\n- d")).isEqualTo(1);
    assertThat(score("reasoning_steps", null, "Step 1: a")).isCloseTo(1.0 / 3, within(1e-12));
  }

  @Test
  void length_compares_completions_of_the_same_problem() {
    Problem one = problem("one", "4");
    Problem other = problem("other", "4");
    double[] scores =
        reward("length", RewardOptions.DEFAULTS)
            .score(
                List.of(
                    new RewardSample(one, "\\boxed{4}", 1, false),
                    new RewardSample(one, "so \\boxed{4}", 1, false),
                    new RewardSample(other, "a much longer way to \\boxed{4}", 1, false),
                    new RewardSample(problem("third", null), "\\boxed{4}", 1, false)));
    assertThat(scores[0]).isEqualTo(0.5);
    assertThat(scores[1]).isEqualTo(-0.5);
    assertThat(scores[2]).isZero();
    assertThat(scores[3]).isNaN();
  }

  @Test
  void cosine_stays_at_its_end_beyond_the_maximal_length() {
    assertThat(score("cosine", "4", "w".repeat(991) + "\\boxed{4}")).isCloseTo(0.5, within(1e-12));
    assertThat(score("cosine", "4", "w".repeat(2000) + "\\boxed{4}")).isCloseTo(0.5, within(1e-12));
    assertThat(score("cosine", null, "\\boxed{4}")).isNaN();
  }

  @Test
  void code_format_wants_a_fence_of_the_language_in_the_answer() {
    assertThat(score("code_format", null, "<think>a</think><answer>```python\nx=1\n```</answer>"))
        .isEqualTo(1);
    assertThat(score("code_format", null, "<think>a</think><answer>```cpp\nx;\n```</answer>"))
        .isZero();
    assertThat(score("code_format", null, "<think>```python\nx=1\n```</think><answer>b</answer>"))
        .isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"acuracy", "tag-counts", "structur", "searchain_openr1_maths"})
  void an_unknown_name_is_refused_with_the_closest_known_one(String name) {
    assertThatThrownBy(() -> reward(name, RewardOptions.DEFAULTS))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("'" + name + "'")
        .hasMessageContaining("did you mean '");
  }

  @Test
  void a_reward_that_runs_code_is_refused_as_not_implemented() {
    assertThatThrownBy(() -> reward("ioi_code", RewardOptions.DEFAULTS))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("not implemented");
  }

  @Test
  void options_out_of_range_are_refused_by_their_key() {
    RewardOptions.Cosine cosine = RewardOptions.DEFAULTS.cosine();
    assertThatThrownBy(() -> new RewardOptions(Compatibility.RLKD, false, cosine, 3, 0.5, "python"))
        .hasMessageContaining("repetition_max_penalty");
    assertThatThrownBy(() -> new RewardOptions(Compatibility.RLKD, false, cosine, 0, -1, "python"))
        .hasMessageContaining("repetition_n_grams");
    assertThatThrownBy(() -> new RewardOptions.Cosine(0, 0, 0, 0, 0))
        .hasMessageContaining("cosine_max_len");
  }

  private record OnThread(String name, boolean concurrent, AtomicReference<Thread> thread)
      implements Reward {
    @Override
    public double[] score(List<RewardSample> samples) {
      thread.set(Thread.currentThread());
      double[] scores = new double[samples.size()];
      Arrays.fill(scores, Double.NaN);
      return scores;
    }
  }

  @Test
  void the_matrix_runs_a_reward_that_is_not_concurrent_on_the_calling_thread()
      throws InterruptedException {
    ExecutorService executor = Executors.newSingleThreadExecutor();
    try {
      OnThread owned = new OnThread("owned", false, new AtomicReference<>());
      OnThread free = new OnThread("free", true, new AtomicReference<>());
      List<RewardSample> samples =
          List.of(
              new RewardSample(problem("p", "13"), WELL_FORMED, 1, false),
              new RewardSample(problem("q", "4"), "", 1, true));
      RewardMatrix matrix =
          RewardMatrix.score(
              List.of(reward("accuracy", RewardOptions.DEFAULTS), owned, free), samples, executor);
      assertThat(matrix.names()).containsExactly("accuracy", "owned", "free");
      assertThat(matrix.values()[0]).containsExactly(1, Double.NaN, Double.NaN);
      assertThat(matrix.values()[1]).containsExactly(0, Double.NaN, Double.NaN);
      assertThat(owned.thread.get()).isSameAs(Thread.currentThread());
      assertThat(free.thread.get()).isNotSameAs(Thread.currentThread());
    } finally {
      executor.shutdown();
      assertThat(executor.awaitTermination(5, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void the_matrix_passes_a_rewards_failure_on_as_it_is() {
    Reward broken =
        new Reward() {
          @Override
          public String name() {
            return "broken";
          }

          @Override
          public double[] score(List<RewardSample> samples) {
            throw new InputException("column 'answer' is missing");
          }
        };
    assertThatThrownBy(() -> RewardMatrix.score(List.of(broken), List.of(), Runnable::run))
        .isInstanceOf(InputException.class)
        .hasMessage("column 'answer' is missing");
  }
}
