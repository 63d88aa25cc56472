package org.rlkd.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

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
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.engine.safetensors.SafetensorsDirectory;
import org.rlkd.engine.safetensors.SafetensorsDtype;
import org.rlkd.engine.safetensors.SafetensorsFile;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.training.AdamW;
import org.rlkd.engine.training.AdamWOptions;

/** Every directory of golden/models gives the numbers that transformers gave. */
class ModelGoldenTest {
  private static final double LOGIT_LIMIT = 1e-4;
  private static final double LOSS_LIMIT = 1e-5;
  private static final double GRADIENT_LIMIT = 1e-4;
  private static final double ADAMW_LIMIT = 1e-5;

  private static final LargestDifference LARGEST = new LargestDifference();

  @AfterAll
  static void report() {
    System.out.println("golden/models, largest differences:" + LARGEST);
  }

  /** Runs one check over one model. */
  private interface Check {
    void run(Case golden, CausalLm model) throws IOException;
  }

  /** A model directory with its recorded values. */
  private record Case(Path directory, JsonNode description, SafetensorsFile tensors) {
    String name() {
      return directory.getFileName().toString();
    }

    boolean has(String key) {
      return tensors.entries().containsKey(key);
    }

    Tensor tensor(String key) {
      return tensors.read(key);
    }

    float[] floats(String key) {
      return HostArrays.toFloats(tensor(key));
    }

    List<String> keys(String prefix) {
      return tensors.entries().keySet().stream().filter(k -> k.startsWith(prefix)).toList();
    }
  }

  /** One test for each model that records a key of this prefix. */
  private static Stream<DynamicTest> forEveryModelWith(String prefix, Check check)
      throws IOException {
    return GoldenModels.directories().stream()
        .filter(directory -> records(directory, prefix))
        .map(
            directory ->
                DynamicTest.dynamicTest(
                    directory.getFileName().toString(), () -> run(directory, check)));
  }

  private static boolean records(Path directory, String prefix) {
    try (SafetensorsFile tensors = SafetensorsFile.open(directory.resolve("golden.safetensors"))) {
      return tensors.entries().keySet().stream().anyMatch(key -> key.startsWith(prefix));
    }
  }

  private static void run(Path directory, Check check) throws IOException {
    JsonNode description =
        new JsonMapper().readTree(Files.readString(directory.resolve("golden.json")));
    try (PointerScope scope = new PointerScope();
        SafetensorsFile tensors = SafetensorsFile.open(directory.resolve("golden.safetensors"));
        CausalLm model = ModelDirectory.load(directory)) {
      check.run(new Case(directory, description, tensors), model);
    }
  }

  @TestFactory
  Stream<DynamicTest> hiddenStatesLogitsAndLogprobsAgreeRightPadded() throws IOException {
    return forEveryModelWith("right.", (golden, model) -> checkForward(golden, model, "right"));
  }

  @TestFactory
  Stream<DynamicTest> hiddenStatesLogitsAndLogprobsAgreeLeftPadded() throws IOException {
    return forEveryModelWith("left.", (golden, model) -> checkForward(golden, model, "left"));
  }

  private static void checkForward(Case golden, CausalLm model, String side) {
    String where = golden.name() + " " + side;
    try (NoGradGuard noGradients = new NoGradGuard()) {
      Tensor ids = golden.tensor(side + ".input_ids");
      Tensor mask = golden.tensor(side + ".attention_mask");
      boolean[] tokens = ones(mask);
      Tensor hidden = model.hidden(ids, mask);
      Tensor logits = model.logits(hidden);
      LARGEST.checkEach(
          "hidden",
          where,
          HostArrays.toFloats(hidden),
          golden.floats(side + ".hidden"),
          tokens,
          LOGIT_LIMIT);
      LARGEST.checkEach(
          "logits",
          where,
          HostArrays.toFloats(logits),
          golden.floats(side + ".logits"),
          tokens,
          LOGIT_LIMIT);
      LARGEST.checkEach(
          "logprobs",
          where,
          HostArrays.toFloats(logprobs(logits, ids)),
          golden.floats(side + ".logprobs"),
          ones(targetMask(mask)),
          LOGIT_LIMIT);
    }
  }

  @TestFactory
  Stream<DynamicTest> lossAndEveryGradientAgree() throws IOException {
    return forEveryModelWith(
        "grad.",
        (golden, model) -> {
          Tensor loss = loss(golden, model);
          checkLoss(golden.name(), loss, golden.description().get("loss").doubleValue());
          loss.backward();
          assertThat(golden.keys("grad.")).hasSameSizeAs(model.parameters().keySet());
          for (String key : golden.keys("grad.")) {
            Tensor gradient = model.gradient(key.substring("grad.".length()));
            LARGEST.check(
                "gradient",
                golden.name() + " " + key,
                LargestDifference.relativeNorm(HostArrays.toFloats(gradient), golden.floats(key)),
                GRADIENT_LIMIT);
          }
        });
  }

