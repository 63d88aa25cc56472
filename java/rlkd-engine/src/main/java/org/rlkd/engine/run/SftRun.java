package org.rlkd.engine.run;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.rlkd.core.InputException;
import org.rlkd.core.config.EvaluationConfig;
import org.rlkd.core.config.SftConfig;
import org.rlkd.core.data.RowSource;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.training.PeriodicEvaluation;
import org.rlkd.engine.training.SftEvaluator;
import org.rlkd.engine.training.SftOptions;
import org.rlkd.engine.training.SftTrainer;
import org.rlkd.engine.training.StepListener;
import org.rlkd.engine.training.TrainingRun;
import org.rlkd.engine.training.TrainingSequence;
import org.rlkd.engine.training.metrics.MetricSink;

/**
 * A supervised fine-tuning run by a configuration, from a model directory to a model directory:
 * what {@code rlkd sft} does.
 */
public final class SftRun {
  private final SftConfig config;

  public SftRun(SftConfig config) {
    this.config = config;
  }

  /**
   * Trains to the end and saves the model into the output directory. A run that the listener ends
   * before leaves the checkpoint of its last step instead, from which it can be resumed.
   *
   * @param listener looks at each step
   * @return the output directory
   * @throws InputException if a file is missing or damaged or the output directory cannot be used
   */
  public Path run(StepListener listener) {
    Device device = GrpoRun.useMachine(config.machine());
    Path base = GrpoRun.modelDirectory(config.model());
    RunMemory memory = RunMemory.of(config, base);
    try (RunDirectory directory = RunDirectory.open(config.run());
        Trainee model =
            Trainee.load(
                base,
                config.chat().template(),
                config.lora(),
                directory.resumedFrom(),
                config.run().seed(),
                device);
        MetricSink metrics = directory.metrics()) {
      List<TrainingSequence> data = examples(model, DatasetFiles.training(config.data()));
      SftOptions options = SftOptions.of(config).withMemory(memory.plan(config, data).options());
      try (SftTrainer trainer = new SftTrainer(model.model(), data, options)) {
        directory.resumedFrom().ifPresent(trainer::restoreState);
        EvaluationConfig heldOut = config.run().evaluation();
        Optional<PeriodicEvaluation> evaluation =
            directory.evaluation(
                trainer.stepsPerEpoch(),
                () ->
                    new SftEvaluator(
                        trainer,
                        examples(model, DatasetFiles.heldOut(config.data(), heldOut)),
                        heldOut.batchSize()));
        boolean finished =
            new TrainingRun(
                    trainer,
                    metrics,
                    listener,
                    directory.checkpoints(),
                    model::write,
                    directory.saveSteps(trainer.stepsPerEpoch()),
                    evaluation)
                .run();
        if (finished) {
          directory.writeModel(model::write, evaluation);
        }
        memory.report();
      }
      return directory.path();
    }
  }

  private List<TrainingSequence> examples(Trainee model, List<Path> files) {
    SftExamples examples = new SftExamples(config, model.tokenizer());
    List<TrainingSequence> sequences = new ArrayList<>();
    for (Path file : files) {
      try (RowSource rows = RowSource.open(file)) {
        while (rows.hasNext()) {
          sequences.add(examples.example(rows.next()));
        }
      }
    }
    if (sequences.isEmpty()) {
      throw new InputException(
          "the data is empty: expected at least one row in %s".formatted(files));
    }
    return sequences;
  }
}
