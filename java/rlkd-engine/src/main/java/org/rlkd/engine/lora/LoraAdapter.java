package org.rlkd.engine.lora;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.LoraConfig;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.Linear;
import org.rlkd.engine.model.LowRankUpdate;
import org.rlkd.engine.safetensors.SafetensorsDtype;
import org.rlkd.engine.safetensors.SafetensorsEntry;
import org.rlkd.engine.safetensors.SafetensorsFile;
import org.rlkd.engine.safetensors.SafetensorsWriter;
import org.rlkd.engine.storage.AtomicFile;
import org.rlkd.engine.tensor.Device;

/**
 * A LoRA adapter: two small matrices for each adapted projection, in PEFT's directory format
 * (adapter_config.json, adapter_model.safetensors).
 *
 * <p>It owns its tensors until {@link #close()}; a model that it is {@linkplain #attachTo attached
 * to} uses them and must not be used after that. One owner thread, that of the model.
 */
public final class LoraAdapter implements AutoCloseable {
  /** adapter_config.json. */
  public static final String CONFIG_FILE = "adapter_config.json";

  /** adapter_model.safetensors. */
  public static final String WEIGHTS_FILE = "adapter_model.safetensors";

  private static final String PREFIX = "base_model.model.";
  private static final String A = ".lora_A.weight";
  private static final String B = ".lora_B.weight";

  private final LoraConfig config;
  private final Map<String, LowRankUpdate> updates;
  private final Map<String, Tensor> parameters = new LinkedHashMap<>();

  /** Takes the tensors of the updates over, which are by module name. */
  private LoraAdapter(LoraConfig config, Map<String, LowRankUpdate> updates) {
    this.config = config;
    this.updates = updates;
    updates.forEach(
        (module, update) -> {
          parameters.put(PREFIX + module + A, update.a());
          parameters.put(PREFIX + module + B, update.b());
        });
    parameters.values().forEach(Tensor::retainReference);
  }

  /**
   * A new adapter as PEFT initialises it: A uniform in [-1/sqrt(in), 1/sqrt(in)] (kaiming_uniform
   * with a = sqrt(5)), B zero, so that the model is what it was. The same seed gives the same
   * weights.
   *
   * @throws UsageException if no projection of the model is a target, or one of the targets is no
   *     projection
   */
  public static LoraAdapter initialise(CausalLm model, LoraConfig config, long seed) {
    try (PointerScope scope = new PointerScope();
        AutoGradMode noGradients = new AutoGradMode(false)) {
      GeneratorOptional generator = new GeneratorOptional(torch.make_generator_cpu(seed));
      Map<String, LowRankUpdate> updates = new LinkedHashMap<>();
      targeted(model, config)
          .forEach(
              (module, projection) -> {
                double bound = 1 / Math.sqrt(projection.in());
                Tensor a = torch.empty(config.rank(), projection.in());
                a.uniform_(-bound, bound, generator);
                updates.put(
                    module, update(config, a, torch.zeros(projection.out(), config.rank())));
              });
      return new LoraAdapter(config, updates);
    }
  }

  /**
   * Reads a PEFT directory. Weights become float32.
   *
   * @throws InputException if a file is missing or damaged, a tensor is missing, unknown or of
   *     another shape, or the configuration asks for something that is not computed here
   */
  public static LoraAdapter load(Path directory, CausalLm model) {
    LoraConfig config = LoraConfigJson.read(directory.resolve(CONFIG_FILE));
    Path file = directory.resolve(WEIGHTS_FILE);
    try (PointerScope scope = new PointerScope();
        SafetensorsFile weights = SafetensorsFile.open(file)) {
      Map<String, LowRankUpdate> updates = new LinkedHashMap<>();
      Map<String, Linear> targets;
      try {
        targets = targeted(model, config);
      } catch (UsageException e) {
        throw new InputException(directory.resolve(CONFIG_FILE) + ": " + e.getMessage(), e);
      }
      targets.forEach(
          (module, projection) ->
              updates.put(
                  module,
                  update(
                      config,
                      read(weights, PREFIX + module + A, config.rank(), projection.in()),
                      read(weights, PREFIX + module + B, projection.out(), config.rank()))));
      for (String name : weights.entries().keySet()) {
        String module = name.replace(PREFIX, "").replace(A, "").replace(B, "");
        if (!updates.containsKey(module)) {
          throw new InputException(
              file + ", tensor " + name + ": belongs to no target_modules of this model");
        }
      }
      return new LoraAdapter(config, updates);
    }
  }

