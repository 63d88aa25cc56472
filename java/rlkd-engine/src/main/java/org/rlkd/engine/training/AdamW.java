package org.rlkd.engine.training;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.bindings.rlkd_adamw_options;
import org.rlkd.bindings.rlkd_tensor;
import org.rlkd.core.InputException;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.safetensors.SafetensorsFile;
import org.rlkd.engine.safetensors.SafetensorsWriter;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.tensor.TensorView;

/**
 * AdamW (Loshchilov and Hutter) over the parameters of a model, in place, with clipping by global
 * norm and a guard: a step whose gradients or loss are not all finite changes nothing.
 *
 * <p>The gradients and both moments are one flat float32 buffer each; a parameter's {@code grad} is
 * a view of the first from construction to {@link #close}, so a backward pass adds to it. Weights
 * of fewer bits than float32 have float32 master weights here, which are what is updated; the
 * weights are rounded from them. One owner thread, that of the model.
 */
public final class AdamW implements AutoCloseable {
  /** transformers 5: {@code forbidden_name_patterns}, on the lower-case parameter name. */
  private static final Pattern NO_DECAY =
      Pattern.compile("bias|layernorm|rmsnorm|(?:^|\\.)norm(?:$|\\.)|_norm(?:$|\\.)");

  private static final String FIRST_MOMENT = "exp_avg.";
  private static final String SECOND_MOMENT = "exp_avg_sq.";
  private static final String MASTER = "master.";

  private final AdamWOptions options;
  private final Device device;
  private final Map<String, Tensor> parameters;
  private final List<Tensor> masters;
  private final DoublePointer weightDecay;
  private final Map<String, Tensor> state = new LinkedHashMap<>();
  private final List<Pointer> owned = new ArrayList<>();
  private final Tensor gradBuffer;
  private final Tensor norm;
  private final Tensor normWorkspace;
  private final Tensor skipped;
  private final rlkd_tensor parameterViews;
  private final rlkd_tensor masterViews;
  private final rlkd_tensor gradViews;
  private final rlkd_tensor gradBufferView;
  private final rlkd_tensor firstMomentViews;
  private final rlkd_tensor secondMomentViews;
  private final rlkd_tensor normView;
  private long updates;
  private boolean begun;

  /** Weight decay as transformers' Trainer applies it: not on biases and norms. */
  public AdamW(CausalLm model, AdamWOptions options) {
    this(model, options, AdamW::decaysInTransformers);
  }

