package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;
import org.rlkd.core.config.EvaluationConfig;
import org.rlkd.core.config.SftConfig;

class PeriodicEvaluationTest {
  @TempDir private Path directory;

  private static PeriodicEvaluation of(List<Double> losses, String... settings) {
    List<String> all = new ArrayList<>(List.of(settings));
    all.addAll(List.of("eval_strategy=steps", "eval_steps=2"));
    EvaluationConfig config = SftConfig.load(Optional.empty(), all).run().evaluation();
    Iterator<Double> next = losses.iterator();
    return new PeriodicEvaluation(config, false, 10, () -> Map.of("loss", next.next()));
  }

  /** The step at which a run with these losses ends early, or 0. */
  private static long end(PeriodicEvaluation evaluation, int evaluations) {
    for (long step = 2; step <= 2L * evaluations; step += 2) {
      evaluation.evaluate(step);
      if (evaluation.stopsEarly()) {
        return step;
      }
    }
    return 0;
  }

  @Test
  void a_run_ends_when_so_many_evaluations_in_a_row_do_not_improve_the_best_one() {
    List<Double> losses = List.of(3.0, 2.0, 2.5, 1.9, 1.95, 1.92);
    String patience = "rlkd.early_stopping.patience=2";
    String metric = "metric_for_best_model=loss";
    PeriodicEvaluation evaluation = of(losses, metric, patience);
    assertThat(end(evaluation, 6)).isEqualTo(12);
    assertThat(evaluation.bestStep()).hasValue(8);
    assertThat(end(of(losses, metric), 6)).isZero();
  }

  @Test
  void an_improvement_below_the_threshold_is_the_best_yet_but_does_not_count() {
    PeriodicEvaluation evaluation =
        of(
            List.of(3.0, 2.95, 2.9),
            "metric_for_best_model=eval_loss",
            "rlkd.early_stopping.patience=2",
            "rlkd.early_stopping.threshold=0.1");
    assertThat(end(evaluation, 3)).isEqualTo(6);
    assertThat(evaluation.bestStep()).hasValue(6);
  }

  @Test
  void nan_is_never_the_best_and_greater_is_better_where_it_is_said() {
    PeriodicEvaluation evaluation =
        of(
            List.of(Double.NaN, 1.0, 2.0, Double.NaN),
            "metric_for_best_model=loss",
            "greater_is_better=true");
    assertThat(end(evaluation, 4)).isZero();
    assertThat(evaluation.bestStep()).hasValue(6);
  }

  @Test
  void a_resumed_run_remembers_the_best_and_how_long_it_was_ago() {
    String[] settings = {"metric_for_best_model=loss", "rlkd.early_stopping.patience=2"};
    PeriodicEvaluation before = of(List.of(1.0, 2.0), settings);
    assertThat(end(before, 2)).isZero();
    before.saveState(directory);
    PeriodicEvaluation after = of(List.of(1.5), settings);
    after.restoreState(directory);
    after.evaluate(6);
    assertThat(after.stopsEarly()).isTrue();
    assertThat(after.bestStep()).hasValue(2);
  }

  @Test
  void a_metric_that_is_not_measured_is_named_with_those_that_are() {
    PeriodicEvaluation evaluation = of(List.of(1.0), "metric_for_best_model=reward");
    assertThatThrownBy(() -> evaluation.evaluate(2))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no eval_reward")
        .hasMessageContaining("eval_loss");
  }
}
