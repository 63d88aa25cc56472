package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rlkd.core.InputException;
import org.rlkd.core.config.PackingStrategy;
import org.rlkd.core.config.Scheduler;
import org.rlkd.engine.memory.MemoryOptions;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.model.SaveOptions;
import org.rlkd.engine.training.metrics.MetricSink;

class SftTrainerTest {
  @TempDir Path directory;

  @Test
  void a_model_learns_to_continue_a_sequence() {
    try (CausalLm model = TinyModels.qwen2(1);
        SftTrainer trainer =
            new SftTrainer(
                model,
                TinyModels.counting(64),
                SftOptions.of(16, 120, LearningRateSchedule.constant(3e-3)))) {
      double before = trainer.evaluate(TinyModels.counting(64)).loss();
      new TrainingRun(trainer, MetricSink.none(), StepListener.NONE).run();
      double after = trainer.evaluate(TinyModels.counting(64)).loss();
      assertThat(before).isGreaterThan(3);
      assertThat(after).isLessThan(0.1);
    }
  }

  @Test
  void the_token_accuracy_is_the_share_of_targets_with_the_greatest_logit() {
    List<TrainingSequence> data = TinyModels.counting(16);
    try (CausalLm model = TinyModels.qwen2(1);
        SftTrainer trainer =
            new SftTrainer(
                model, data, SftOptions.of(16, 40, LearningRateSchedule.constant(1e-2)))) {
      for (int step = 0; step < 8; step++) {
        double hits = 0;
        double targets = 0;
        try (PointerScope scope = new PointerScope()) {
          for (TrainingSequence sequence : data) {
            PackedBatch batch = PackedBatch.of(List.of(sequence), model);
            Tensor best = model.logits(batch.hiddenRows(model)).argmax(new LongOptional(1), false);
            hits += best.eq(batch.targets()).sum().item_double();
            targets += sequence.targets();
          }
        }
        assertThat(trainer.evaluate(data).tokenAccuracy()).isEqualTo(hits / targets);
        assertThat(trainer.step())
            .containsEntry("mean_token_accuracy", hits / targets)
            .containsKeys("time/gradient", "time/optimizer", "step_time", "tokens_per_second");
        assertThat(step < 7 || hits > 2 && hits < targets).as("some are hit").isTrue();
      }
    }
  }

  @Test
  void gradient_accumulation_gives_the_step_of_the_whole_batch() {
    List<TrainingSequence> data = TinyModels.counting(12);
    SftOptions whole = SftOptions.of(12, 3, LearningRateSchedule.constant(1e-2));
    SftOptions parts =
        SftOptions.of(4, 3, LearningRateSchedule.constant(1e-2)).withGradientAccumulationSteps(3);
    try (CausalLm one = TinyModels.qwen2(1);
        CausalLm other = TinyModels.qwen2(1);
        SftTrainer first = new SftTrainer(one, data, whole);
        SftTrainer second = new SftTrainer(other, data, parts)) {
      for (int step = 0; step < 3; step++) {
        Map<String, Double> a = first.step();
        Map<String, Double> b = second.step();
        assertThat(b.get("loss")).isCloseTo(a.get("loss"), within(1e-5));
        assertThat(b.get("grad_norm")).isCloseTo(a.get("grad_norm"), within(1e-4));
      }
    }
  }

  /** Gradients as grad_norm and loss; the same documents, in rows of 40 tokens. */
  @Test
  void a_packed_step_is_the_step_of_its_documents() {
    List<TrainingSequence> data = TinyModels.counting(12);
    SftOptions plain = SftOptions.of(12, 3, LearningRateSchedule.constant(1e-2));
    SftOptions packed =
        SftOptions.of(12, 3, LearningRateSchedule.constant(1e-2))
            .withPacking(PackingStrategy.BFD, 40);
    SftOptions accumulated =
        SftOptions.of(1, 3, LearningRateSchedule.constant(1e-2))
            .withPacking(PackingStrategy.BFD, 40)
            .withGradientAccumulationSteps(99);
    try (CausalLm one = TinyModels.qwen2(1);
        CausalLm two = TinyModels.qwen2(1);
        CausalLm three = TinyModels.qwen2(1);
        SftTrainer first = new SftTrainer(one, data, plain);
        SftTrainer second = new SftTrainer(two, data, packed);
        SftTrainer third = new SftTrainer(three, data, accumulated)) {
      for (int step = 0; step < 3; step++) {
        Map<String, Double> a = first.step();
        for (SftTrainer other : List.of(second, third)) {
          Map<String, Double> b = other.step();
          assertThat(b.get("loss")).isCloseTo(a.get("loss"), withinPercentage(1e-4));
          assertThat(b.get("grad_norm")).isCloseTo(a.get("grad_norm"), withinPercentage(1e-4));
          assertThat(b.get("num_tokens")).isEqualTo(a.get("num_tokens"));
        }
      }
    }
  }