  /**
   * Takes the gradients of the parameters over.
   *
   * @param model whose trainable parameters are trained; it must outlive this object
   * @param decays whether weight decay acts on the parameter of a name
   */
  public AdamW(CausalLm model, AdamWOptions options, Predicate<String> decays) {
    this.options = options;
    this.device = model.device();
    this.parameters = model.trainableParameters();
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      List<Tensor> values = List.copyOf(parameters.values());
      long total = values.stream().mapToLong(Tensor::numel).sum();
      this.gradBuffer = own(device.zeros(ScalarType.Float, total));
      List<Tensor> grads = slices(gradBuffer, values);
      List<Tensor> firstMoments = slices(own(device.zeros(ScalarType.Float, total)), values);
      List<Tensor> secondMoments = slices(own(device.zeros(ScalarType.Float, total)), values);
      boolean float32 = device.weightType() == ScalarType.Float;
      this.masters =
          float32 ? List.of() : slices(own(device.empty(ScalarType.Float, total)), values);
      int i = 0;
      for (String name : parameters.keySet()) {
        values.get(i).set_requires_grad(true);
        values.get(i).mutable_grad().put(grads.get(i));
        state.put(FIRST_MOMENT + name, firstMoments.get(i));
        state.put(SECOND_MOMENT + name, secondMoments.get(i));
        if (!float32) {
          masters.get(i).copy_(values.get(i));
          state.put(MASTER + name, masters.get(i));
        }
        i++;
      }
      this.norm = own(device.zeros(ScalarType.Float, 1));
      this.skipped = own(device.zeros(ScalarType.Int, 1));
      SizeTPointer bytes = new SizeTPointer(1);
      NativeLibrary.check(rlkd.rlkd_grad_norm_workspace_size(device.context(), total, 1, bytes));
      this.normWorkspace = own(device.empty(ScalarType.Byte, bytes.get()));
      this.parameterViews = own(TensorView.arrayOf(values));
      this.masterViews = float32 ? null : own(TensorView.arrayOf(masters));
      this.gradViews = own(TensorView.arrayOf(grads));
      this.gradBufferView = own(TensorView.of(gradBuffer));
      this.firstMomentViews = own(TensorView.arrayOf(firstMoments));
      this.secondMomentViews = own(TensorView.arrayOf(secondMoments));
      this.normView = own(TensorView.of(norm));
      this.weightDecay =
          own(
              new DoublePointer(
                  parameters.keySet().stream()
                      .mapToDouble(name -> decays.test(name) ? options.weightDecay() : 0)
                      .toArray()));
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
   * One update from the gradients, which stay as they are. Waits for the device.
   *
   * @param learningRate of this update
   */
  public Update step(double learningRate) {
    begin(learningRate, null);
    return end();
  }

  /**
   * Starts an update from the gradients, which stay as they are; {@link #end} must follow. Nothing
   * here waits for the device.
   *
   * @param learningRate of this update
   * @param loss [1] float64 on the model's device: if it is not finite the update changes nothing;
   *     null = no such condition
   */
  public void begin(double learningRate, Tensor loss) {
    if (begun) {
      throw new IllegalStateException("the last update has not been ended");
    }
    begun = true;
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      NativeLibrary.check(
          rlkd.rlkd_grad_norm(
              device.context(),
              gradBufferView,
              1,
              normView,
              normWorkspace.data_ptr(),
              normWorkspace.numel()));
      rlkd_adamw_options step =
          new rlkd_adamw_options()
              .learning_rate(learningRate)
              .beta1(options.beta1())
              .beta2(options.beta2())
              .epsilon(options.epsilon())
              .max_grad_norm(options.maxGradNorm())
              .step(updates + 1);
      NativeLibrary.check(
          rlkd.rlkd_adamw(
              device.context(),
              parameterViews,
              masterViews,
              gradViews,
              firstMomentViews,
              secondMomentViews,
              weightDecay,
              parameters.size(),
              step,
              loss == null ? normView : TensorView.of(normIfFinite(loss)),
              new IntPointer(skipped.data_ptr())));
    }
  }

  /** The norm, or NaN if the loss is not finite: 0 x loss is 0 for every finite loss. */
  private Tensor normIfFinite(Tensor loss) {
    return norm.add(loss.mul(new Scalar(0.0)).to(ScalarType.Float));
  }

  /** What became of the update that {@link #begin} started; waits for the device. */
  public Update end() {
    begun = false;
    try (PointerScope scope = new PointerScope()) {
      TensorVector figures = new TensorVector();
      figures.push_back(norm.to(ScalarType.Double));
      figures.push_back(skipped.to(ScalarType.Double));
      double[] read = HostArrays.toDoubles(torch.cat(figures));
      boolean applied = read[1] == 0;
      if (applied) {
        updates++;
      }
      return new Update(read[0], applied);
    }
  }

  /** Updates applied so far. */
  public long updates() {
    return updates;
  }

  /**
   * The moments by name, {@code exp_avg.PARAMETER} and {@code exp_avg_sq.PARAMETER}, and master
   * weights, {@code master.PARAMETER}, where there are any; each of its parameter's shape. They are
   * this object's own tensors.
   */
  public Map<String, Tensor> state() {
    return Collections.unmodifiableMap(state);
  }

  /** Writes the state; weights without master weights are not among it. */
  public void save(Path file) {
    SafetensorsWriter.write(file, state, null);
  }

  /**
   * Continues from saved state.
   *
   * @param file written by {@link #save}
   * @param updates updates applied when it was written
   * @throws InputException if a tensor is missing or of another shape
   */
  public void restore(Path file, long updates) {
    try (SafetensorsFile saved = SafetensorsFile.open(file);
        NoGradGuard noGrad = new NoGradGuard()) {
      state.forEach(saved::copyTo);
      Iterator<Tensor> weights = parameters.values().iterator();
      masters.forEach(master -> weights.next().copy_(master));
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