  /**
   * Parameters are compared by relative norm. Element by element says nothing: Adam divides a
   * gradient by its own size, so that where the true gradient is below the recorded rounding error
   * of about 1e-6, the step of up to lr = 1e-3 follows the rounding.
   */
  @TestFactory
  Stream<DynamicTest> threeAdamWStepsAgree() throws IOException {
    return forEveryModelWith(
        "adamw.",
        (golden, model) -> {
          JsonNode recorded = golden.description().path("adamw");
          try (AdamW optimizer = new AdamW(model, options(recorded), name -> true)) {
            for (int step = 1; step <= 3; step++) {
              optimizer.zeroGrad();
              Tensor loss = loss(golden, model);
              checkLoss(
                  golden.name() + " before step " + step,
                  loss,
                  recorded.get("losses_before_each_step").get(step - 1).doubleValue());
              loss.backward();
              double norm = optimizer.step(recorded.get("lr").doubleValue()).gradNorm();
              double expected =
                  recorded.get("grad_norms_before_clipping").get(step - 1).doubleValue();
              LARGEST.check(
                  "gradient norm", golden.name(), Math.abs(norm / expected - 1), GRADIENT_LIMIT);
              for (String key : golden.keys("adamw.step" + step + ".")) {
                LARGEST.check(
                    "adamw",
                    golden.name() + " " + key,
                    LargestDifference.relativeNorm(
                        HostArrays.toFloats(model.parameters().get(parameterName(key))),
                        golden.floats(key)),
                    ADAMW_LIMIT);
              }
            }
          }
          checkLoss(
              golden.name() + " after step 3",
              loss(golden, model),
              recorded.get("loss_after_step3").doubleValue());
        });
  }

  @TestFactory
  Stream<DynamicTest> greedyContinuationsAreIdenticalRightPadded() throws IOException {
    return forEveryModelWith("gen.", (golden, model) -> checkGreedy(golden, model, false));
  }

  @TestFactory
  Stream<DynamicTest> greedyContinuationsAreIdenticalLeftPadded() throws IOException {
    return forEveryModelWith("gen.", (golden, model) -> checkGreedy(golden, model, true));
  }

  private static void checkGreedy(Case golden, CausalLm model, boolean leftPadded) {
    List<List<Long>> rows = new ArrayList<>();
    while (golden.has("gen." + rows.size() + ".prompt_ids")) {
      rows.add(
          new ArrayList<>(
              Arrays.stream(HostArrays.toLongs(golden.tensor("gen." + rows.size() + ".prompt_ids")))
                  .boxed()
                  .toList()));
    }
    long[][] expected = new long[rows.size()][];
    float[][] logprobs = new float[rows.size()][];
    for (int row = 0; row < rows.size(); row++) {
      expected[row] = HostArrays.toLongs(golden.tensor("gen." + row + ".tokens"));
      logprobs[row] = golden.floats("gen." + row + ".logprobs_t0.7");
    }
    for (int step = 0; step < expected[0].length; step++) {
      try (PointerScope scope = new PointerScope();
          NoGradGuard noGradients = new NoGradGuard()) {
        Padded padded = Padded.of(rows, leftPadded);
        Tensor hidden = model.hidden(padded.ids(), padded.mask());
        for (int row = 0; row < rows.size(); row++) {
          Tensor last = hidden.select(0, row).select(0, padded.last(rows, row));
          Tensor scores = model.logits(last);
          long token = scores.argmax().item_long();
          assertThat(token)
              .as("%s, prompt %s, token %s", golden.name(), row, step)
              .isEqualTo(expected[row][step]);
          double logprob =
              torch
                  .log_softmax(scores.to(ScalarType.Double).div(new Scalar(0.7)), 0)
                  .select(0, token)
                  .item_double();
          LARGEST.check(
              "greedy logprobs",
              golden.name() + " prompt " + row,
              Math.abs(logprob - logprobs[row][step]),
              LOGIT_LIMIT);
          rows.get(row).add(token);
        }
      }
    }
  }

  /** Sequences of different lengths as one batch. */
  private record Padded(Tensor ids, Tensor mask, boolean left, int length) {
    static Padded of(List<List<Long>> rows, boolean left) {
      int length = rows.stream().mapToInt(List::size).max().orElseThrow();
      long[] ids = new long[rows.size() * length];
      long[] mask = new long[ids.length];
      for (int row = 0; row < rows.size(); row++) {
        int start = row * length + (left ? length - rows.get(row).size() : 0);
        for (int i = 0; i < rows.get(row).size(); i++) {
          ids[start + i] = rows.get(row).get(i);
          mask[start + i] = 1;
        }
      }
      return new Padded(
          HostArrays.longs(ids, rows.size(), length),
          HostArrays.longs(mask, rows.size(), length),
          left,
          length);
    }

