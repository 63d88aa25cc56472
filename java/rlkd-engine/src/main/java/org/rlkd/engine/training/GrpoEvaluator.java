package org.rlkd.engine.training;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rlkd.core.data.Problem;
import org.rlkd.core.reward.RewardMatrix;
import org.rlkd.engine.evaluation.EvaluatedCompletion;
import org.rlkd.engine.evaluation.Evaluation;
import org.rlkd.engine.generation.Completion;
import org.rlkd.engine.generation.FinishReason;
import org.rlkd.engine.generation.GenerationListener;
import org.rlkd.engine.generation.SamplingParameters;
import org.rlkd.engine.policy.CompletionLengths;
import org.rlkd.engine.policy.GroupAdvantage;

/**
 * Rewards, lengths and loss of completions of held-out prompts, by the names and formulas of
 * training: rewards and lengths over all completions together, the loss batch by batch as TRL's
 * {@code eval_loss}.
 *
 * <p>Every evaluation of a run draws the same random numbers, others than training does, so that
 * two evaluations differ by the weights alone.
 */
public final class GrpoEvaluator implements Evaluator {
  private final Evaluation evaluation;
  private final List<Problem> problems;
  private final List<String> rewards;
  private final GroupAdvantage.Options advantage;
  private final SamplingParameters sampling;
  private final GrpoOptions options;
  private final GrpoTrainer trainer;
  private final int promptsAtOnce;

  /**
   * @param rewards names of the evaluation's rewards, in the order of their weights
   * @param options of training
   * @param generations completions of a prompt ({@code num_generations_eval})
   * @param batchSize completions at a time ({@code per_device_eval_batch_size}); at least those of
   *     one prompt
   * @param trainer whose policy is evaluated
   */
  public GrpoEvaluator(
      Evaluation evaluation,
      List<Problem> problems,
      List<String> rewards,
      GrpoOptions options,
      int generations,
      int batchSize,
      GrpoTrainer trainer) {
    this.options = options;
    this.trainer = trainer;
    this.evaluation = evaluation;
    this.problems = List.copyOf(problems);
    this.rewards = List.copyOf(rewards);
    GroupAdvantage.Options training = options.advantage();
    this.advantage =
        new GroupAdvantage.Options(
            generations,
            training.weights(),
            training.scaleRewards(),
            training.aggregation(),
            training.unscorable());
    this.sampling = options.sampling().withSeed(~options.sampling().seed());
    this.promptsAtOnce = Math.max(1, batchSize / generations);
  }

  @Override
  public Map<String, Double> evaluate() {
    List<Evaluation.Sample> completions = new ArrayList<>();
    for (int first = 0; first < problems.size(); first += promptsAtOnce) {
      List<Problem> part =
          problems.subList(first, Math.min(problems.size(), first + promptsAtOnce));
      completions.addAll(
          evaluation.sample(part, first, advantage.groupSize(), sampling, GenerationListener.NONE));
    }
    double[][] scores = new double[completions.size()][rewards.size()];
    int[] lengths = new int[completions.size()];
    boolean[] truncated = new boolean[completions.size()];
    for (int n = 0; n < scores.length; n++) {
      EvaluatedCompletion completion = completions.get(n).evaluated();
      for (int f = 0; f < rewards.size(); f++) {
        scores[n][f] = completion.scores().get(rewards.get(f));
      }
      lengths[n] = completion.tokens();
      truncated[n] = completion.finishReason().isTruncated();
    }
    RewardMatrix matrix = new RewardMatrix(rewards, scores, Map.of());
    GroupAdvantage.Result advantages =
        GroupAdvantage.compute(matrix, advantage, evaluation.device());
    Map<String, Double> metrics = new LinkedHashMap<>(advantages.metrics());
    metrics.putAll(new CompletionLengths(lengths, truncated).metrics());
    metrics.putAll(
        trainer.evaluate(
            rollouts(completions, advantages.advantages()), promptsAtOnce * advantage.groupSize()));
    return metrics;
  }

  private List<Rollout> rollouts(List<Evaluation.Sample> completions, float[] advantages) {
    List<Rollout> rollouts = new ArrayList<>();
    for (int n = 0; n < completions.size(); n++) {
      Completion completion = completions.get(n).completion();
      FinishReason reason = completion.finishReason();
      boolean trained =
          reason != FinishReason.NON_FINITE_LOGITS
              && !(options.maskTruncatedCompletions() && reason.isTruncated());
      rollouts.add(Rollout.of(completions.get(n).prompt(), completion, trained, advantages[n]));
    }
    return rollouts;
  }
}
