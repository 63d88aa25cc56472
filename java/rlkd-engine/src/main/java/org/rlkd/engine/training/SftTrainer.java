package org.rlkd.engine.training;

import static org.bytedeco.pytorch.global.torch.full_like;

import java.nio.IntBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.core.InputException;
import org.rlkd.core.config.PackingStrategy;
import org.rlkd.engine.memory.MemoryOptions;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.TrainingPass;
import org.rlkd.engine.tensor.HostArrays;

/**
 * Supervised fine-tuning: the loss of an optimizer step is the mean negative log-likelihood over
 * all target tokens of its micro-batches together.
 *
 * <p>The model stays the caller's and can be used between steps.
 */
public final class SftTrainer implements Trainer {
  private static final String NAME = "sft";
  private static final String OPTIMIZER_FILE = "optimizer.safetensors";

  private final CausalLm model;
  private final List<TrainingSequence> data;
  private final SftOptions options;
  private final AdamW optimizer;
  private final StreamingLogprob head;
  private final NonFiniteGuard guard;
  private final List<int[]> rows;
  private final int[] lengths;
  private final int stepsPerEpoch;
  private final String fingerprint;
  private long step;
  private long tokens;
  private long batchesEpoch = -1;
  private List<int[]> batches;
  private List<TrainingSequence> lastBatch = List.of();
  private Consumer<String> stageListener = stage -> {};

  /**
   * A trainer at step 0.
   *
   * @param data sequences without a target are left out, also those that {@code maxLength} cuts off
   *     before their first target
   * @throws InputException if no sequence has a target
   */
  public SftTrainer(CausalLm model, List<TrainingSequence> data, SftOptions options) {
    this.model = model;
    this.options = options;
    this.data = usable(data, options);
    if (this.data.isEmpty()) {
      throw new InputException(
          "The training data is empty: of "
              + data.size()
              + " sequences none has a token to learn"
              + (options.maxLength() > 0 ? " within max_length " + options.maxLength() : "")
              + ". Check the data file, and that its completions are not masked out.");
    }
    this.rows = rows(this.data, options);
    this.lengths =
        rows.stream()
            .mapToInt(row -> Arrays.stream(row).map(i -> this.data.get(i).length()).sum())
            .toArray();
    this.fingerprint = fingerprint(this.data);
    int epochBatches = (rows.size() + options.batchSize() - 1) / options.batchSize();
    this.stepsPerEpoch =
        (epochBatches + options.gradientAccumulationSteps() - 1)
            / options.gradientAccumulationSteps();
    this.optimizer = new AdamW(model, options.optimizer());
    this.head = new StreamingLogprob(model.device(), options.memory().logits(), true);
    this.guard = new NonFiniteGuard(options.mostSkippedInARow());
  }

  @Override
  public Map<String, Double> step() {
    StageClock clock = new StageClock(stageListener);
    clock.begin("gradient");
    List<List<TrainingSequence>> microBatches = microBatches(step);
    lastBatch = microBatches.stream().flatMap(List::stream).toList();
    long targets = 0;
    long stepTokens = 0;
    for (List<TrainingSequence> microBatch : microBatches) {
      for (TrainingSequence sequence : microBatch) {
        targets += sequence.targets();
        stepTokens += sequence.length();
      }
    }
    double learningRate = options.schedule().rate(step, totalSteps());
    long all = targets;
    Update update;
    double[] sums;
    try (PointerScope scope = new PointerScope()) {
      optimizer.zeroGrad();
      Tensor totals = newTotals(model);
      model.train(
          options.seed(),
          step,
          () -> {
            for (List<TrainingSequence> microBatch : microBatches) {
              for (List<TrainingSequence> part : cut(microBatch)) {
                accumulate(model, head, options.memory(), part, all, totals);
              }
            }
          });
      clock.begin("optimizer");
      optimizer.begin(learningRate, totals.narrow(0, 0, 1));
      update = optimizer.end();
      sums = HostArrays.toDoubles(totals);
      clock.end();
    }
    double loss = -sums[0] / targets;
    step++;
    tokens += stepTokens;
    guard.afterStep(step, loss, update);

    Map<String, Double> metrics = new LinkedHashMap<>();
    metrics.put("loss", loss);
    metrics.put("entropy", sums[1] / targets);
    metrics.put("mean_token_accuracy", sums[2] / targets);
    metrics.put("grad_norm", update.gradNorm());
    metrics.put("learning_rate", learningRate);
    metrics.put("epoch", (double) step / stepsPerEpoch);
    metrics.put("num_tokens", (double) tokens);
    metrics.put("skipped_steps", (double) (step - optimizer.updates()));
    clock.byStage().forEach((stage, seconds) -> metrics.put("time/" + stage, seconds));
    metrics.put("step_time", clock.total());
    metrics.put("tokens_per_second", stepTokens / clock.total());
    return metrics;
  }

  /**
   * Adds the gradient of a micro-batch, or of a part of it.
   *
   * @param targets the divisor of the loss
   * @param head counts hits
   * @param totals of {@link #newTotals}: the sums of log-probs, entropies and hits are added to its
   *     entries
   */
  static void accumulate(
      CausalLm model,
      StreamingLogprob head,
      MemoryOptions memory,
      List<TrainingSequence> sequences,
      long targets,
      Tensor totals) {
    try (PointerScope scope = new PointerScope()) {
      PackedBatch batch = PackedBatch.of(sequences, model);
      TrainingPass pass = batch.trainingPass(model, memory);
      Tensor hidden = pass.hiddenRows();
      Scalar weight = new Scalar(-1.0 / targets);
      Tensor dHidden =
          head.forwardBackward(
              hidden,
              model.headWeight(),
              batch.targets(),
              1,
              head.evenCuts(hidden.size(0), model.headWeight().size(0)),
              (from, to, rows) -> {
                add(totals, rows);
                return new StreamingLogprob.RowGradient(full_like(rows.logprob(), weight), null);
              },
              model.headGradient());
      pass.backward(dHidden);
    }
  }

