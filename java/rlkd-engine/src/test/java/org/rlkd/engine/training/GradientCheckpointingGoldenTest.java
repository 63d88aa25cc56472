package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.core.config.LoraConfig;
import org.rlkd.engine.lora.LoraAdapter;
import org.rlkd.engine.memory.MemoryOptions;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.GoldenModels;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.tensor.HostArrays;

/**
 * Layers that are computed again give every model of golden/models, whole and with LoRA and its
 * dropout, the gradient of layers that are kept, bit for bit.
 */
class GradientCheckpointingGoldenTest {
  private static final MemoryOptions KEPT = MemoryOptions.DEFAULT;
  private static final MemoryOptions AGAIN = KEPT.withGradientCheckpointing(true);

  @TestFactory
  Stream<DynamicTest> allWeights() throws IOException {
    return tests(
        directory -> {
          try (CausalLm model = ModelDirectory.load(directory)) {
            assertBitEqual(gradients(model, AGAIN, 7), gradients(model, KEPT, 7));
          }
        });
  }

  @TestFactory
  Stream<DynamicTest> loraWithDropout() throws IOException {
    return tests(
        directory -> {
          LoraConfig config = new LoraConfig(4, 8, 0.3, false, List.of(LoraConfig.ALL_LINEAR));
          try (CausalLm model = ModelDirectory.load(directory);
              LoraAdapter adapter = LoraAdapter.initialise(model, config, 1)) {
            adapter.attachTo(model);
            Map<String, float[]> kept = gradients(model, KEPT, 7);
            assertBitEqual(gradients(model, AGAIN, 7), kept);
            assertThat(kept.keySet()).allMatch(name -> name.contains("lora_"));
            String first =
                kept.keySet().stream().filter(n -> n.contains("lora_B")).findFirst().get();
            assertThat(gradients(model, KEPT, 8).get(first))
                .as("other random numbers, another gradient")
                .isNotEqualTo(kept.get(first));
          }
        });
  }

  private interface Check {
    void run(Path directory) throws IOException;
  }

  private static Stream<DynamicTest> tests(Check check) throws IOException {
    return GoldenModels.directories().stream()
        .map(d -> DynamicTest.dynamicTest(d.getFileName().toString(), () -> check.run(d)));
  }

  /**
   * Of two batches one after the other, so that the second draws after the first's backward pass.
   */
  private static Map<String, float[]> gradients(CausalLm model, MemoryOptions memory, long seed) {
    SplittableRandom random = new SplittableRandom(3);
    List<TrainingSequence> data = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      int[] tokens = random.ints(5 + 4 * i, 0, model.config().vocabSize()).toArray();
      boolean[] target = new boolean[tokens.length];
      Arrays.fill(target, tokens.length / 2, tokens.length, true);
      data.add(new TrainingSequence(tokens, target));
    }
    try (PointerScope scope = new PointerScope();
        AdamW optimizer = new AdamW(model, AdamWOptions.DEFAULT);
        StreamingLogprob head =
            new StreamingLogprob(model.device(), StreamingLogprob.DEFAULT_BUDGET, true)) {
      Tensor totals = SftTrainer.newTotals(model);
      model.train(
          seed,
          0,
          () -> {
            SftTrainer.accumulate(model, head, memory, data.subList(0, 3), 50, totals);
            SftTrainer.accumulate(model, head, memory, data.subList(3, 6), 50, totals);
          });
      Map<String, float[]> gradients = new TreeMap<>();
      model
          .trainableParameters()
          .forEach((name, tensor) -> gradients.put(name, HostArrays.toFloats(tensor.grad())));
      return gradients;
    }
  }

  private static void assertBitEqual(Map<String, float[]> actual, Map<String, float[]> expected) {
    assertThat(actual.keySet()).isEqualTo(expected.keySet());
    assertThat(expected.values()).anyMatch(gradient -> gradient[0] != 0);
    expected.forEach((name, gradient) -> assertThat(actual.get(name)).as(name).isEqualTo(gradient));
  }
}