  /** Whether a directory holds an adapter and no model of its own. */
  public static boolean isAdapter(Path directory) {
    return Files.exists(directory.resolve(CONFIG_FILE))
        && !Files.exists(directory.resolve("config.json"));
  }

  /**
   * The model directory that adapter_config.json names.
   *
   * @throws InputException if it names none, or none that is here
   */
  public static Path baseModel(Path directory) {
    Path file = directory.resolve(CONFIG_FILE);
    String name = LoraConfigJson.baseModel(file);
    if (name == null || !Files.isDirectory(Path.of(name))) {
      throw new InputException(
          file
              + ": base_model_name_or_path is "
              + name
              + ", expected the directory of the model that the adapter was trained on; give it with"
              + " 'rlkd merge --model DIR'");
    }
    return Path.of(name);
  }

  private static Tensor read(SafetensorsFile weights, String name, long rows, long cols) {
    long[] shape = {rows, cols};
    SafetensorsEntry entry = weights.entries().get(name);
    if (entry == null) {
      throw new InputException(
          weights.path() + ": tensor " + name + " is missing, expected " + Arrays.toString(shape));
    }
    long[] found = entry.shape().stream().mapToLong(Long::longValue).toArray();
    if (!Arrays.equals(found, shape)) {
      throw new InputException(
          weights.path()
              + ", tensor "
              + name
              + ": found "
              + entry.shape()
              + ", expected "
              + Arrays.toString(shape)
              + " by adapter_config.json and the model");
    }
    Tensor tensor = torch.empty(shape);
    weights.copyTo(name, tensor);
    return tensor;
  }

  private static LowRankUpdate update(LoraConfig config, Tensor a, Tensor b) {
    return new LowRankUpdate(a, b, config.scale(), config.dropout());
  }

  private static Map<String, Linear> targeted(CausalLm model, LoraConfig config) {
    if (model.device() != Device.CPU) {
      throw new UsageException(
          "device %s: LoRA adapters are computed on the CPU alone. Use --device cpu, or merge the adapter with 'rlkd merge' first."
              .formatted(model.device()));
    }
    Map<String, Linear> targeted = new LinkedHashMap<>();
    model
        .projections()
        .forEach(
            (module, projection) -> {
              if (config.targets(module)) {
                targeted.put(module, projection);
              }
            });
    for (String target : config.targetModules()) {
      boolean used =
          targeted.keySet().stream()
              .anyMatch(new LoraConfig(1, 1, 0, false, java.util.List.of(target))::targets);
      if (!used) {
        throw new UsageException(
            "lora_target_modules: "
                + target
                + " is no projection of this model, expected all-linear or some of q_proj, k_proj,"
                + " v_proj, o_proj, gate_proj, up_proj, down_proj");
      }
    }
    return targeted;
  }

  public LoraConfig config() {
    return config;
  }

  /** The matrices under PEFT's names, in the model's order: what is trained and saved. */
  public Map<String, Tensor> parameters() {
    return Collections.unmodifiableMap(parameters);
  }

  /** Puts the adapter onto the model, whose own weights it freezes. */
  public void attachTo(CausalLm model) {
    model.adapt(updates, parameters);
  }

  /** Adds the updates to the weights of the model, which must not be adapted at the time. */
  public void mergeInto(CausalLm model) {
    try (PointerScope scope = new PointerScope();
        AutoGradMode noGradients = new AutoGradMode(false)) {
      updates.forEach(
          (module, update) -> model.projections().get(module).weight().add_(update.dense()));
    }
  }

  /**
   * Writes adapter_config.json and adapter_model.safetensors into an existing directory; each file
   * is whole or not there.
   *
   * @param baseModel name or path of the model that PEFT should load it onto; null = not said
   */
  public void write(Path directory, String baseModel) {
    SafetensorsWriter.write(directory.resolve(WEIGHTS_FILE), parameters, SafetensorsDtype.F32);
    ByteBuffer bytes =
        ByteBuffer.wrap(LoraConfigJson.write(config, baseModel).getBytes(StandardCharsets.UTF_8));
    AtomicFile.write(
        directory.resolve(CONFIG_FILE),
        channel -> {
          while (bytes.hasRemaining()) {
            channel.write(bytes);
          }
        });
  }

  @Override
  public void close() {
    parameters.values().forEach(Tensor::releaseReference);
  }
}