  private static void add(Tensor totals, StreamingLogprob.Rows rows) {
    totals.select(0, 0).add_(rows.logprob().to(ScalarType.Double).sum());
    totals.select(0, 1).add_(rows.entropy().to(ScalarType.Double).sum());
    totals.select(0, 2).add_(rows.hit().to(ScalarType.Double).sum());
  }

  /** [3] float64 on the model's device, 0: for {@link #accumulate}. */
  static Tensor newTotals(CausalLm model) {
    return model.device().zeros(ScalarType.Double, 3);
  }

  /**
   * Means over the target tokens of held-out sequences; NaN where there is none.
   *
   * @param loss negative log-likelihood, nats
   * @param entropy of the model's distribution, nats
   * @param tokenAccuracy share of the tokens that the model finds most likely
   */
  public record Figures(double loss, double entropy, double tokenAccuracy) {}

  /** Measures the model without training it. */
  public Figures evaluate(List<TrainingSequence> sequences) {
    long targets = 0;
    try (PointerScope all = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      Tensor totals = newTotals(model);
      for (List<TrainingSequence> part : cut(usable(sequences, options))) {
        try (PointerScope scope = new PointerScope()) {
          PackedBatch batch = PackedBatch.of(part, model);
          Tensor hidden = batch.hiddenRows(model);
          StreamingLogprob.Rows rows = head.forward(hidden, model.headWeight(), batch.targets(), 1);
          add(totals, rows);
          targets += hidden.size(0);
        }
      }
      double[] sums = HostArrays.toDoubles(totals);
      return new Figures(-sums[0] / targets, sums[1] / targets, sums[2] / targets);
    }
  }

  private List<List<TrainingSequence>> cut(List<TrainingSequence> sequences) {
    return BatchParts.of(options.memory())
        .cut(
            sequences,
            sequence ->
                new BatchParts.Extent(
                    IntBuffer.allocate(0), sequence.length(), sequence.targets()));
  }

  private List<List<TrainingSequence>> microBatches(long step) {
    long epoch = step / stepsPerEpoch;
    if (epoch != batchesEpoch) {
      batches =
          SequenceOrder.batches(
              lengths, options.batchSize(), options.groupByLength(), options.seed(), epoch);
      batchesEpoch = epoch;
    }
    int first = (int) (step % stepsPerEpoch) * options.gradientAccumulationSteps();
    int last = Math.min(batches.size(), first + options.gradientAccumulationSteps());
    List<List<TrainingSequence>> microBatches = new ArrayList<>();
    for (int[] batch : batches.subList(first, last)) {
      microBatches.add(
          Arrays.stream(batch)
              .mapToObj(rows::get)
              .flatMapToInt(Arrays::stream)
              .mapToObj(data::get)
              .toList());
    }
    return microBatches;
  }

  @Override
  public void onStage(Consumer<String> listener) {
    stageListener = listener;
  }

  @Override
  public List<Map<String, Object>> lastBatch() {
    return lastBatch.stream()
        .map(
            sequence ->
                Map.<String, Object>of("tokens", sequence.tokens(), "target", sequence.target()))
        .toList();
  }

  @Override
  public long stepsDone() {
    return step;
  }

  @Override
  public long stepsPerEpoch() {
    return stepsPerEpoch;
  }

  @Override
  public long totalSteps() {
    return options.maxSteps() > 0
        ? options.maxSteps()
        : (long) Math.ceil(options.epochs() * stepsPerEpoch);
  }

  @Override
  public void saveState(Path directory) {
    optimizer.save(directory.resolve(OPTIMIZER_FILE));
    new TrainerState(
            NAME,
            step,
            optimizer.updates(),
            guard.inARow(),
            tokens,
            TrainerState.optionsOf(options),
            fingerprint)
        .write(directory);
  }

  @Override
  public void restoreState(Path directory) {
    TrainerState state = TrainerState.read(directory);
    state.requireSameRun(directory, NAME, TrainerState.optionsOf(options), fingerprint);
    optimizer.restore(directory.resolve(OPTIMIZER_FILE), state.updates());
    step = state.step();
    tokens = state.tokens();
    guard.restore(state.skippedInARow());
  }

  @Override
  public void close() {
    optimizer.close();
    head.close();
  }

  private static List<TrainingSequence> usable(List<TrainingSequence> data, SftOptions options) {
    int most = options.maxLength();
    return data.stream()
        .flatMap(
            sequence -> {
              if (most == 0) {
                return Stream.of(sequence);
              }
              return options.packing().equals(Optional.of(PackingStrategy.BFD_SPLIT))
                  ? sequence.pieces(most).stream()
                  : Stream.of(sequence.truncated(most));
            })
        .filter(sequence -> sequence.targets() > 0)
        .toList();
  }

  /** Indices of the sequences of each row. */
  private static List<int[]> rows(List<TrainingSequence> data, SftOptions options) {
    int[] lengths = data.stream().mapToInt(TrainingSequence::length).toArray();
    return options.packing().isPresent()
        ? BestFitDecreasing.rows(lengths, options.maxLength())
        : IntStream.range(0, lengths.length).mapToObj(i -> new int[] {i}).toList();
  }

  private static String fingerprint(List<TrainingSequence> data) {
    DataFingerprint fingerprint = new DataFingerprint();
    for (TrainingSequence sequence : data) {
      fingerprint.add(sequence.tokens());
      fingerprint.add(sequence.targets());
    }
    return fingerprint.hex();
  }
}
