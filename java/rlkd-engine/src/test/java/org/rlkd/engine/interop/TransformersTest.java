package org.rlkd.engine.interop;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.opentest4j.TestAbortedException;
import org.rlkd.core.config.LoraConfig;
import org.rlkd.engine.lora.LoraAdapter;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.GenerationConfig;
import org.rlkd.engine.model.LargestDifference;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.model.ModelFamily;
import org.rlkd.engine.model.RopeParameters;
import org.rlkd.engine.model.SaveOptions;
import org.rlkd.engine.safetensors.SafetensorsDtype;
import org.rlkd.engine.tensor.HostArrays;

/**
 * What rlkd saves, transformers and PEFT load: every tensor finds its place and the logits are
 * equal. Needs a Python with torch, transformers and peft.
 */
class TransformersTest {
  /** Two orders of summing in float32, logits of size 10: 1e-5 relative. */
  private static final double LOGIT_LIMIT = 1e-4;

  private static final long[][] IDS = {{1, 5, 9, 2, 33, 40, 7, 8}, {4, 3, 30, 0, 0, 0, 0, 0}};
  private static final long[][] MASK = {{1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 0, 0, 0, 0, 0}};
  private static final LargestDifference LARGEST = new LargestDifference();

  private static TestAbortedException skipped;
  private static final Map<String, float[]> OURS = new HashMap<>();

  @TempDir static Path folder;

  /**
   * A checkpoint.
   *
   * @param loraOrNull of an adapter saved beside the model
   */
  private record Checkpoint(
      String name, ModelConfig config, SaveOptions options, LoraConfig loraOrNull) {
    Path model() {
      return folder.resolve(name);
    }

    @Override
    public String toString() {
      return name;
    }

    Path adapterOrNull() {
      return loraOrNull == null ? null : folder.resolve(name + "-adapter");
    }
  }

  @AfterAll
  static void report() {
    System.out.println("logits of transformers and PEFT, largest differences:" + LARGEST);
  }

  private static List<Checkpoint> checkpoints() {
    SaveOptions bfloat16 = new SaveOptions(SafetensorsDtype.BF16, Long.MAX_VALUE);
    SaveOptions shards = new SaveOptions(SafetensorsDtype.F32, 20_000);
    RopeParameters llama3 = new RopeParameters(500_000, new RopeParameters.Llama3(8, 1, 4, 64));
    LoraConfig some = new LoraConfig(4, 8, 0.1, false, List.of("q_proj", "down_proj"));
    LoraConfig all = new LoraConfig(3, 5, 0, true, List.of(LoraConfig.ALL_LINEAR));
    ModelConfig qwen2 = config(ModelFamily.QWEN2, true, true, false, plainRope());
    ModelConfig llama = config(ModelFamily.LLAMA, true, false, false, plainRope());
    return List.of(
        new Checkpoint("qwen2-tied", qwen2, SaveOptions.FLOAT32, null),
        new Checkpoint("qwen2-bfloat16", qwen2, bfloat16, null),
        new Checkpoint(
            "qwen3-untied-shards",
            config(ModelFamily.QWEN3, false, false, false, plainRope()),
            shards,
            null),
        new Checkpoint(
            "llama3-rope-untied",
            config(ModelFamily.LLAMA, false, false, false, llama3),
            SaveOptions.FLOAT32,
            null),
        new Checkpoint(
            "llama-with-every-bias",
            config(ModelFamily.LLAMA, true, true, true, plainRope()),
            SaveOptions.FLOAT32,
            null),
        new Checkpoint("qwen2-lora-of-two-modules", qwen2, SaveOptions.FLOAT32, some),
        new Checkpoint("llama-rslora-of-all-linear", llama, SaveOptions.FLOAT32, all));
  }

  private static RopeParameters plainRope() {
    return new RopeParameters(10_000, null);
  }