    int last(List<List<Long>> rows, int row) {
      return (left ? length : rows.get(row).size()) - 1;
    }
  }

  @TestFactory
  Stream<DynamicTest> configOfTransformers4AndRewrittenConfigReadTheSame(@TempDir Path temporary)
      throws IOException {
    return forEveryModelWith(
        "",
        (golden, model) -> {
          Path rewritten = temporary.resolve(golden.name() + ".json");
          Files.writeString(rewritten, model.config().toJson());
          assertThat(ModelConfig.read(rewritten)).isEqualTo(model.config());
          Path legacy = golden.directory().resolve("config.legacy.json");
          if (Files.exists(legacy)) {
            assertThat(ModelConfig.read(legacy)).isEqualTo(model.config());
          }
        });
  }

  @TestFactory
  Stream<DynamicTest> savingAndLoadingGivesEqualTensorsUnderTheSameNames(@TempDir Path temporary)
      throws IOException {
    return forEveryModelWith(
        "",
        (golden, model) -> {
          ModelDirectory source = ModelDirectory.open(golden.directory());
          SafetensorsDtype dtype =
              SafetensorsDtype.valueOf(
                  Map.of("float32", "F32", "bfloat16", "BF16", "float16", "F16")
                      .get(source.config().dtype()));
          for (long shardBytes : new long[] {Long.MAX_VALUE, 200_000}) {
            Path saved = temporary.resolve(golden.name() + "-" + shardBytes);
            ModelDirectory.save(
                saved,
                model,
                source.generationConfig(),
                new SaveOptions(dtype, shardBytes),
                directory -> {});
            ModelDirectory reopened = ModelDirectory.open(saved);
            assertThat(reopened.config()).isEqualTo(source.config());
            assertThat(reopened.generationConfig().eosTokenIds())
                .isEqualTo(source.generationConfig().eosTokenIds());
            try (SafetensorsDirectory before = SafetensorsDirectory.open(golden.directory());
                SafetensorsDirectory after = SafetensorsDirectory.open(saved)) {
              assertThat(after.entries().keySet())
                  .containsExactlyInAnyOrderElementsOf(before.entries().keySet());
            }
            try (CausalLm reloaded = reopened.load(Device.CPU)) {
              model
                  .parameters()
                  .forEach(
                      (name, tensor) ->
                          assertThat(torch.equal(tensor, reloaded.parameters().get(name)))
                              .as(name)
                              .isTrue());
            }
            Path single = golden.directory().resolve("model.safetensors");
            if (Files.exists(single) && shardBytes == Long.MAX_VALUE) {
              assertThat(saved.resolve("model.safetensors")).hasSameBinaryContentAs(single);
            }
          }
        });
  }

  private static AdamWOptions options(JsonNode recorded) {
    return new AdamWOptions(
        recorded.get("betas").get(0).doubleValue(),
        recorded.get("betas").get(1).doubleValue(),
        recorded.get("eps").doubleValue(),
        recorded.get("weight_decay").doubleValue(),
        recorded.get("max_grad_norm").doubleValue());
  }

  /** The parameter of a key such as adamw.step1.model.norm.weight. */
  private static String parameterName(String key) {
    return key.replaceFirst("^adamw\\.step\\d+\\.", "");
  }

  private static Tensor loss(Case golden, CausalLm model) {
    Tensor ids = golden.tensor("right.input_ids");
    Tensor mask = golden.tensor("right.attention_mask");
    Tensor targets = targetMask(mask).to(ScalarType.Float);
    Tensor logprobs = logprobs(model.logits(model.hidden(ids, mask)), ids);
    return logprobs.mul(targets).sum().neg().div(targets.sum());
  }

  private static void checkLoss(String where, Tensor loss, double expected) {
    LARGEST.check("loss", where, Math.abs(loss.item_double() / expected - 1), LOSS_LIMIT);
  }

  /** [B, T-1]: entry t is the log-probability of token t+1. */
  private static Tensor logprobs(Tensor logits, Tensor ids) {
    long length = ids.size(1);
    return torch
        .log_softmax(logits.narrow(1, 0, length - 1), -1, new ScalarTypeOptional())
        .gather(2, ids.narrow(1, 1, length - 1).unsqueeze(2))
        .squeeze(2);
  }

  /** [B, T-1]: 1 where both a token and its successor are attended. */
  private static Tensor targetMask(Tensor mask) {
    long length = mask.size(1);
    return mask.narrow(1, 0, length - 1).mul(mask.narrow(1, 1, length - 1));
  }

  private static boolean[] ones(Tensor mask) {
    long[] values = HostArrays.toLongs(mask);
    boolean[] ones = new boolean[values.length];
    for (int i = 0; i < values.length; i++) {
      ones[i] = values[i] == 1;
    }
    return ones;
  }
}
