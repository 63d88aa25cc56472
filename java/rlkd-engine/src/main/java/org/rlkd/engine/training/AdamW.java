package org.rlkd.engine.training;

import static org.bytedeco.pytorch.global.torch.empty;
import static org.bytedeco.pytorch.global.torch.zeros;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.bindings.rlkd_adamw_options;
import org.rlkd.bindings.rlkd_tensor;
import org.rlkd.core.InputException;
import org.rlkd.engine.safetensors.SafetensorsFile;
import org.rlkd.engine.safetensors.SafetensorsWriter;
import org.rlkd.engine.tensor.TensorView;

/**
 * AdamW (Loshchilov and Hutter) over the parameters of a model, in place, with clipping by global
 * norm and a guard: a step whose gradients are not all finite changes nothing.
 *
 * <p>The gradients and both moments are one flat float32 buffer each; a parameter's {@code grad} is
 * a view of the first from construction to {@link #close}, so a backward pass adds to it. One owner
 * thread, that of the model.
 */
public final class AdamW implements AutoCloseable {
  /** transformers 5: {@code forbidden_name_patterns}, on the lower-case parameter name. */
  private static final Pattern NO_DECAY =
      Pattern.compile("bias|layernorm|rmsnorm|(?:^|\\.)norm(?:$|\\.)|_norm(?:$|\\.)");

  private static final String FIRST_MOMENT = "exp_avg.";
  private static final String SECOND_MOMENT = "exp_avg_sq.";

  private final AdamWOptions options;
  private final Map<String, Tensor> parameters;
  private final double[] weightDecay;
  private final Map<String, Tensor> state = new LinkedHashMap<>();
  private final List<Pointer> owned = new ArrayList<>();
  private final Tensor gradBuffer;
  private final Tensor norm;
  private final Tensor normWorkspace;
  private final rlkd_tensor parameterViews;
  private final rlkd_tensor gradViews;
  private final rlkd_tensor gradBufferView;
  private final rlkd_tensor firstMomentViews;
  private final rlkd_tensor secondMomentViews;
  private final rlkd_tensor normView;
  private long updates;

  /** Weight decay as transformers' Trainer applies it: not on biases and norms. */
  public AdamW(Map<String, Tensor> parameters, AdamWOptions options) {
    this(parameters, options, AdamW::decaysInTransformers);
  }

  /**
   * Takes the gradients of the parameters over.
   *
   * @param parameters compact float32 leaves by name; they must outlive this object
   * @param decays whether weight decay acts on the parameter of a name
   */
  public AdamW(Map<String, Tensor> parameters, AdamWOptions options, Predicate<String> decays) {
    this.options = options;
    this.parameters = parameters;
    this.weightDecay =
        parameters.keySet().stream()
            .mapToDouble(name -> decays.test(name) ? options.weightDecay() : 0)
            .toArray();
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      List<Tensor> values = List.copyOf(parameters.values());
      long total = values.stream().mapToLong(Tensor::numel).sum();
      this.gradBuffer = own(zeros(total));
      List<Tensor> grads = slices(gradBuffer, values);
      List<Tensor> firstMoments = slices(own(zeros(total)), values);
      List<Tensor> secondMoments = slices(own(zeros(total)), values);
      int i = 0;
      for (String name : parameters.keySet()) {
        values.get(i).set_requires_grad(true);
        values.get(i).mutable_grad().put(grads.get(i));
        state.put(FIRST_MOMENT + name, firstMoments.get(i));
        state.put(SECOND_MOMENT + name, secondMoments.get(i));
        i++;
      }
      this.norm = own(empty(1));
      SizeTPointer bytes = new SizeTPointer(1);
      NativeLibrary.check(rlkd.rlkd_grad_norm_workspace_size(null, total, 1, bytes));
      this.normWorkspace =
          own(empty(new long[] {bytes.get()}, new TensorOptions(ScalarType.Byte), null));
      this.parameterViews = own(TensorView.arrayOf(values));
      this.gradViews = own(TensorView.arrayOf(grads));
      this.gradBufferView = own(TensorView.of(gradBuffer));
      this.firstMomentViews = own(TensorView.arrayOf(firstMoments));
      this.secondMomentViews = own(TensorView.arrayOf(secondMoments));
      this.normView = own(TensorView.of(norm));
    }
  }

  /** Whether transformers' Trainer decays a parameter ({@code get_decay_parameter_names}). */
  public static boolean decaysInTransformers(String name) {
    return !NO_DECAY.matcher(name.toLowerCase(Locale.ROOT)).find();
  }

  /** Sets all gradients to 0. */
  public void zeroGrad() {
    gradBuffer.zero_();
  }

  /**
   * One update from the gradients, which stay as they are.
   *
   * @param learningRate of this update
   */
  public Update step(double learningRate) {
    try (PointerScope scope = new PointerScope()) {
      measureNorm();
      rlkd_adamw_options step =
          new rlkd_adamw_options()
              .learning_rate(learningRate)
              .beta1(options.beta1())
              .beta2(options.beta2())
              .epsilon(options.epsilon())
              .max_grad_norm(options.maxGradNorm())
              .step(updates + 1);
      int[] skipped = new int[1];
      NativeLibrary.check(
          rlkd.rlkd_adamw(
              null,
              parameterViews,
              null,
              gradViews,
              firstMomentViews,
              secondMomentViews,
              weightDecay,
              weightDecay.length,
              step,
              normView,
              skipped));
      if (skipped[0] == 0) {
        updates++;
      }
      return new Update(norm.item_float(), skipped[0] == 0);
    }
  }

  /** Leaves the parameters alone; for a step whose loss is not finite. */
  public Update skip() {
    measureNorm();
    return new Update(norm.item_float(), false);
  }

  /** Puts the global norm of the gradients into {@link #norm}. */
  private void measureNorm() {
    NativeLibrary.check(
        rlkd.rlkd_grad_norm(
            null, gradBufferView, 1, normView, normWorkspace.data_ptr(), normWorkspace.numel()));
  }

  /** Updates applied so far. */
  public long updates() {
    return updates;
  }

  /**
   * The moments by name, {@code exp_avg.PARAMETER} and {@code exp_avg_sq.PARAMETER}, each of its
   * parameter's shape. They are this object's own tensors.
   */
  public Map<String, Tensor> state() {
    return Collections.unmodifiableMap(state);
  }

  /** Writes the moments; the weights are not among them. */
  public void save(Path file) {
    SafetensorsWriter.write(file, state, null);
  }

  /**
   * Continues from saved moments.
   *
   * @param file written by {@link #save}
   * @param updates updates applied when it was written
   * @throws InputException if a tensor is missing or of another shape
   */
  public void restore(Path file, long updates) {
    try (SafetensorsFile saved = SafetensorsFile.open(file)) {
      state.forEach(saved::copyTo);
    }
    this.updates = updates;
  }

  /** Takes the gradients from the parameters and frees the optimizer's memory. */
  @Override
  public void close() {
    parameters.values().forEach(parameter -> parameter.mutable_grad().reset());
    owned.forEach(Pointer::releaseReference);
  }

  private <P extends Pointer> P own(P pointer) {
    pointer.retainReference();
    owned.add(pointer);
    return pointer;
  }

  private List<Tensor> slices(Tensor buffer, List<Tensor> parameters) {
    List<Tensor> slices = new ArrayList<>();
    long offset = 0;
    for (Tensor parameter : parameters) {
      slices.add(own(buffer.narrow(0, offset, parameter.numel()).view_as(parameter)));
      offset += parameter.numel();
    }
    return slices;
  }
}
