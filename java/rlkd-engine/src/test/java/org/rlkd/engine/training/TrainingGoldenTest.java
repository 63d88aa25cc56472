package org.rlkd.engine.training;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.GoldenModels;
import org.rlkd.engine.model.LargestDifference;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.safetensors.SafetensorsFile;
import org.rlkd.engine.tensor.HostArrays;

/**
 * The trainer's own path (streaming head, gradient views, AdamW kernel) gives the losses, gradient
 * norms and parameters of three recorded steps of torch.optim.AdamW for every model of
 * golden/models.
 */
class TrainingGoldenTest {
  private static final double LOSS_LIMIT = 1e-5;
  private static final double GRAD_NORM_LIMIT = 1e-4;

  /** By relative norm: see ModelGoldenTest for why not by element. */
  private static final double PARAMETER_LIMIT = 1e-5;

  private static final LargestDifference LARGEST = new LargestDifference();

  @AfterAll
  static void report() {
    System.out.println("training of golden/models, largest differences:" + LARGEST);
  }

  @TestFactory
  Stream<DynamicTest> threeStepsAgree() throws IOException {
    return GoldenModels.directories().stream()
        .map(directory -> DynamicTest.dynamicTest(name(directory), () -> threeSteps(directory)));
  }

  private static void threeSteps(Path directory) throws IOException {
    JsonNode recorded =
        new JsonMapper().readTree(Files.readString(directory.resolve("golden.json"))).path("adamw");
    assumeTrue(recorded.isObject(), name(directory) + " records no AdamW steps");
    AdamWOptions options =
        new AdamWOptions(
            recorded.get("betas").get(0).doubleValue(),
            recorded.get("betas").get(1).doubleValue(),
            recorded.get("eps").doubleValue(),
            recorded.get("weight_decay").doubleValue(),
            recorded.get("max_grad_norm").doubleValue());
    try (PointerScope scope = new PointerScope();
        SafetensorsFile golden = SafetensorsFile.open(directory.resolve("golden.safetensors"));
        CausalLm model = ModelDirectory.load(directory);
        AdamW optimizer = new AdamW(model.parameters(), options, name -> true);
        StreamingLogprob head = new StreamingLogprob(7L * Float.BYTES * 515)) {
      List<TrainingSequence> data = sequences(golden);
      for (int step = 1; step <= 3; step++) {
        optimizer.zeroGrad();
        double loss = lossAndGradient(model, head, data);
        checkRelative(
            "loss",
            directory,
            loss,
            recorded.get("losses_before_each_step").get(step - 1),
            LOSS_LIMIT);
        Update update = optimizer.step(recorded.get("lr").doubleValue());
        checkRelative(
            "gradient norm",
            directory,
            update.gradNorm(),
            recorded.get("grad_norms_before_clipping").get(step - 1),
            GRAD_NORM_LIMIT);
        String prefix = "adamw.step" + step + ".";
        for (String key : golden.entries().keySet()) {
          if (key.startsWith(prefix)) {
            Tensor parameter = model.parameters().get(key.substring(prefix.length()));
            LARGEST.check(
                "parameter",
                name(directory) + " " + key,
                LargestDifference.relativeNorm(
                    HostArrays.toFloats(parameter), HostArrays.toFloats(golden.read(key))),
                PARAMETER_LIMIT);
          }
        }
      }
      optimizer.zeroGrad();
      checkRelative(
          "loss",
          directory,
          lossAndGradient(model, head, data),
          recorded.get("loss_after_step3"),
          LOSS_LIMIT);
    }
  }

  /** Mean over all tokens but the first of each sequence; in two parts, whose gradients add up. */
  private static double lossAndGradient(
      CausalLm model, StreamingLogprob head, List<TrainingSequence> data) {
    int targets = data.stream().mapToInt(TrainingSequence::targets).sum();
    double[] sums = new double[2];
    SftTrainer.accumulate(model, head, data.subList(0, 1), targets, sums);
    SftTrainer.accumulate(model, head, data.subList(1, data.size()), targets, sums);
    return -sums[0] / targets;
  }

  private static List<TrainingSequence> sequences(SafetensorsFile golden) {
    Tensor ids = golden.read("right.input_ids");
    Tensor mask = golden.read("right.attention_mask");
    List<TrainingSequence> sequences = new ArrayList<>();
    for (long b = 0; b < ids.size(0); b++) {
      int length = (int) Arrays.stream(HostArrays.toLongs(mask.select(0, b))).sum();
      int[] tokens = Arrays.copyOf(HostArrays.toInts(ids.select(0, b)), length);
      boolean[] target = new boolean[length];
      Arrays.fill(target, true);
      sequences.add(new TrainingSequence(tokens, target));
    }
    return sequences;
  }

  private static void checkRelative(
      String kind, Path directory, double actual, JsonNode expected, double limit) {
    LARGEST.check(kind, name(directory), Math.abs(actual / expected.doubleValue() - 1), limit);
  }

  private static String name(Path directory) {
    return directory.getFileName().toString();
  }
}
