package org.rlkd.engine.model;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.core.InputException;
import org.rlkd.engine.safetensors.SafetensorsDirectory;
import org.rlkd.engine.safetensors.SafetensorsDtype;
import org.rlkd.engine.safetensors.SafetensorsEntry;
import org.rlkd.engine.safetensors.SafetensorsWriter;
import org.rlkd.engine.storage.AtomicFile;
import org.rlkd.engine.storage.StagedDirectory;
import org.rlkd.engine.tensor.Device;

/**
 * A model in a Hugging Face directory: config.json, generation_config.json and safetensors weights.
 *
 * @param path the directory
 * @param config config.json
 * @param generationConfig generation_config.json, or what config.json implies where it is missing
 */
public record ModelDirectory(Path path, ModelConfig config, GenerationConfig generationConfig) {
  private static final String CONFIG = "config.json";
  private static final String GENERATION_CONFIG = "generation_config.json";
  private static final Set<SafetensorsDtype> WEIGHTS =
      EnumSet.of(SafetensorsDtype.F32, SafetensorsDtype.BF16, SafetensorsDtype.F16);

  /**
   * Reads the two configurations, not the weights.
   *
   * @throws InputException if the directory or config.json is missing, or something in them is not
   *     supported
   */
  public static ModelDirectory open(Path path) {
    if (!Files.isDirectory(path)) {
      throw new InputException(
          path + " is not a directory; expected a Hugging Face model directory");
    }
    ModelConfig config = ModelConfig.read(path.resolve(CONFIG));
    Path generation = path.resolve(GENERATION_CONFIG);
    return new ModelDirectory(
        path,
        config,
        Files.exists(generation) ? GenerationConfig.read(generation) : GenerationConfig.of(config));
  }

  /** {@link #open} and {@link #load(Device)} in one, on the CPU. */
  public static CausalLm load(Path path) {
    return open(path).load(Device.CPU);
  }

  /**
   * Loads the weights in the dtype of the device. They exist once in memory: stored values are
   * converted tensor by tensor from the mapped file.
   *
   * @return a model the caller closes; it requires gradients
   * @throws InputException if a tensor is missing, unknown, of another shape, or not stored as
   *     float32, bfloat16 or float16
   */
  public CausalLm load(Device device) {
    try (SafetensorsDirectory weights = SafetensorsDirectory.open(path);
        PointerScope scope = new PointerScope()) {
      Map<String, long[]> shapes = ParameterShapes.of(config);
      requireExactly(shapes, weights);
      Map<String, Tensor> parameters = new LinkedHashMap<>();
      shapes.forEach(
          (name, shape) -> {
            Tensor parameter = device.empty(device.weightType(), shape);
            weights.copyTo(name, parameter);
            parameters.put(name, parameter);
          });
      return new CausalLm(config, parameters, device);
    }
  }

  private void requireExactly(Map<String, long[]> shapes, SafetensorsDirectory weights) {
    shapes.forEach(
        (name, shape) -> {
          SafetensorsEntry entry = weights.entries().get(name);
          if (entry == null) {
            throw new InputException(
                path + ": tensor " + name + " is missing, expected " + Arrays.toString(shape));
          }
          long[] found = entry.shape().stream().mapToLong(Long::longValue).toArray();
          if (!Arrays.equals(found, shape) || !WEIGHTS.contains(entry.dtype())) {
            throw new InputException(
                weights.pathOf(name)
                    + ", tensor "
                    + name
                    + ": found "
                    + entry.dtype()
                    + " "
                    + entry.shape()
                    + ", expected F32, BF16 or F16 "
                    + Arrays.toString(shape)
                    + " by config.json");
          }
        });
    for (String name : weights.entries().keySet()) {
      if (!shapes.containsKey(name) && !isRedundant(name)) {
        throw new InputException(
            weights.pathOf(name)
                + ", tensor "
                + name
                + ": has no place in a "
                + config.family().architecture()
                + " with this config.json");
      }
    }
  }

  /** A stored copy of a tied head, and the rotary buffers that old Llama checkpoints hold. */
  private boolean isRedundant(String name) {
    return (config.tieWordEmbeddings() && name.equals(ParameterShapes.HEAD))
        || name.endsWith(".rotary_emb.inv_freq");
  }

  /**
   * Writes a complete directory that appears at once: under a hidden name first, then renamed.
   *
   * @param target must not exist, or be empty
   * @param others write further files, such as the tokenizer's, into the directory they are given
   * @throws InputException if {@code target} is not free or cannot be written; nothing is left then
   */
  public static void save(
      Path target,
      CausalLm model,
      GenerationConfig generationConfig,
      SaveOptions options,
      Consumer<Path> others) {
    try (StagedDirectory staged = StagedDirectory.open(target)) {
      write(staged.path(), model, generationConfig, options);
      others.accept(staged.path());
      staged.commit();
    }
  }

  /**
   * Writes config.json, generation_config.json and the weights into an existing directory that
   * holds no other weights; each file is whole or not there. For callers that stage a larger
   * directory.
   */
  public static void write(
      Path directory, CausalLm model, GenerationConfig generationConfig, SaveOptions options) {
    SafetensorsWriter.writeModel(
        directory, model.parameters(), options.dtype(), options.maxShardBytes());
    writeText(directory.resolve(GENERATION_CONFIG), generationConfig.toJson());
    writeText(directory.resolve(CONFIG), model.config().withDtype(options.dtypeName()).toJson());
  }

  private static void writeText(Path file, String text) {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    AtomicFile.write(
        file,
        channel -> {
          while (bytes.hasRemaining()) {
            channel.write(bytes);
          }
        });
  }
}
