package org.rlkd.engine.training;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.core.config.LoraConfig;
import org.rlkd.engine.lora.LoraAdapter;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.GoldenModels;
import org.rlkd.engine.model.LargestDifference;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.tensor.HostArrays;

/**
 * Packed sequences give every model of golden/models, whole and with LoRA, the gradient of the same
 * sequences side by side with padding.
 */
class PackedGradientGoldenTest {
  /**
   * By relative norm. The two sum the same float32 numbers in another order and differ by 1.3e-6 at
   * most; either is up to 2.4e-6 from the recorded gradients (TrainingGoldenTest).
   */
  private static final double LIMIT = 2.5e-6;

  private static final LargestDifference LARGEST = new LargestDifference();

  private final SplittableRandom random = new SplittableRandom(3);

  @AfterAll
  static void report() {
    System.out.println("packed against padded gradients, largest differences:" + LARGEST);
  }

  @TestFactory
  Stream<DynamicTest> groupsThatShareTheirPrompt() throws IOException {
    return GoldenModels.directories().stream()
        .map(d -> DynamicTest.dynamicTest(name(d), () -> groups(d, false)));
  }

  @TestFactory
  Stream<DynamicTest> groupsThatShareTheirPromptWithLora() throws IOException {
    return GoldenModels.directories().stream()
        .map(d -> DynamicTest.dynamicTest(name(d), () -> groups(d, true)));
  }

  @TestFactory
  Stream<DynamicTest> documentsOfWhichSomeTokensAreLearned() throws IOException {
    return GoldenModels.directories().stream()
        .map(d -> DynamicTest.dynamicTest(name(d), () -> documents(d)));
  }

  private void groups(Path directory, boolean lora) {
    try (CausalLm model = ModelDirectory.load(directory)) {
      List<Rollout> rollouts = new ArrayList<>();
      for (int group = 0; group < 3; group++) {
        int[] prompt = tokens(model, 1 + 6 * group);
        for (int i = 0; i < 4; i++) {
          int[] completion = tokens(model, i < 2 ? 9 : 1 + random.nextInt(20));
          rollouts.add(new Rollout(prompt, completion, null, true, 1, null, null));
        }
      }
      Collections.swap(rollouts, 2, 9);
      List<TrainingSequence> sequences =
          rollouts.stream().map(r -> TrainingSequence.of(r.prompt(), r.completion())).toList();
      if (lora) {
        LoraConfig config = new LoraConfig(4, 8, 0, false, List.of(LoraConfig.ALL_LINEAR));
        try (LoraAdapter adapter = LoraAdapter.initialise(model, config, 1)) {
          adapter.attachTo(model);
          randomise(model);
          compare("groups with LoRA", directory, model, rollouts, sequences);
        }
      } else {
        compare("groups", directory, model, rollouts, sequences);
      }
    }
  }

  /** B starts at 0, which would hide A from the gradient. */
  private static void randomise(CausalLm model) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGradients = new NoGradGuard()) {
      torch.manual_seed(4);
      model.trainableParameters().values().forEach(p -> p.normal_(0, 0.05, null));
    }
  }

  private void documents(Path directory) {
    try (CausalLm model = ModelDirectory.load(directory)) {
      List<TrainingSequence> sequences = new ArrayList<>();
      for (int i = 0; i < 9; i++) {
        int[] tokens = tokens(model, 2 + random.nextInt(25));
        boolean[] target = new boolean[tokens.length];
        target[1 + random.nextInt(tokens.length - 1)] = true;
        target[tokens.length / 2] = true;
        sequences.add(new TrainingSequence(tokens, target));
      }
      compare("documents", directory, model, null, sequences);
    }
  }

  private void compare(
      String kind,
      Path directory,
      CausalLm model,
      List<Rollout> rollouts,
      List<TrainingSequence> sequences) {
    try (PointerScope scope = new PointerScope()) {
      PackedBatch batch =
          rollouts == null
              ? PackedBatch.of(sequences, model)
              : PackedBatch.ofRollouts(rollouts, model);
      Tensor rows = batch.hiddenRows(model);
      Tensor weights =
          HostArrays.floats(floats(Math.toIntExact(rows.numel())), rows.size(0), rows.size(1));
      rows.mul(weights).sum().backward();
      float[] packed = gradients(model);
      Tensor padded = paddedRows(model, sequences);
      LARGEST.check(
          "hidden rows of " + kind,
          name(directory),
          LargestDifference.relativeNorm(
              HostArrays.toFloats(rows.detach()), HostArrays.toFloats(padded.detach())),
          LIMIT);
      padded.mul(weights).sum().backward();
      LARGEST.check(
          "gradient of " + kind,
          name(directory),
          LargestDifference.relativeNorm(packed, gradients(model)),
          LIMIT);
    }
  }

  /** Hidden states that predict a target, of sequences padded on the right. */
  private static Tensor paddedRows(CausalLm model, List<TrainingSequence> sequences) {
    int length = sequences.stream().mapToInt(TrainingSequence::length).max().orElseThrow();
    long[] ids = new long[sequences.size() * length];
    List<Long> places = new ArrayList<>();
    for (int b = 0; b < sequences.size(); b++) {
      TrainingSequence sequence = sequences.get(b);
      for (int t = 0; t < sequence.length(); t++) {
        ids[b * length + t] = sequence.tokens()[t];
        if (t > 0 && sequence.target()[t]) {
          places.add((long) b * length + t - 1);
        }
      }
    }
    long[] chosen = places.stream().mapToLong(Long::longValue).toArray();
    return model
        .hidden(HostArrays.longs(ids, sequences.size(), length), null)
        .flatten(0, 1)
        .index_select(0, HostArrays.longs(chosen, chosen.length));
  }

  /** All gradients in the model's order, which are taken away. */
  private static float[] gradients(CausalLm model) {
    List<float[]> parts = new ArrayList<>();
    for (Tensor parameter : model.trainableParameters().values()) {
      if (parameter.grad().defined()) {
        parts.add(HostArrays.toFloats(parameter.grad()));
        parameter.mutable_grad().reset();
      }
    }
    float[] all = new float[parts.stream().mapToInt(part -> part.length).sum()];
    int at = 0;
    for (float[] part : parts) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }

  private int[] tokens(CausalLm model, int count) {
    return random.ints(count, 0, model.config().vocabSize()).toArray();
  }

  private float[] floats(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static String name(Path directory) {
    return directory.getFileName().toString();
  }
}
