package org.rlkd.engine.training;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.rlkd.core.InputException;
import org.rlkd.engine.training.metrics.MetricSink;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs a {@link Trainer} to its end: metrics, evaluations, checkpoints, resuming. Stages that are
 * slow beyond what is usual for them are named in the log.
 *
 * <p>A checkpoint directory is a Hugging Face model directory with the trainer's state beside the
 * weights. Before it becomes visible the metrics of its steps are durable.
 */
public final class TrainingRun {
  private static final Logger LOG = LoggerFactory.getLogger(TrainingRun.class);

  private final Trainer trainer;
  private final MetricSink metrics;
  private final StepListener listener;
  private final CheckpointStore checkpoints;
  private final Consumer<Path> model;
  private final long saveSteps;
  private final Optional<PeriodicEvaluation> evaluation;

  /**
   * A run without checkpoints.
   *
   * @param metrics receives the metrics of each step; stays the caller's
   */
  public TrainingRun(Trainer trainer, MetricSink metrics, StepListener listener) {
    this(trainer, metrics, listener, null, null, 0, Optional.empty());
  }

  /**
   * A run with checkpoints.
   *
   * @param metrics receives the metrics of each step; stays the caller's
   * @param checkpoints where they go
   * @param model writes the model, its tokenizer and whatever else belongs to a Hugging Face
   *     directory, with float32 weights (others would not resume bit for bit)
   * @param saveSteps a checkpoint after every so many optimizer steps ({@code save_steps}); 0 =
   *     only where the listener ends the run
   * @param evaluation evaluates the model on the way
   */
  public TrainingRun(
      Trainer trainer,
      MetricSink metrics,
      StepListener listener,
      CheckpointStore checkpoints,
      Consumer<Path> model,
      long saveSteps,
      Optional<PeriodicEvaluation> evaluation) {
    if (saveSteps > 0 && checkpoints == null || (checkpoints == null) != (model == null)) {
      throw new IllegalArgumentException("checkpoints without a place or a model to save");
    }
    this.trainer = trainer;
    this.metrics = metrics;
    this.listener = listener;
    this.checkpoints = checkpoints;
    this.model = model;
    this.saveSteps = saveSteps;
    this.evaluation = evaluation;
  }

  /**
   * Trains to the last step, until evaluations stop getting better, or until the listener ends the
   * run; then a checkpoint of that step is saved if there is a place for it.
   *
   * @return whether the run came to its end; false if the listener ended it before the last step
   */
  public boolean run() {
    try (StageWatchdog watchdog = new StageWatchdog(StageWatchdog.LIMIT_SECONDS, LOG::warn)) {
      trainer.onStage(watchdog::begin);
      return run(watchdog);
    }
  }

  private boolean run(StageWatchdog watchdog) {
    long first = trainer.stepsDone();
    long start = System.nanoTime();
    long saved = -1;
    boolean goOn = true;
    if (first == 0 && evaluation.isPresent() && evaluation.get().dueAtStart()) {
      evaluate(watchdog);
    }
    while (goOn && !isComplete()) {
      Map<String, Double> values = step();
      watchdog.end();
      long step = trainer.stepsDone();
      double seconds = (System.nanoTime() - start) * 1e-9;
      goOn =
          listener.afterStep(
              new StepReport(step, trainer.totalSteps(), (step - first) / seconds, values));
      metrics.write(step, values);
      boolean best = false;
      if (evaluation.isPresent() && evaluation.get().dueAfter(step)) {
        evaluate(watchdog);
        best =
            evaluation.get().savesBest()
                && evaluation.get().bestStep().equals(OptionalLong.of(step));
      }
      if (best || saveSteps > 0 && step % saveSteps == 0) {
        watchdog.begin("save");
        save();
        watchdog.end();
        saved = step;
      }
    }
    boolean finished = isComplete();
    if (finished) {
      if (evaluation.isPresent() && evaluation.get().dueAtEnd(trainer.stepsDone())) {
        evaluate(watchdog);
      }
    } else if (checkpoints != null && saved != trainer.stepsDone()) {
      save();
    }
    metrics.sync();
    return finished;
  }

  /**
   * One step; the batch of one that was skipped is written beside the checkpoints.
   *
   * @throws InputException if it was one too many; the checkpoint that is saved before has the
   *     weights of the last step that was not
   */
  private Map<String, Double> step() {
    try {
      Map<String, Double> values = trainer.step();
      double loss = values.get("loss");
      double gradNorm = values.get("grad_norm");
      if (!Double.isFinite(loss) || !Double.isFinite(gradNorm)) {
        writeSkippedBatch("loss " + loss + ", gradient norm " + gradNorm);
      }
      return values;
    } catch (SkippedStepsException e) {
      if (checkpoints == null) {
        throw e;
      }
      writeSkippedBatch(e.getMessage());
      throw new InputException(
          "%s They are in %s, the batches of the skipped steps in skipped-batch-STEP.json beside it."
              .formatted(e.getMessage(), save()),
          e);
    }
  }

  private void writeSkippedBatch(String reason) {
    if (checkpoints != null) {
      SkippedBatch.write(checkpoints.directory(), trainer.stepsDone(), reason, trainer.lastBatch());
    }
  }

  private boolean isComplete() {
    return trainer.stepsDone() >= trainer.totalSteps()
        || evaluation.map(PeriodicEvaluation::stopsEarly).orElse(false);
  }

  private void evaluate(StageWatchdog watchdog) {
    long step = trainer.stepsDone();
    watchdog.begin("evaluation");
    Map<String, Double> values = evaluation.orElseThrow().evaluate(step);
    watchdog.end();
    listener.afterEvaluation(step, values);
    metrics.writeEvaluation(step, values);
  }

  /** Saves a checkpoint of the present step. */
  public Path save() {
    metrics.sync();
    OptionalLong best = evaluation.map(PeriodicEvaluation::bestStep).orElse(OptionalLong.empty());
    return checkpoints.save(trainer.stepsDone(), this::writeTo, best);
  }

  private void writeTo(Path directory) {
    model.accept(directory);
    trainer.saveState(directory);
    evaluation.ifPresent(state -> state.saveState(directory));
  }
}
