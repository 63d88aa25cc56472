package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.model.SaveOptions;
import org.rlkd.engine.training.metrics.MetricSink;

class SkippedStepsTest {
  private static final int GOOD_STEPS = 2;

  @TempDir private Path directory;

  /** Weights become NaN after the second step, as by a fault of the machine. */
  @Test
  void after_too_many_skipped_steps_the_run_ends_with_checkpoint_and_batches() throws IOException {
    List<TrainingSequence> data = TinyModels.counting(8);
    SftOptions options = SftOptions.of(4, 99, LearningRateSchedule.constant(1e-2));
    CheckpointStore store = new CheckpointStore(directory, 0);
    List<Double> skipped = new ArrayList<>();
    try (CausalLm model = TinyModels.qwen2(1);
        SftTrainer trainer = new SftTrainer(model, data, options)) {
      TrainingRun run =
          new TrainingRun(
              trainer,
              MetricSink.none(),
              report -> {
                skipped.add(report.metrics().get("skipped_steps"));
                if (report.step() == GOOD_STEPS) {
                  poison(model);
                }
                return true;
              },
              store,
              dir ->
                  ModelDirectory.write(
                      dir, model, TinyModels.generationConfig(), SaveOptions.FLOAT32),
              0,
              Optional.empty());
      assertThatThrownBy(run::run)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("6 steps in a row")
          .hasMessageContaining("checkpoint-8")
          .hasMessageContaining("skipped-batch-STEP.json");
      assertThat(trainer.lastBatch()).hasSize(4);
    }
    assertThat(skipped).containsExactly(0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0);
    assertThat(store.latest()).contains(directory.resolve("checkpoint-8"));
    for (int step = 1; step <= 8; step++) {
      Path file = directory.resolve("skipped-batch-%d.json".formatted(step));
      if (step <= GOOD_STEPS) {
        assertThat(file).doesNotExist();
        continue;
      }
      JsonNode json = new ObjectMapper().readTree(file.toFile());
      assertThat(json.get("step").intValue()).isEqualTo(step);
      assertThat(json.get("reason").textValue()).contains("NaN");
      assertThat(json.get("sequences")).hasSize(4);
      JsonNode sequence = json.get("sequences").get(0);
      assertThat(sequence.get("tokens")).hasSameSizeAs(sequence.get("target")).isNotEmpty();
    }
  }

  private static void poison(CausalLm model) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      model.parameters().values().iterator().next().fill_(new Scalar(Double.NaN));
    }
  }
}
