package org.rlkd.engine.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.core.InputException;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.TensorScope;

/**
 * A decoder-only language model: Qwen2, Qwen3 and Llama as one computation that {@link ModelConfig}
 * parameterises. It lives on one {@link Device}, which says the dtype of its weights; what its
 * methods take and return lies there.
 *
 * <p>The model owns its parameters until {@link #close()}. What its methods return belongs to the
 * caller's {@link PointerScope}. One thread owns a model; nothing here may run on two at once.
 */
public final class CausalLm implements AutoCloseable {
  private final ModelConfig config;
  private final Device device;
  private final Map<String, Tensor> parameters;
  private final List<DecoderLayer> layers;
  private final RmsNorm finalNorm;
  private final RotaryEmbedding rotaryEmbedding;
  private final Map<String, Linear> projections = new LinkedHashMap<>();
  private final AdapterSwitch adapter = new AdapterSwitch();
  private Map<String, Tensor> adapterParameters = Map.of();

  /**
   * A model over the given tensors, which it keeps (not copies) and owns from now on. They require
   * gradients.
   *
   * @param parameters contiguous leaves in the device's memory and of its {@link
   *     Device#weightType}, under the names and shapes of transformers, head left out if tied
   * @throws InputException if one is missing, unknown, or of another shape or dtype
   */
  public CausalLm(ModelConfig config, Map<String, Tensor> parameters, Device device) {
    this.config = config;
    this.device = device;
    this.parameters = Collections.unmodifiableMap(ordered(config, parameters, device));
    this.layers = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      layers.add(layer(ParameterShapes.layer(i)));
    }
    this.finalNorm = norm(ParameterShapes.FINAL_NORM);
    this.rotaryEmbedding = new RotaryEmbedding(config.rope(), config.headDim(), device);
    this.parameters.values().forEach(Tensor::retainReference);
    setTrainable(true);
  }

  /**
   * Random weights on the CPU as transformers initialises them: normal(0, {@code
   * initializer_range}), norms 1, biases 0. The same seed gives the same weights.
   */
  public static CausalLm initialise(ModelConfig config, long seed) {
    return initialise(config, seed, InitialisationScheme.TRANSFORMERS);
  }

  /** Random weights on the CPU: norms 1, biases 0, matrices normal with the scheme's deviation. */
  public static CausalLm initialise(ModelConfig config, long seed, InitialisationScheme scheme) {
    try (PointerScope scope = new PointerScope();
        AutoGradMode noGradients = new AutoGradMode(false)) {
      GeneratorOptional generator = new GeneratorOptional(torch.make_generator_cpu(seed));
      Map<String, Tensor> parameters = new LinkedHashMap<>();
      ParameterShapes.of(config)
          .forEach(
              (name, shape) -> {
                Tensor tensor = torch.empty(shape);
                if (name.endsWith("norm.weight")) {
                  tensor.fill_(new Scalar(1.0));
                } else if (name.endsWith(".bias")) {
                  tensor.zero_();
                } else {
                  tensor.normal_(0.0, scheme.deviation(name, shape, config), generator);
                }
                parameters.put(name, tensor);
              });
      return new CausalLm(config, parameters, Device.CPU);
    }
  }

  /** A copy with its own weights that takes no gradients, for instance a reference policy. */
  public CausalLm frozenCopy() {
    try (PointerScope scope = new PointerScope();
        AutoGradMode noGradients = new AutoGradMode(false)) {
      Map<String, Tensor> copies = new LinkedHashMap<>();
      parameters.forEach((name, tensor) -> copies.put(name, tensor.detach().clone()));
      CausalLm copy = new CausalLm(config, copies, device);
      copy.setTrainable(false);
      return copy;
    }
  }

  public ModelConfig config() {
    return config;
  }

  /** Where the weights are and the computation runs. */
  public Device device() {
    return device;
  }

  /**
   * Parameters by Hugging Face key name, in the model's own order; a tied head is the embedding's
   * entry. The tensors are the model's: change them in place with gradients switched off.
   */
  public Map<String, Tensor> parameters() {
    return parameters;
  }

  /** Number of weights; a tied head counts once. */
  public long parameterCount() {
    return parameters.values().stream().mapToLong(Tensor::numel).sum();
  }

  /** Whether {@link #hidden} records what a backward pass needs. New models do. */
  public void setTrainable(boolean trainable) {
    trainableParameters().values().forEach(parameter -> parameter.set_requires_grad(trainable));
  }

  /**
   * The projections of all layers by module name ({@code model.layers.0.self_attn.q_proj}), in the
   * model's own order: what LoRA can adapt.
   */
  public Map<String, Linear> projections() {
    return Collections.unmodifiableMap(projections);
  }

  /**
   * Puts low-rank updates onto projections and freezes the model's own weights.
   *
   * @param updates by module name; their tensors stay the caller's and must outlive this model's
   *     use
   * @param names the updates' tensors by name: the model's trainable parameters from now on
   */
  public void adapt(Map<String, LowRankUpdate> updates, Map<String, Tensor> names) {
    if (!adapterParameters.isEmpty()) {
      throw new IllegalStateException("the model is adapted already");
    }
    setTrainable(false);
    updates.forEach((name, update) -> projections.get(name).adapt(update));
    adapterParameters = Collections.unmodifiableMap(new LinkedHashMap<>(names));
    setTrainable(true);
  }

  /** Takes the updates off; the model's own weights stay frozen until {@link #setTrainable}. */
  public void removeAdapter() {
    projections.values().forEach(projection -> projection.adapt(null));
    adapterParameters = Map.of();
  }

  /**
   * Runs something on the model without its updates: as the reference policy of a LoRA run, which
   * then needs no second copy.
   */
  public <T> T withoutAdapter(Supplier<T> work) {
    adapter.setOn(false);
    try {
      return work.get();
    } finally {
      adapter.setOn(true);
    }
  }

  /**
   * Runs something with the dropout of the low-rank updates in force. Its random numbers depend on
   * {@code seed} and {@code part} alone, so that a resumed run draws what the whole run drew.
   *
   * @param part number of the batch within the run
   */
  public void train(long seed, long part, Runnable work) {
    if (adapterParameters.isEmpty()) {
      work.run();
      return;
    }
    torch.manual_seed(new SplittableRandom(seed ^ Long.rotateLeft(part, 32)).nextLong());
    adapter.setTraining(true);
    try {
      work.run();
    } finally {
      adapter.setTraining(false);
    }
  }

  /** What a trainer changes: the updates' tensors of an adapted model, else all parameters. */
  public Map<String, Tensor> trainableParameters() {
    return adapterParameters.isEmpty() ? parameters : adapterParameters;
  }

  /** Gradient of a trainable parameter, same shape; null if no backward pass has reached it. */
  public Tensor gradient(String name) {
    Tensor gradient = trainableParameters().get(name).grad();
    return gradient.defined() ? gradient : null;
  }

  /** Sets every gradient to 0 in place, keeping its memory for the next step. */
  public void zeroGradients() {
    for (Tensor parameter : trainableParameters().values()) {
      Tensor gradient = parameter.mutable_grad();
      if (gradient.defined()) {
        gradient.zero_();
      }
    }
  }

  /** The decoder layers, first to last. */
  public List<DecoderLayer> layers() {
    return Collections.unmodifiableList(layers);
  }

  /** The norm after the last layer. */
  public RmsNorm finalNorm() {
    return finalNorm;
  }

  /** The tables that rotate queries and keys. */
  public RotaryEmbedding rotaryEmbedding() {
    return rotaryEmbedding;
  }

  /**
   * Embeddings of tokens.
   *
   * @param inputIds [B, T] int64 in [0, V)
   * @return [B, T, H]
   */
  public Tensor embed(Tensor inputIds) {
    return torch.embedding(parameters.get(ParameterShapes.EMBEDDING), inputIds);
  }

  /**
   * Final hidden states of whole sequences, padded on either side. Positions count the attended
   * tokens, as in transformers' generation. States at padding are finite and meaningless.
   *
   * @param inputIds [B, T] int64 in [0, V)
   * @param attentionMask [B, T] int64, 1 = token, 0 = padding; null = no padding
   * @return [B, T, H] after the final norm; carries gradients if the model is trainable and
   *     autograd is on
   * @throws IllegalArgumentException if shapes differ, or an id in host memory is outside the
   *     vocabulary (looking at others would wait for the device)
   */
  public Tensor hidden(Tensor inputIds, Tensor attentionMask) {
    return TensorScope.result(
        () -> {
          requireTokens(inputIds);
          PaddedBatch batch = PaddedBatch.of(inputIds, attentionMask);
          Rotation rotation =
              batch.positions() == null
                  ? rotaryEmbedding.prefix(inputIds.size(1))
                  : rotaryEmbedding.at(batch.positions(), inputIds.size(1));
          Tensor hidden = embed(inputIds);
          for (DecoderLayer layer : layers) {
            hidden = afterLayer(layer, hidden, rotation, batch.visible());
          }
          return finalNorm.apply(hidden);
        });
  }

  /** Without autograd, at most one layer's temporaries are alive. */
  private static Tensor afterLayer(
      DecoderLayer layer, Tensor hidden, Rotation rotation, Tensor visible) {
    return TensorScope.result(() -> layer.forward(hidden, rotation, visible));
  }

  /**
   * Final hidden states of packed sequences: what {@link #hidden(Tensor, Tensor)} gives for each of
   * them alone, up to rounding.
   *
   * @return [1, N, H] after the final norm; carries gradients if the model is trainable and
   *     autograd is on
   * @throws IllegalArgumentException if an id in host memory is outside the vocabulary
   */
  public Tensor hidden(PackedSequences sequences) {
    return TensorScope.result(() -> hidden(embed(checked(sequences)), sequences));
  }

  private Tensor hidden(Tensor embeddings, PackedSequences sequences) {
    return TensorScope.result(
        () -> {
          Tensor hidden = embeddings;
          for (Function<Tensor, Tensor> layer : layers(sequences)) {
            Tensor input = hidden;
            hidden = TensorScope.result(() -> layer.apply(input));
          }
          return finalNorm.apply(hidden);
        });
  }

  /** The embeddings of all tokens, [V, H]. */
  public Tensor embeddingWeight() {
    return parameters.get(ParameterShapes.EMBEDDING);
  }

  /**
   * The forward pass of a training step.
   *
   * @param places [rows] int64: the tokens of the N whose final hidden states are wanted
   * @param checkpointing whether layers are computed again in the backward pass, and only their
   *     inputs kept until then; the gradients are the same
   * @throws IllegalArgumentException if an id in host memory is outside the vocabulary
   */
  public TrainingPass trainingPass(
      PackedSequences sequences, Tensor places, boolean checkpointing) {
    EmbeddedTokens tokens = new EmbeddedTokens(embeddingWeight(), checked(sequences));
    if (!checkpointing) {
      Tensor hidden = hidden(tokens.states(), sequences);
      return new RecordedPass(tokens, hidden.flatten(0, 1).index_select(0, places));
    }
    return new CheckpointedPass(
        tokens,
        layers(sequences),
        last -> finalNorm.apply(last).flatten(0, 1).index_select(0, places),
        adapter.training());
  }

  /** What each layer does to the hidden states [1, N, H]. */
  private List<Function<Tensor, Tensor>> layers(PackedSequences sequences) {
    long[] positions = sequences.positions();
    Rotation rotation =
        rotaryEmbedding.at(device.longs(positions, 1, positions.length), sequences.longest());
    PackedAttention attention = new PackedAttention(sequences, device);
    return layers.stream()
        .<Function<Tensor, Tensor>>map(
            layer -> hidden -> layer.forward(hidden, rotation, attention))
        .toList();
  }

  private Tensor checked(PackedSequences sequences) {
    requireTokens(sequences.inputIds());
    return sequences.inputIds();
  }

  /** The output head [V, H]; the embedding if tied. */
  public Tensor headWeight() {
    return parameters.get(
        config.tieWordEmbeddings() ? ParameterShapes.EMBEDDING : ParameterShapes.HEAD);
  }

  /** Gradient of the head, which a loss adds to [V, H]; null if the head is frozen. */
  public Tensor headGradient() {
    Tensor gradient = headWeight().grad();
    return headWeight().requires_grad() && gradient.defined() ? gradient : null;
  }

  /**
   * Next-token scores [..., V] of final hidden states [..., H], float32; for a few rows at a time.
   */
  public Tensor logits(Tensor hidden) {
    return torch.linear(hidden, headWeight()).to(ScalarType.Float);
  }

  /** Frees the parameters and the rotary tables. */
  @Override
  public void close() {
    rotaryEmbedding.close();
    parameters.values().forEach(Tensor::releaseReference);
  }

  private void requireTokens(Tensor inputIds) {
    if (inputIds.dim() != 2 || inputIds.scalar_type().intern() != ScalarType.Long) {
      throw new IllegalArgumentException(
          "input ids are "
              + inputIds.scalar_type()
              + " "
              + Arrays.toString(shape(inputIds))
              + ", expected int64 [B, T]");
    }
    if (inputIds.is_cuda()) {
      return;
    }
    long smallest = inputIds.min().item_long();
    long largest = inputIds.max().item_long();
    if (smallest < 0 || largest >= config.vocabSize()) {
      throw new IllegalArgumentException(
          "token id "
              + (smallest < 0 ? smallest : largest)
              + " is outside the vocabulary of "
              + config.vocabSize()
              + "; does the tokenizer belong to this model?");
    }
  }

  private DecoderLayer layer(String prefix) {
    String attention = prefix + "self_attn.";
    String mlp = prefix + "mlp.";
    boolean headNorms = config.family() == ModelFamily.QWEN3;
    return new DecoderLayer(
        norm(prefix + "input_layernorm.weight"),
        new Attention(
            linear(attention + "q_proj"),
            linear(attention + "k_proj"),
            linear(attention + "v_proj"),
            linear(attention + "o_proj"),
            headNorms ? norm(attention + "q_norm.weight") : null,
            headNorms ? norm(attention + "k_norm.weight") : null,
            config.headDim()),
        norm(prefix + "post_attention_layernorm.weight"),
        new Mlp(linear(mlp + "gate_proj"), linear(mlp + "up_proj"), linear(mlp + "down_proj")));
  }

  private Linear linear(String name) {
    Linear linear =
        new Linear(parameters.get(name + ".weight"), parameters.get(name + ".bias"), adapter);
    projections.put(name, linear);
    return linear;
  }

  private RmsNorm norm(String name) {
    return new RmsNorm(parameters.get(name), config.rmsNormEps());
  }

  private static Map<String, Tensor> ordered(
      ModelConfig config, Map<String, Tensor> parameters, Device device) {
    Map<String, Tensor> ordered = new LinkedHashMap<>();
    ParameterShapes.of(config)
        .forEach(
            (name, shape) -> {
              Tensor tensor = parameters.get(name);
              if (tensor == null) {
                throw new InputException(
                    "tensor " + name + " is missing, expected " + Arrays.toString(shape));
              }
              if (!Arrays.equals(shape(tensor), shape)
                  || tensor.scalar_type().intern() != device.weightType()) {
                throw new InputException(
                    "tensor "
                        + name
                        + " is "
                        + tensor.scalar_type()
                        + " "
                        + Arrays.toString(shape(tensor))
                        + ", expected "
                        + device.weightType()
                        + " "
                        + Arrays.toString(shape));
              }
              ordered.put(name, tensor);
            });
    for (String name : parameters.keySet()) {
      if (!ordered.containsKey(name)) {
        throw new InputException(
            "tensor " + name + " has no place in a " + config.family().architecture());
      }
    }
    return ordered;
  }

  private static long[] shape(Tensor tensor) {
    long[] shape = new long[Math.toIntExact(tensor.dim())];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = tensor.size(i);
    }
    return shape;
  }
}
