package org.rlkd.core.reward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rlkd.core.UsageException;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.data.Problem;

class MoreRewardsTest {
  private static final Problem PROBLEM =
      new Problem("p", List.of(new ChatMessage("user", "2+2?")), "4", List.of());

  private static RewardSample sample(String text, int tokens) {
    return new RewardSample(PROBLEM, text, tokens, false);
  }

  private static Reward reward(String name) {
    return reward(name, new RewardOptions.Overlong(100, 20));
  }

  private static Reward reward(String name, RewardOptions.Overlong overlong) {
    RewardOptions defaults = RewardOptions.DEFAULTS;
    RewardOptions options =
        new RewardOptions(
            defaults.compatibility(),
            false,
            defaults.cosine(),
            3,
            -1,
            "python",
            overlong,
            Optional.empty());
    return Rewards.byName(name, options, () -> null);
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "80, 0", "81, -0.05", "90, -0.5", "100, -1", "101, -1", "5000, -1"})
  void the_overlong_punishment_grows_over_the_cache(int tokens, double expected) {
    assertThat(reward("soft_overlong_punishment").score(List.of(sample("", tokens))))
        .containsExactly(expected);
  }

  @Test
  void without_a_cache_the_punishment_is_a_step_and_without_tokens_there_is_none() {
    Reward hard = reward("soft_overlong_punishment", new RewardOptions.Overlong(100, 0));
    assertThat(hard.score(List.of(sample("", 100), sample("", 101), sample("", -1))))
        .containsExactly(0, -1, Double.NaN);
  }

  @Test
  void the_weighted_sum_is_unscorable_where_a_part_with_weight_is() {
    Problem unanswered = new Problem("q", List.of(new ChatMessage("user", "?")), null, List.of());
    String text = "<think>x</think><answer>4</answer>";
    List<RewardSample> samples =
        List.of(sample(text, 1), new RewardSample(unanswered, text, 1, false));
    List<Reward> parts = List.of(reward("accuracy"), reward("format"));
    assertThat(new WeightedReward(parts, List.of(15.0, 10.0)).score(samples))
        .containsExactly(25, Double.NaN);
    assertThat(new WeightedReward(parts, List.of(0.0, 10.0)).score(samples))
        .containsExactly(10, 10);
  }

  /** A user's own reward. */
  public static final class Loudness implements Reward {
    @Override
    public String name() {
      return "loudness";
    }

    @Override
    public double[] score(List<RewardSample> samples) {
      return samples.stream()
          .mapToDouble(s -> s.completion().chars().filter(c -> c == '!').count())
          .toArray();
    }
  }

  @Test
  void a_users_reward_is_found_by_its_class_name() {
    assertThat(reward(Loudness.class.getName()).score(List.of(sample("oh! no!", 2))))
        .containsExactly(2);
  }

  @Test
  void a_class_that_is_missing_or_no_reward_is_refused() {
    assertThatThrownBy(() -> reward("com.example.Missing"))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("com.example.Missing")
        .hasMessageContaining("RLKD_CLASSPATH");
    assertThatThrownBy(() -> reward("java.lang.String"))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("does not implement");
  }

  @Test
  void http_without_a_server_is_refused() {
    assertThatThrownBy(() -> reward("http"))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("rlkd.http_reward.url");
  }

  /** Ends only when all of its kind have begun. */
  private record Meeting(String name, CountDownLatch begun) implements Reward {
    @Override
    public double[] score(List<RewardSample> samples) {
      begun.countDown();
      try {
        return new double[] {begun.await(5, TimeUnit.SECONDS) ? 1 : 0};
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  @Test
  @Timeout(20)
  void the_reward_functions_of_a_step_run_at_the_same_time() {
    int count = 3 + Runtime.getRuntime().availableProcessors();
    CountDownLatch begun = new CountDownLatch(count);
    List<Reward> rewards =
        IntStream.range(0, count).<Reward>mapToObj(i -> new Meeting("r" + i, begun)).toList();
    assertThat(RewardMatrix.score(rewards, List.of(sample("", 1))).values()[0])
        .containsOnly(1.0)
        .hasSize(count);
  }
}
