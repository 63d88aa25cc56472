package org.rlkd.engine.training;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.global.torch;
import org.rlkd.core.config.LossType;
import org.rlkd.engine.memory.MemoryOptions;
import org.rlkd.engine.memory.MemoryPlan;
import org.rlkd.engine.memory.ModelMemory;
import org.rlkd.engine.memory.ProcessMemory;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.tensor.CpuThreads;
import org.rlkd.engine.tensor.TensorView;

/**
 * Trains on 4,096 completion tokens with a vocabulary of 151,936 in a process of its own and prints
 * the highest resident memory that isn't weights, gradients, optimizer state or the empty process.
 */
final class MemoryProbe {
  static final int VOCAB = 151_936;
  static final int COMPLETION_TOKENS = 4096;

  /** Bytes a parameter: weight, gradient and two moments. */
  private static final int BYTES = 4 * Float.BYTES;

  private MemoryProbe() {}

  /** Arguments: sft or grpo, tokens of a completion. Prints "bytes beyond: N" and "loss: X". */
  public static void main(String[] args) throws IOException {
    CpuThreads.set(1);
    torch.mm(torch.ones(64, 64), torch.ones(64, 64)).close();
    TensorView.of(torch.ones(1)).close();
    long before = status("VmRSS");
    int length = Integer.parseInt(args[1]);
    long parameters;
    double loss;
    try (CausalLm model = CausalLm.initialise(TinyModels.config(VOCAB, 64, 2), 1)) {
      parameters = model.parameterCount();
      loss = args[0].equals("sft") ? sft(model, length) : grpo(model, length);
    }
    System.out.println("estimate: " + estimate(length));
    System.out.println("peak: " + ProcessMemory.peak().orElseThrow());
    System.out.println("loss: " + loss);
    System.out.println("bytes beyond: " + (status("VmHWM") - before - parameters * BYTES));
  }

  /** Of the peak of the process, bytes. */
  private static long estimate(int length) {
    return MemoryPlan.of(
            new MemoryPlan.Workload(
                ModelMemory.of(TinyModels.config(VOCAB, 64, 2), Optional.empty()),
                0,
                length + 8,
                COMPLETION_TOKENS,
                Optional.empty()),
            MemoryOptions.DEFAULT,
            0,
            Optional.empty())
        .estimate()
        .peak();
  }

  private static double sft(CausalLm model, int length) {
    List<TrainingSequence> data = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < COMPLETION_TOKENS / length; i++) {
      data.add(TrainingSequence.of(tokens(random, 1), tokens(random, length)));
    }
    SftOptions options = SftOptions.of(data.size(), 1, LearningRateSchedule.constant(1e-3));
    try (SftTrainer trainer = new SftTrainer(model, data, options)) {
      return trainer.step().get("loss");
    }
  }

  private static double grpo(CausalLm model, int length) {
    List<Rollout> rollouts = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < COMPLETION_TOKENS / length; i++) {
      int[] completion = tokens(random, length);
      rollouts.add(
          new Rollout(
              tokens(random, 8), completion, new float[length], true, i % 2 - 0.5f, null, null));
    }
    PolicyUpdate.Sums sums = new PolicyUpdate.Sums();
    try (AdamW optimizer = new AdamW(model, AdamWOptions.DEFAULT);
        PolicyUpdate update = new PolicyUpdate(model, TinyGrpo.options(1, LossType.GRPO))) {
      update.accumulate(rollouts, COMPLETION_TOKENS, true, 0, sums);
      optimizer.step(1e-3);
    }
    sums.read();
    return sums.loss();
  }

  private static int[] tokens(SplittableRandom random, int count) {
    return random.ints(count, 0, VOCAB).toArray();
  }

  private static long status(String key) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith(key + ":")) {
        return Long.parseLong(line.replaceAll("\\D+", "")) * 1024;
      }
    }
    throw new IOException("/proc/self/status has no " + key);
  }
}