  private static ModelConfig config(
      ModelFamily family, boolean tied, boolean qkvBias, boolean otherBias, RopeParameters rope) {
    return new ModelConfig(
        family,
        50,
        32,
        48,
        2,
        4,
        2,
        8,
        1e-6,
        rope,
        qkvBias,
        otherBias,
        otherBias,
        tied,
        512,
        0.1,
        1,
        List.of(2),
        0,
        "float32");
  }

  /** One Python process for all of them: it takes seconds to start. */
  @BeforeAll
  static void saveAndRunPython() throws Exception {
    Python python;
    try {
      python = Python.with(folder, "torch", "transformers", "peft");
    } catch (TestAbortedException e) { // here Surefire would not count it
      skipped = e;
      return;
    }
    ArrayNode cases = new ObjectMapper().createArrayNode();
    for (Checkpoint checkpoint : checkpoints()) {
      OURS.put(checkpoint.name, save(checkpoint));
      ObjectNode request = cases.addObject();
      request.put("model", checkpoint.model().toString());
      request.put(
          "adapter", checkpoint.loraOrNull == null ? null : checkpoint.adapterOrNull().toString());
      request.putPOJO("input_ids", IDS);
      request.putPOJO("attention_mask", MASK);
      request.put("out", logits(checkpoint).toString());
    }
    Path request = Files.writeString(folder.resolve("cases.json"), cases.toString());
    python.script("logits.py", request.toString());
  }

  @ParameterizedTest
  @MethodSource("checkpoints")
  void transformers_and_peft_compute_the_logits_of_what_is_saved(Checkpoint checkpoint)
      throws IOException {
    if (skipped != null) {
      throw skipped;
    }
    LARGEST.checkEach(
        "logits",
        checkpoint.name,
        OURS.get(checkpoint.name),
        floats(logits(checkpoint)),
        tokens(),
        LOGIT_LIMIT);
  }

  private static Path logits(Checkpoint checkpoint) {
    return folder.resolve(checkpoint.name + ".logits");
  }

  /** Saves a model of random weights, its norms and biases too; our logits of what was saved. */
  private static float[] save(Checkpoint checkpoint) throws IOException {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGradients = new NoGradGuard()) {
      torch.manual_seed(checkpoint.name.hashCode());
      try (CausalLm model = CausalLm.initialise(checkpoint.config, 1)) {
        randomise(model.parameters());
        ModelDirectory.save(
            checkpoint.model(),
            model,
            GenerationConfig.of(checkpoint.config),
            checkpoint.options,
            directory -> {});
        if (checkpoint.loraOrNull != null) {
          try (LoraAdapter adapter = LoraAdapter.initialise(model, checkpoint.loraOrNull, 7)) {
            randomise(adapter.parameters());
            Files.createDirectories(checkpoint.adapterOrNull());
            adapter.write(checkpoint.adapterOrNull(), checkpoint.model().toString());
          }
        }
      }
      try (CausalLm model = ModelDirectory.load(checkpoint.model())) {
        if (checkpoint.loraOrNull == null) {
          return logits(model);
        }
        try (LoraAdapter adapter = LoraAdapter.load(checkpoint.adapterOrNull(), model)) {
          adapter.attachTo(model);
          return logits(model);
        }
      }
    }
  }

  private static void randomise(Map<String, Tensor> parameters) {
    parameters.values().forEach(tensor -> tensor.normal_(0, 0.3, null));
  }

  private static float[] logits(CausalLm model) {
    long[] shape = {IDS.length, IDS[0].length};
    return HostArrays.toFloats(
        model.logits(
            model.hidden(HostArrays.longs(flat(IDS), shape), HostArrays.longs(flat(MASK), shape))));
  }

  private static long[] flat(long[][] rows) {
    return Stream.of(rows).flatMapToLong(Arrays::stream).toArray();
  }

  private static boolean[] tokens() {
    long[] mask = flat(MASK);
    boolean[] tokens = new boolean[mask.length];
    for (int i = 0; i < mask.length; i++) {
      tokens[i] = mask[i] == 1;
    }
    return tokens;
  }

  private static float[] floats(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[bytes.remaining() / Float.BYTES];
    bytes.asFloatBuffer().get(values);
    return values;
  }
}
