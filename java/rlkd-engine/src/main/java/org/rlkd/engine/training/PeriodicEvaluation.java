package org.rlkd.engine.training;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import org.rlkd.core.InputException;
import org.rlkd.core.config.EvaluationConfig;
import org.rlkd.engine.storage.AtomicFile;

/**
 * The evaluations of a run: when they are due, which was the best, and whether the run has stopped
 * getting better. What it remembers is part of a checkpoint.
 */
public final class PeriodicEvaluation {
  static final String FILE = "evaluation_state.json";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final EvaluationConfig config;
  private final boolean savesBest;
  private final long everySteps;
  private final Evaluator evaluator;
  private long lastStep = -1;
  private long bestStep = -1;
  private double best = Double.NaN;
  private int withoutImprovement;

  /**
   * @param savesBest whether the best step is saved as soon as it is found ({@code save_strategy:
   *     best})
   * @param stepsPerEpoch optimizer steps of one pass over the training data
   * @param evaluator measures the model that is trained
   */
  public PeriodicEvaluation(
      EvaluationConfig config, boolean savesBest, long stepsPerEpoch, Evaluator evaluator) {
    this.config = config;
    this.savesBest = savesBest;
    this.evaluator = evaluator;
    this.everySteps =
        switch (config.strategy()) {
          case NO -> 0;
          case STEPS -> config.steps();
          case EPOCH -> stepsPerEpoch;
        };
  }

  boolean savesBest() {
    return savesBest;
  }

  /** Whether the model is to be evaluated before it is trained. */
  boolean dueAtStart() {
    return config.onStart();
  }

  /** Whether the model is to be evaluated after a step. */
  boolean dueAfter(long step) {
    return everySteps > 0 && step % everySteps == 0;
  }

  /** Whether the model is to be evaluated at the end, which it hasn't been yet. */
  boolean dueAtEnd(long step) {
    return config.atEnd() && lastStep != step;
  }

  /**
   * Evaluates the model.
   *
   * @param step optimizer steps done
   * @return metrics with {@code eval_} before their names, and {@code eval_runtime} in seconds
   * @throws InputException if {@code metric_for_best_model} is not among them
   */
  Map<String, Double> evaluate(long step) {
    long start = System.nanoTime();
    Map<String, Double> metrics = new LinkedHashMap<>();
    evaluator.evaluate().forEach((name, value) -> metrics.put("eval_" + name, value));
    metrics.put("eval_runtime", (System.nanoTime() - start) * 1e-9);
    lastStep = step;
    config.metric().ifPresent(name -> compare(step, name, metrics));
    return metrics;
  }

  /** As transformers' Trainer and its EarlyStoppingCallback do; NaN is no improvement. */
  private void compare(long step, String name, Map<String, Double> metrics) {
    Double value = metrics.get(name);
    if (value == null) {
      throw new InputException(
          "metric_for_best_model: an evaluation has no %s; it has %s."
              .formatted(name, metrics.keySet()));
    }
    boolean better =
        Double.isNaN(best)
            ? !Double.isNaN(value)
            : config.greaterIsBetter() ? value > best : value < best;
    boolean enough = better && (Double.isNaN(best) || Math.abs(value - best) > config.threshold());
    withoutImprovement = enough ? 0 : withoutImprovement + 1;
    if (better) {
      best = value;
      bestStep = step;
    }
  }

  /** Whether the run is to end because it has stopped getting better. */
  boolean stopsEarly() {
    return config.patience().isPresent() && withoutImprovement >= config.patience().get();
  }

  /** The step after which the metric was best; empty before the first evaluation. */
  public OptionalLong bestStep() {
    return bestStep < 0 ? OptionalLong.empty() : OptionalLong.of(bestStep);
  }

  void saveState(Path directory) {
    ObjectNode json =
        JSON.createObjectNode()
            .put("last_step", lastStep)
            .put("best_step", bestStep)
            .put("without_improvement", withoutImprovement);
    if (bestStep >= 0) {
      json.put("best_metric", best);
    }
    ByteBuffer text = ByteBuffer.wrap((json + "\n").getBytes(StandardCharsets.UTF_8));
    AtomicFile.write(
        directory.resolve(FILE),
        channel -> {
          while (text.hasRemaining()) {
            channel.write(text);
          }
        });
  }

  /**
   * Continues from a checkpoint; one without evaluations is none to continue from.
   *
   * @throws InputException if the state is damaged
   */
  public void restoreState(Path directory) {
    Path file = directory.resolve(FILE);
    if (!Files.exists(file)) {
      return;
    }
    try {
      JsonNode json = JSON.readTree(Files.readAllBytes(file));
      lastStep = json.required("last_step").asLong();
      bestStep = json.required("best_step").asLong();
      withoutImprovement = json.required("without_improvement").asInt();
      best = json.path("best_metric").asDouble(Double.NaN);
    } catch (IOException | IllegalArgumentException e) {
      throw new InputException(
          "%s cannot be read: %s. Resume from an earlier checkpoint.".formatted(file, e), e);
    }
  }
}
