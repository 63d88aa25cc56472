package org.rlkd.core.config;

import java.util.List;
import java.util.Optional;

/**
 * Evaluation during training, by the names of transformers' TrainingArguments.
 *
 * @param strategy when
 * @param steps steps between two evaluations; {@code logging_steps} where {@code eval_steps} is not
 *     given
 * @param onStart whether the model is evaluated before its first step too
 * @param atEnd whether it is evaluated at the end of training ({@code do_eval}, as open-r1 has it)
 * @param batchSize {@code per_device_eval_batch_size}: rows (SFT) or completions (GRPO) at a time
 * @param generations {@code num_generations_eval}: completions of a held-out prompt; empty: {@code
 *     num_generations}
 * @param testSplit {@code dataset_test_split}: a word of the names of the held-out files in the
 *     directory {@code dataset_name}
 * @param files {@code rlkd.eval_dataset_files}: the held-out files one by one
 * @param metric {@code metric_for_best_model} with {@code eval_} before it: by what the best
 *     checkpoint is found, which {@code save_total_limit} keeps; empty: there is no best one
 * @param greaterIsBetter whether a greater value of the metric is better
 * @param loadBestModelAtEnd whether the run's model is that of the best checkpoint
 * @param patience evaluations in a row that may fail to improve the best value before the run ends;
 *     empty: any number
 * @param threshold an improvement counts for {@code patience} only if it is greater
 */
public record EvaluationConfig(
    EvaluationStrategy strategy,
    int steps,
    boolean onStart,
    boolean atEnd,
    int batchSize,
    Optional<Integer> generations,
    String testSplit,
    List<String> files,
    Optional<String> metric,
    boolean greaterIsBetter,
    boolean loadBestModelAtEnd,
    Optional<Integer> patience,
    double threshold) {

  private static final String PREFIX = "eval_";
  private static final String LOSS = "loss";

  /** Whether the model is evaluated at all, so that held-out data is needed. */
  public boolean isOn() {
    return strategy != EvaluationStrategy.NO || onStart || atEnd;
  }

  static EvaluationConfig read(Values values, SaveStrategy saveStrategy, int saveSteps) {
    EvaluationStrategy strategy =
        older(values).orElseGet(() -> values.get(TrainingKeys.EVAL_STRATEGY));
    int steps = values.get(TrainingKeys.EVAL_STEPS).orElse(values.get(TrainingKeys.LOGGING_STEPS));
    boolean loadBest = values.get(TrainingKeys.LOAD_BEST);
    Optional<String> metric =
        values
            .get(TrainingKeys.BEST_METRIC)
            .or(() -> loadBest ? Optional.of(LOSS) : Optional.empty());
    EvaluationConfig config =
        new EvaluationConfig(
            strategy,
            steps,
            values.get(TrainingKeys.EVAL_ON_START),
            values.get(TrainingKeys.DO_EVAL),
            values.get(TrainingKeys.EVAL_BATCH),
            values.get(GrpoKeys.GENERATIONS_EVAL),
            values.get(TrainingKeys.TEST_SPLIT),
            values.get(TrainingKeys.EVAL_FILES).stream()
                .map(values.dataSearchPath()::resolve)
                .toList(),
            metric.map(name -> name.startsWith(PREFIX) ? name : PREFIX + name),
            values
                .get(TrainingKeys.GREATER_IS_BETTER)
                .orElse(metric.isPresent() && !metric.get().endsWith(LOSS)),
            loadBest,
            values.get(TrainingKeys.PATIENCE),
            values.get(TrainingKeys.THRESHOLD));
    config.check(values, saveStrategy, saveSteps);
    return config;
  }

  private static Optional<EvaluationStrategy> older(Values values) {
    Optional<EvaluationStrategy> older = values.get(TrainingKeys.EVALUATION_STRATEGY);
    if (older.isPresent() && values.has(TrainingKeys.EVAL_STRATEGY)) {
      values.complain(
          TrainingKeys.EVALUATION_STRATEGY,
          "this is the older name of eval_strategy; give one of them");
    }
    return older;
  }

  private void check(Values values, SaveStrategy saveStrategy, int saveSteps) {
    if (generations.isPresent()
        && values.readable(TrainingKeys.EVAL_BATCH)
        && batchSize % generations.get() != 0) {
      values.complain(
          GrpoKeys.GENERATIONS_EVAL,
          "found %d, which does not divide per_device_eval_batch_size, %d; change one so that it does"
              .formatted(generations.get(), batchSize));
    }
    if (saveStrategy == SaveStrategy.BEST
        && (strategy == EvaluationStrategy.NO || metric.isEmpty())) {
      values.complain(
          TrainingKeys.SAVE_STRATEGY,
          "best needs evaluation during training and the metric to compare; set eval_strategy and"
              + " metric_for_best_model");
    }
    if (strategy == EvaluationStrategy.NO) {
      for (Key<?> key :
          List.of(TrainingKeys.BEST_METRIC, TrainingKeys.LOAD_BEST, TrainingKeys.PATIENCE)) {
        if (!values.get(key).equals(key.defaultValue())) {
          values.complain(key, "needs evaluation during training; set eval_strategy");
        }
      }
      return;
    }
    if (patience.isPresent() && metric.isEmpty()) {
      values.complain(TrainingKeys.PATIENCE, "set metric_for_best_model, whose value must improve");
    }
    if (saveStrategy == SaveStrategy.BEST) {
      return;
    }
    if (loadBestModelAtEnd && !saveStrategy.name().equals(strategy.name())) {
      values.complain(
          TrainingKeys.LOAD_BEST,
          "the evaluated steps must be saved: set save_strategy as eval_strategy");
    } else if (loadBestModelAtEnd
        && strategy == EvaluationStrategy.STEPS
        && saveSteps % steps != 0) {
      values.complain(
          TrainingKeys.LOAD_BEST,
          "found save_steps "
              + saveSteps
              + ", expected a multiple of the "
              + steps
              + " steps between two evaluations, so that every saved step is evaluated");
    }
  }
}
