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
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.engine.memory.MemoryOptions;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.GoldenModels;
import org.rlkd.engine.model.LargestDifference;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.safetensors.SafetensorsFile;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostArrays;

/**
 * The trainer's own path (streaming head, gradient views, AdamW kernel) gives the loss and gradient
 * recorded for every model of golden/models, and where three steps of torch.optim.AdamW are
 * recorded, those.
 */
class TrainingGoldenTest {
  private static final double LOSS_LIMIT = 1e-5;
  private static final double GRADIENT_LIMIT = 1e-4;

  /** By relative norm: see ModelGoldenTest for why not by element. */
  private static final double PARAMETER_LIMIT = 1e-5;

  private static final LargestDifference LARGEST = new LargestDifference();

  @AfterAll
  static void report() {
    System.out.println("training of golden/models, largest differences:" + LARGEST);
  }

  @TestFactory
  Stream<DynamicTest> lossAndGradientAgree() throws IOException {
    return GoldenModels.directories().stream()
        .map(
            directory ->
                DynamicTest.dynamicTest(name(directory), () -> lossAndGradient(directory)));
  }

  private static void lossAndGradient(Path directory) throws IOException {
    try (PointerScope scope = new PointerScope();
        SafetensorsFile golden = SafetensorsFile.open(directory.resolve("golden.safetensors"));
        CausalLm model = ModelDirectory.load(directory);
        AdamW optimizer = new AdamW(model, AdamWOptions.DEFAULT);
        StreamingLogprob head = smallTiles()) {
      double loss = lossAndGradient(model, head, sequences(golden));
      checkRelative("loss", directory, loss, description(directory).get("loss"), LOSS_LIMIT);
      double difference = 0;
      double norm = 0;
      for (Map.Entry<String, Tensor> parameter : model.parameters().entrySet()) {
        float[] expected = HostArrays.toFloats(golden.read("grad." + parameter.getKey()));
        float[] actual = HostArrays.toFloats(parameter.getValue().grad());
        for (int i = 0; i < expected.length; i++) {
          difference += Math.pow((double) actual[i] - expected[i], 2);
          norm += Math.pow(expected[i], 2);
        }
      }
      LARGEST.check("gradient", name(directory), Math.sqrt(difference / norm), GRADIENT_LIMIT);
    }
  }

  @TestFactory
  Stream<DynamicTest> threeStepsAgree() throws IOException {
    List<Path> recorded = new ArrayList<>();
    for (Path directory : GoldenModels.directories()) {
      if (description(directory).path("adamw").isObject()) {
        recorded.add(directory);
      }
    }
    assumeTrue(!recorded.isEmpty(), "no model in the golden folder records AdamW steps");
    return recorded.stream()
        .map(directory -> DynamicTest.dynamicTest(name(directory), () -> threeSteps(directory)));
  }

  private static void threeSteps(Path directory) throws IOException {
    JsonNode recorded = description(directory).path("adamw");
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
        AdamW optimizer = new AdamW(model, options, name -> true);
        StreamingLogprob head = smallTiles()) {
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
            GRADIENT_LIMIT);
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
    try (PointerScope scope = new PointerScope()) {
      Tensor totals = SftTrainer.newTotals(model);
      SftTrainer.accumulate(
          model, head, MemoryOptions.DEFAULT, data.subList(0, 1), targets, totals);
      SftTrainer.accumulate(
          model, head, MemoryOptions.DEFAULT, data.subList(1, data.size()), targets, totals);
      return -HostArrays.toDoubles(totals)[0] / targets;
    }
  }

  /** Several tiles for the vocabularies of the golden models. */
  private static StreamingLogprob smallTiles() {
    return new StreamingLogprob(Device.CPU, 7L * Float.BYTES * 515, true);
  }

  private static JsonNode description(Path directory) throws IOException {
    return new JsonMapper().readTree(Files.readString(directory.resolve("golden.json")));
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
