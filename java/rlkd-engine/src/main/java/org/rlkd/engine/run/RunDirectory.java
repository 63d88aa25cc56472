package org.rlkd.engine.run;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.RunConfig;
import org.rlkd.core.config.SaveStrategy;
import org.rlkd.engine.training.CheckpointStore;
import org.rlkd.engine.training.Evaluator;
import org.rlkd.engine.training.PeriodicEvaluation;
import org.rlkd.engine.training.RunLock;
import org.rlkd.engine.training.metrics.AveragedMetricSink;
import org.rlkd.engine.training.metrics.JsonlMetricSink;
import org.rlkd.engine.training.metrics.MetricSink;
import org.rlkd.engine.training.metrics.TensorBoardSink;

/**
 * The output directory of a run: locked while it is open.
 *
 * <pre>
 * metrics.jsonl  events.out.tfevents.*  completions.jsonl     written as the run goes
 * checkpoint-STEP/                                            model and trainer state
 * config.json  model.safetensors  tokenizer.json ...          the trained model, at the end
 * </pre>
 *
 * A new run that ends before its first step is done leaves no files. One that overwrites an earlier
 * run deletes its checkpoints at that step, so that {@code --resume} cannot go on from them.
 */
final class RunDirectory implements AutoCloseable {
  private static final String METRICS = "metrics.jsonl";

  private final Path path;
  private final RunConfig config;
  private final RunLock lock;
  private final CheckpointStore checkpoints;
  private final Optional<Path> resumedFrom;
  private final DirectorySnapshot before;
  private boolean underWay;

  private RunDirectory(Path path, RunConfig config, RunLock lock, DirectorySnapshot before) {
    this.path = path;
    this.before = before;
    this.config = config;
    this.lock = lock;
    this.checkpoints = new CheckpointStore(path, config.saveTotalLimit().orElse(0));
    this.resumedFrom = checkpoint();
    this.underWay = resumedFrom.isPresent();
    if (resumedFrom.isEmpty()
        && (Files.exists(path.resolve(METRICS)) || checkpoints.latest().isPresent())
        && !config.overwriteOutputDir()) {
      throw new UsageException(
          "output_dir %s holds an earlier run. Continue it with --resume, choose another directory, or set overwrite_output_dir: true."
              .formatted(path));
    }
  }

  /**
   * Opens the directory, made if it isn't there.
   *
   * @throws InputException if another run holds it, it is not writable, or there is no checkpoint
   *     to resume from
   * @throws UsageException if it holds an earlier run that is neither resumed nor overwritten
   */
  static RunDirectory open(RunConfig config) {
    Path path = Path.of(config.outputDir());
    DirectorySnapshot before = DirectorySnapshot.of(path);
    RunLock lock = RunLock.acquire(path);
    try {
      return new RunDirectory(path, config, lock, before);
    } catch (RuntimeException e) {
      lock.close();
      before.removeNewFiles();
      throw e;
    }
  }

  private Optional<Path> checkpoint() {
    String wanted = config.resumeFromCheckpoint().orElse("false");
    if (wanted.equalsIgnoreCase("false")) {
      return Optional.empty();
    }
    if (!wanted.equalsIgnoreCase("true")) {
      Path given = Path.of(wanted);
      if (!Files.isDirectory(given)) {
        throw new InputException(
            "resume_from_checkpoint: %s is not a directory; expected a checkpoint-STEP of a run"
                .formatted(given));
      }
      return Optional.of(given);
    }
    Optional<Path> latest = checkpoints.latest();
    if (latest.isEmpty()) {
      throw new InputException(
          "output_dir %s has no checkpoint to resume from. Start the run without --resume."
              .formatted(path));
    }
    return latest;
  }

  Path path() {
    return path;
  }

  CheckpointStore checkpoints() {
    return checkpoints;
  }

  /** The checkpoint that the run continues, if it does. */
  Optional<Path> resumedFrom() {
    return resumedFrom;
  }

  /** Steps already done: those of the checkpoint. */
  long firstStep() {
    return resumedFrom.map(CheckpointStore::stepOf).orElse(0L);
  }

  /** {@code metrics.jsonl} and TensorBoard events, by {@code logging_steps}. */
  MetricSink metrics() {
    MetricSink averaged =
        new AveragedMetricSink(
            MetricSink.all(
                new JsonlMetricSink(path.resolve(METRICS), firstStep()),
                new TensorBoardSink(path, firstStep())),
            config.loggingSteps(),
            config.loggingFirstStep());
    return MetricSink.all(averaged, new FirstStep());
  }

  /** How the run is evaluated on the way, if it is; continued where the run is resumed. */
  Optional<PeriodicEvaluation> evaluation(long stepsPerEpoch, Supplier<Evaluator> evaluator) {
    if (!config.evaluation().isOn()) {
      return Optional.empty();
    }
    PeriodicEvaluation evaluation =
        new PeriodicEvaluation(
            config.evaluation(),
            config.saveStrategy() == SaveStrategy.BEST,
            stepsPerEpoch,
            evaluator.get());
    resumedFrom.ifPresent(evaluation::restoreState);
    return Optional.of(evaluation);
  }

  /**
   * Writes the model of a finished run: as it stands, or with {@code load_best_model_at_end} that
   * of the best checkpoint.
   */
  void writeModel(Consumer<Path> model, Optional<PeriodicEvaluation> evaluation) {
    OptionalLong best = evaluation.map(PeriodicEvaluation::bestStep).orElse(OptionalLong.empty());
    if (config.evaluation().loadBestModelAtEnd()
        && best.isPresent()
        && Files.isDirectory(checkpoints.checkpoint(best.getAsLong()))) {
      CheckpointStore.copyModel(checkpoints.checkpoint(best.getAsLong()), path);
    } else {
      model.accept(path);
    }
  }

  /** Takes note that the run got going. */
  private final class FirstStep implements MetricSink {
    @Override
    public void write(long step, Map<String, Double> metrics) {
      if (!underWay) {
        underWay = true;
        checkpoints.clear();
      }
    }

    @Override
    public void writeEvaluation(long step, Map<String, Double> metrics) {}

    @Override
    public void sync() {}

    @Override
    public void close() {}
  }

  /** Optimizer steps between two checkpoints; 0 = none. */
  long saveSteps(long stepsPerEpoch) {
    return switch (config.saveStrategy()) {
      case NO, BEST -> 0;
      case STEPS -> config.saveSteps();
      case EPOCH -> stepsPerEpoch;
    };
  }

  @Override
  public void close() {
    lock.close();
    if (!underWay) {
      before.removeNewFiles();
    }
  }
}
