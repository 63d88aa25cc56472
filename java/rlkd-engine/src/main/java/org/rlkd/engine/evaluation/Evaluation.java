package org.rlkd.engine.evaluation;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rlkd.core.data.Problem;
import org.rlkd.core.reward.Reward;
import org.rlkd.core.reward.RewardExplanation;
import org.rlkd.core.reward.RewardMatrix;
import org.rlkd.core.reward.RewardSample;
import org.rlkd.engine.generation.Completion;
import org.rlkd.engine.generation.GenerationListener;
import org.rlkd.engine.generation.GenerationRequest;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.generation.SamplingParameters;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tokenizer.PromptEncoder;

/**
 * Samples k completions of every problem and scores them.
 *
 * <p>The samples are a function of weights, problems and {@code sampling.seed()} alone: the random
 * numbers of a problem are keyed by its place in the list. One owner thread, that of the model.
 */
public final class Evaluation {
  private final Generator generator;
  private final PromptEncoder prompts;
  private final List<Reward> rewards;

  /** An evaluation by the given rewards, each under its name. */
  public Evaluation(Generator generator, PromptEncoder prompts, List<Reward> rewards) {
    this.generator = generator;
    this.prompts = prompts;
    this.rewards = List.copyOf(rewards);
  }

  /**
   * Runs the evaluation.
   *
   * @param samplesPerProblem k
   * @param listener hears of the progress of generation; cancelling leaves truncated completions
   */
  public EvaluationResult run(
      List<Problem> problems,
      int samplesPerProblem,
      SamplingParameters sampling,
      GenerationListener listener) {
    return new EvaluationResult(
        samplesPerProblem, run(problems, 0, samplesPerProblem, sampling, listener));
  }

  /**
   * A completion as it was sampled and what the rewards say of it.
   *
   * @param prompt its tokens
   */
  public record Sample(int[] prompt, Completion completion, EvaluatedCompletion evaluated) {}

  /**
   * Evaluates a part of a longer list.
   *
   * @param part its problems
   * @param first place in the list of the part's first problem
   */
  public List<EvaluatedCompletion> run(
      List<Problem> part,
      int first,
      int samplesPerProblem,
      SamplingParameters sampling,
      GenerationListener listener) {
    return sample(part, first, samplesPerProblem, sampling, listener).stream()
        .map(Sample::evaluated)
        .toList();
  }

  /** As {@link #run}, with the tokens of prompts and completions. */
  public List<Sample> sample(
      List<Problem> part,
      int first,
      int samplesPerProblem,
      SamplingParameters sampling,
      GenerationListener listener) {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < part.size(); i++) {
      int[] prompt = prompts.encode(part.get(i).messages()).tokens();
      requests.add(new GenerationRequest(prompt, samplesPerProblem, first + i));
    }
    List<List<Completion>> completions = generator.generate(requests, sampling, 0, listener);
    List<RewardSample> samples = new ArrayList<>();
    for (int i = 0; i < part.size(); i++) {
      for (Completion completion : completions.get(i)) {
        samples.add(
            new RewardSample(
                part.get(i),
                prompts.tokenizer().decode(completion.tokens(), true),
                completion.length(),
                completion.finishReason().isTruncated()));
      }
    }
    RewardMatrix scores = RewardMatrix.score(rewards, samples);
    List<Sample> evaluated = new ArrayList<>();
    for (int n = 0; n < samples.size(); n++) {
      int sample = n % samplesPerProblem;
      Completion completion = completions.get(n / samplesPerProblem).get(sample);
      evaluated.add(
          new Sample(
              requests.get(n / samplesPerProblem).promptTokens(),
              completion,
              new EvaluatedCompletion(
                  samples.get(n).problem(),
                  sample,
                  samples.get(n).completion(),
                  samples.get(n).completionTokens(),
                  completion.finishReason(),
                  row(scores, n),
                  explanations(scores, n))));
    }
    return evaluated;
  }

  private static Map<String, Double> row(RewardMatrix scores, int n) {
    Map<String, Double> row = new LinkedHashMap<>();
    for (int f = 0; f < scores.names().size(); f++) {
      row.put(scores.names().get(f), scores.values()[n][f]);
    }
    return row;
  }

  private static Map<String, RewardExplanation> explanations(RewardMatrix scores, int n) {
    Map<String, RewardExplanation> row = new LinkedHashMap<>();
    scores.explanations().forEach((name, explained) -> row.put(name, explained.get(n)));
    return row;
  }

  /** Where the model is. */
  public Device device() {
    return generator.device();
  }
}
