package org.rlkd.engine.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.GoldenModels;
import org.rlkd.engine.model.LargestDifference;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.safetensors.SafetensorsFile;
import org.rlkd.engine.tensor.HostArrays;

/** Every adapter of golden/models gives the numbers that PEFT gave. */
class LoraGoldenTest {
  private static final double LOGIT_LIMIT = 1e-4;
  private static final double LOSS_LIMIT = 1e-5;
  private static final double GRADIENT_LIMIT = 1e-4;
  private static final double WEIGHT_LIMIT = 1e-6;
  private static final LargestDifference LARGEST = new LargestDifference();

  @AfterAll
  static void report() {
    System.out.println("golden/models/*/lora, largest differences:" + LARGEST);
  }

  private record Case(
      String name, JsonNode description, SafetensorsFile golden, Tensor ids, Tensor mask) {
    float[] floats(String key) {
      return HostArrays.toFloats(golden.read(key));
    }

    List<String> keys(String prefix) {
      return golden.entries().keySet().stream().filter(k -> k.startsWith(prefix)).toList();
    }

    boolean[] tokens() {
      return ones(mask);
    }

    Tensor targets() {
      long length = mask.size(1);
      return mask.narrow(1, 0, length - 1).mul(mask.narrow(1, 1, length - 1));
    }
  }

  private interface Check {
    void run(Case golden, CausalLm model, LoraAdapter adapter) throws IOException;
  }

  private static Stream<DynamicTest> forEveryAdapter(Check check) throws IOException {
    List<Path> directories =
        GoldenModels.directories().stream()
            .filter(directory -> Files.exists(directory.resolve("lora/golden.safetensors")))
            .toList();
    assumeTrue(!directories.isEmpty(), "no lora folder in " + GoldenModels.golden());
    return directories.stream()
        .map(
            directory ->
                DynamicTest.dynamicTest(
                    directory.getFileName().toString(), () -> run(directory, check)));
  }

  private static void run(Path directory, Check check) throws IOException {
    Path lora = directory.resolve("lora");
    JsonNode description = new JsonMapper().readTree(Files.readString(lora.resolve("golden.json")));
    try (PointerScope scope = new PointerScope();
        SafetensorsFile base = SafetensorsFile.open(directory.resolve("golden.safetensors"));
        SafetensorsFile golden = SafetensorsFile.open(lora.resolve("golden.safetensors"));
        CausalLm model = ModelDirectory.load(directory);
        LoraAdapter adapter = LoraAdapter.load(lora, model)) {
      check.run(
          new Case(
              directory.getFileName().toString(),
              description,
              golden,
              base.read("right.input_ids"),
              base.read("right.attention_mask")),
          model,
          adapter);
    }
  }

  @TestFactory
  Stream<DynamicTest> logitsAndLogprobsOfTheAdaptedModelAgree() throws IOException {
    return forEveryAdapter(
        (golden, model, adapter) -> {
          adapter.attachTo(model);
          try (NoGradGuard noGradients = new NoGradGuard()) {
            Tensor logits = model.logits(model.hidden(golden.ids(), golden.mask()));
            checkLogits("logits", golden, logits);
            LARGEST.checkEach(
                "logprobs",
                golden.name(),
                HostArrays.toFloats(logprobs(logits, golden.ids())),
                golden.floats("logprobs"),
                ones(golden.targets()),
                LOGIT_LIMIT);
          }
        });
  }

  @TestFactory
  Stream<DynamicTest> lossAndEveryGradientAgreeAndTheBaseGetsNone() throws IOException {
    return forEveryAdapter(
        (golden, model, adapter) -> {
          adapter.attachTo(model);
          Tensor targets = golden.targets().to(ScalarType.Float);
          Tensor loss =
              logprobs(model.logits(model.hidden(golden.ids(), golden.mask())), golden.ids())
                  .mul(targets)
                  .sum()
                  .neg()
                  .div(targets.sum());
          double expected = golden.description().get("loss").doubleValue();
          LARGEST.check(
              "loss", golden.name(), Math.abs(loss.item_double() / expected - 1), LOSS_LIMIT);
          loss.backward();
          List<String> keys = golden.keys("grad.");
          assertThat(keys).hasSameSizeAs(model.trainableParameters().keySet());
          for (String key : keys) {
            LARGEST.check(
                "gradient",
                golden.name() + " " + key,
                LargestDifference.relativeNorm(
                    HostArrays.toFloats(model.gradient(key.substring("grad.".length()))),
                    golden.floats(key)),
                GRADIENT_LIMIT);
          }
          model
              .parameters()
              .forEach((name, weight) -> assertThat(weight.grad().defined()).as(name).isFalse());
        });
  }

  @TestFactory
  Stream<DynamicTest> mergedWeightsAndTheirLogitsAgree() throws IOException {
    return forEveryAdapter(
        (golden, model, adapter) -> {
          adapter.mergeInto(model);
          for (String key : golden.keys("merged.param.")) {
            LARGEST.check(
                "merged weight",
                golden.name() + " " + key,
                LargestDifference.relativeNorm(
                    HostArrays.toFloats(
                        model.parameters().get(key.substring("merged.param.".length()))),
                    golden.floats(key)),
                WEIGHT_LIMIT);
          }
          try (NoGradGuard noGradients = new NoGradGuard()) {
            checkLogits(
                "merged.logits", golden, model.logits(model.hidden(golden.ids(), golden.mask())));
          }
        });
  }

  private static void checkLogits(String key, Case golden, Tensor logits) {
    LARGEST.checkEach(
        key,
        golden.name(),
        HostArrays.toFloats(logits),
        golden.floats(key),
        golden.tokens(),
        LOGIT_LIMIT);
  }

  /** [B, T-1]: entry t is the log-probability of token t+1. */
  private static Tensor logprobs(Tensor logits, Tensor ids) {
    long length = ids.size(1);
    return torch
        .log_softmax(logits.narrow(1, 0, length - 1), -1, new ScalarTypeOptional())
        .gather(2, ids.narrow(1, 1, length - 1).unsqueeze(2))
        .squeeze(2);
  }

  private static boolean[] ones(Tensor mask) {
    long[] values = HostArrays.toLongs(mask.contiguous());
    boolean[] ones = new boolean[values.length];
    for (int i = 0; i < values.length; i++) {
      ones[i] = values[i] == 1;
    }
    return ones;
  }
}