  @Test
  void a_document_longer_than_a_row_keeps_its_start_or_is_split() {
    boolean[] all = new boolean[25];
    Arrays.fill(all, true);
    int[] tokens = new int[25];
    Arrays.setAll(tokens, t -> 1 + t);
    List<TrainingSequence> data = List.of(new TrainingSequence(tokens, all));
    SftOptions options = SftOptions.of(4, 1, LearningRateSchedule.constant(0));
    try (CausalLm model = TinyModels.qwen2(1);
        SftTrainer kept =
            new SftTrainer(model, data, options.withPacking(PackingStrategy.BFD, 10))) {
      assertThat(kept.step()).containsEntry("num_tokens", 10.0);
    }
    try (CausalLm model = TinyModels.qwen2(1);
        SftTrainer split =
            new SftTrainer(model, data, options.withPacking(PackingStrategy.BFD_SPLIT, 10))) {
      assertThat(split.step()).containsEntry("num_tokens", 25.0);
    }
  }

  @Test
  void only_the_target_tokens_count() {
    TrainingSequence sequence = TrainingSequence.of(new int[] {1, 2, 3}, new int[] {4, 5});
    assertThat(sequence.targets()).isEqualTo(2);
    TrainingSequence all =
        new TrainingSequence(sequence.tokens(), new boolean[] {true, true, true, true, true});
    assertThat(all.targets()).isEqualTo(4);
    try (CausalLm model = TinyModels.qwen2(1);
        SftTrainer trainer =
            new SftTrainer(
                model, List.of(all), SftOptions.of(1, 1, LearningRateSchedule.constant(0)))) {
      double nll = 0;
      for (int t = 1; t < 5; t++) {
        boolean[] one = new boolean[5];
        one[t] = true;
        nll += trainer.evaluate(List.of(new TrainingSequence(sequence.tokens(), one))).loss();
      }
      assertThat(trainer.evaluate(List.of(all)).loss()).isCloseTo(nll / 4, within(1e-5));
      double completion =
          trainer
              .evaluate(List.of(sequence, new TrainingSequence(new int[] {7}, new boolean[1])))
              .loss();
      assertThat(completion).isNotCloseTo(nll / 4, within(1e-4));
    }
  }

  @Test
  void a_step_with_nan_is_skipped_and_counted_and_too_many_end_the_run() {
    try (CausalLm model = TinyModels.qwen2(1);
        PointerScope scope = new PointerScope()) {
      float[] before = TinyModels.weights(model);
      SftOptions options =
          new SftOptions(
              4,
              1,
              1,
              10,
              0,
              Optional.empty(),
              true,
              LearningRateSchedule.constant(1e-3),
              AdamWOptions.DEFAULT,
              0,
              MemoryOptions.DEFAULT,
              2);
      try (SftTrainer trainer = new SftTrainer(model, TinyModels.counting(4), options);
          NoGradGuard guard = new NoGradGuard()) {
        model.parameters().get("model.norm.weight").fill_(new Scalar(Double.NaN));
        guard.close();
        assertThat(trainer.step()).containsEntry("skipped_steps", 1.0);
        assertThat(trainer.step()).containsEntry("skipped_steps", 2.0);
        assertThatThrownBy(trainer::step)
            .isInstanceOf(InputException.class)
            .hasMessageContaining("step 3")
            .hasMessageContaining("3 steps in a row");
      }
      float[] after = TinyModels.weights(model);
      int changed = 0;
      for (int i = 0; i < before.length; i++) {
        changed += before[i] == after[i] ? 0 : 1;
      }
      assertThat(changed).as("weights that are not the NaN norm").isEqualTo(TinyModels.HIDDEN);
    }
  }

