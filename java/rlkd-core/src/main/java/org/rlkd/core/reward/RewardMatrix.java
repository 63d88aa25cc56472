package org.rlkd.core.reward;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;

/**
 * Rewards of N completions by F functions.
 *
 * @param names [F] reward names
 * @param values [N, F]; NaN = unscorable
 * @param explanations by the name of each {@link ExplainedReward} its N explanations
 */
public record RewardMatrix(
    List<String> names,
    double[][] values,
    Map<String, List<? extends RewardExplanation>> explanations) {

  private record Column(double[] values, List<? extends RewardExplanation> explanations) {}

  /**
   * Runs every reward on all samples, as {@link #score(List, List, Executor)} does, each that is
   * concurrent on a thread of its own: one that waits for a server holds up no other.
   */
  public static RewardMatrix score(List<Reward> rewards, List<RewardSample> samples) {
    return score(
        rewards,
        samples,
        task -> {
          Thread thread = new Thread(task, "rlkd-reward");
          thread.setDaemon(true);
          thread.start();
        });
  }

  /**
   * Runs every reward on all samples. Those that are {@link Reward#concurrent} run on the executor
   * while the others run one after another on the calling thread. An exception of a reward fails
   * the call.
   */
  public static RewardMatrix score(
      List<Reward> rewards, List<RewardSample> samples, Executor executor) {
    List<CompletableFuture<Column>> columns = new ArrayList<>();
    for (Reward reward : rewards) {
      columns.add(
          reward.concurrent()
              ? CompletableFuture.supplyAsync(() -> column(reward, samples), executor)
              : new CompletableFuture<>());
    }
    for (int f = 0; f < rewards.size(); f++) {
      if (!rewards.get(f).concurrent()) {
        columns.get(f).complete(column(rewards.get(f), samples));
      }
    }
    double[][] values = new double[samples.size()][rewards.size()];
    Map<String, List<? extends RewardExplanation>> explanations = new TreeMap<>();
    for (int f = 0; f < rewards.size(); f++) {
      Column column = await(columns.get(f));
      for (int n = 0; n < samples.size(); n++) {
        values[n][f] = column.values[n];
      }
      if (column.explanations != null) {
        explanations.put(rewards.get(f).name(), column.explanations);
      }
    }
    return new RewardMatrix(rewards.stream().map(Reward::name).toList(), values, explanations);
  }

  private static Column await(CompletableFuture<Column> column) {
    try {
      return column.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }

  private static Column column(Reward reward, List<RewardSample> samples) {
    Column column;
    if (reward instanceof ExplainedReward explained) {
      List<? extends RewardExplanation> explanations = explained.explain(samples);
      column =
          new Column(
              explanations.stream().mapToDouble(RewardExplanation::reward).toArray(), explanations);
    } else {
      column = new Column(reward.score(samples), null);
    }
    if (column.values.length != samples.size()) {
      throw new IllegalStateException(
          "reward %s gave %d scores for %d completions"
              .formatted(reward.name(), column.values.length, samples.size()));
    }
    return column;
  }
}