  @Test
  void data_without_anything_to_learn_is_an_input_error() {
    List<TrainingSequence> noTargets = List.of(TrainingSequence.of(new int[] {1, 2}, new int[0]));
    try (CausalLm model = TinyModels.qwen2(1)) {
      SftOptions options = SftOptions.of(1, 1, LearningRateSchedule.constant(0));
      assertThatThrownBy(() -> new SftTrainer(model, noTargets, options))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("of 1 sequences none has a token to learn");
      assertThatThrownBy(() -> new SftTrainer(model, List.of(), options))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("empty");
    }
  }

  /** Step 3 is in the middle of an epoch. */
  @ParameterizedTest(name = "packed: {0}")
  @ValueSource(booleans = {false, true})
  void a_resumed_run_continues_bit_for_bit(boolean packed) {
    List<TrainingSequence> data = TinyModels.counting(packed ? 200 : 40);
    SftOptions rows =
        SftOptions.of(4, 8, LearningRateSchedule.of(Scheduler.COSINE, 1e-2, 2))
            .withGradientAccumulationSteps(2);
    SftOptions options = packed ? rows.withPacking(PackingStrategy.BFD, 48) : rows;
    List<Double> losses = new ArrayList<>();
    float[] expected;
    try (CausalLm model = TinyModels.qwen2(1);
        SftTrainer trainer = new SftTrainer(model, data, options)) {
      assertThat(3 % trainer.stepsPerEpoch()).isNotZero();
      for (int step = 0; step < 8; step++) {
        losses.add(trainer.step().get("loss"));
      }
      expected = TinyModels.weights(model);
    }
    CheckpointStore store = new CheckpointStore(directory, 0);
    try (CausalLm model = TinyModels.qwen2(1);
        SftTrainer trainer = new SftTrainer(model, data, options)) {
      StepListener stopAfterThree = report -> report.step() < 3;
      TrainingRun run =
          new TrainingRun(
              trainer,
              MetricSink.none(),
              stopAfterThree,
              store,
              dir ->
                  ModelDirectory.write(
                      dir, model, TinyModels.generationConfig(), SaveOptions.FLOAT32),
              3,
              Optional.empty());
      assertThat(run.run()).as("came to its end").isFalse();
      assertThat(trainer.stepsDone()).isEqualTo(3);
    }
    Path checkpoint = store.latest().orElseThrow();
    assertThat(checkpoint).hasFileName("checkpoint-3");
    try (CausalLm model = ModelDirectory.load(checkpoint);
        SftTrainer trainer = new SftTrainer(model, data, options)) {
      trainer.restoreState(checkpoint);
      assertThat(trainer.stepsDone()).isEqualTo(3);
      for (int step = 3; step < 8; step++) {
        assertThat(trainer.step().get("loss"))
            .as("loss of step %d", step)
            .isEqualTo(losses.get(step));
      }
      assertThat(TinyModels.weights(model)).isEqualTo(expected);
    }
  }

  @Test
  void resuming_with_other_options_or_data_is_refused_by_name() {
    List<TrainingSequence> data = TinyModels.counting(8);
    SftOptions options = SftOptions.of(4, 8, LearningRateSchedule.constant(1e-2));
    try (CausalLm model = TinyModels.qwen2(1)) {
      try (SftTrainer trainer = new SftTrainer(model, data, options)) {
        trainer.step();
        trainer.saveState(directory);
      }
      try (SftTrainer trainer = new SftTrainer(model, data, options.withSeed(9))) {
        assertThatThrownBy(() -> trainer.restoreState(directory))
            .isInstanceOf(InputException.class)
            .hasMessageContaining("seed = 0, this run has 9");
      }
      try (SftTrainer trainer = new SftTrainer(model, TinyModels.counting(9), options)) {
        assertThatThrownBy(() -> trainer.restoreState(directory))
            .isInstanceOf(InputException.class)
            .hasMessageContaining("other training data");
      }
      SftOptions longer = SftOptions.of(4, 99, LearningRateSchedule.constant(1e-2));
      try (SftTrainer trainer = new SftTrainer(model, data, longer)) {
        trainer.restoreState(directory);
        assertThat(trainer.stepsDone()).isEqualTo(1);
      }
    }
  }
}
