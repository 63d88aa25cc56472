package org.rlkd.engine.model;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.rlkd.engine.tensor.TensorScope;

/**
 * A pass that keeps the input of each layer alone (Chen et al., "Training Deep Nets with Sublinear
 * Memory Cost", arXiv 1604.06174; TRL's {@code gradient_checkpointing}): the backward pass computes
 * a layer again, with autograd, when its turn comes.
 *
 * <pre>
 * memory   layers x [1, N, H]  +  what autograd keeps of one layer
 * work     one more forward pass over the layers
 * </pre>
 *
 * <p>Gradients are bit for bit those of a {@link RecordedPass}: the same operations run on the same
 * numbers. Dropout draws the same random numbers again, as the state of LibTorch's generator is
 * kept with each layer's input; after the backward pass it is as after the forward pass.
 */
final class CheckpointedPass implements TrainingPass {
  private final List<Function<Tensor, Tensor>> layers;
  private final List<Tensor> inputs = new ArrayList<>();
  private final List<Tensor> randomStates = new ArrayList<>();
  private final Generator random;
  private final EmbeddedTokens tokens;
  private final Tensor last;
  private final Tensor rows;

  /**
   * Runs the forward pass.
   *
   * @param tokens where the graph begins
   * @param layers what each does to [1, N, H]
   * @param tail the rest, to [rows, H]
   * @param dropout whether layers draw random numbers
   */
  CheckpointedPass(
      EmbeddedTokens tokens,
      List<Function<Tensor, Tensor>> layers,
      Function<Tensor, Tensor> tail,
      boolean dropout) {
    this.layers = layers;
    this.tokens = tokens;
    this.random = dropout ? torch.getDefaultCPUGenerator() : null;
    Tensor hidden = tokens.states().detach();
    try (AutoGradMode noGradients = new AutoGradMode(false)) {
      for (Function<Tensor, Tensor> layer : layers) {
        if (dropout) {
          randomStates.add(random.get_state());
        }
        inputs.add(hidden);
        Tensor input = hidden;
        hidden = TensorScope.result(() -> layer.apply(input));
      }
    }
    this.last = hidden.detach();
    last.set_requires_grad(true);
    this.rows = TensorScope.result(() -> tail.apply(last));
  }

  @Override
  public Tensor hiddenRows() {
    return rows.detach();
  }

  @Override
  public void backward(Tensor gradient) {
    Tensor afterForward = random == null ? null : random.get_state();
    Autograd.backward(rows, gradient);
    Tensor arriving = gradientOf(last);
    for (int i = layers.size() - 1; i >= 0; i--) {
      arriving = throughLayer(i, arriving, i > 0 || tokens.trained());
    }
    if (tokens.trained()) {
      tokens.addGradient(arriving);
    }
    if (random != null) {
      random.set_state(afterForward);
    }
  }

  /**
   * The gradient by the layer's input from that by its output, which is freed with the input.
   *
   * @param wanted whether anything before the layer is trained; null is returned if not
   */
  private Tensor throughLayer(int layer, Tensor arriving, boolean wanted) {
    Tensor leaving = null;
    try (PointerScope scope = new PointerScope()) {
      Tensor input = inputs.get(layer).detach();
      input.set_requires_grad(wanted);
      Autograd.backward(again(layer, input), arriving);
      if (wanted) {
        leaving = gradientOf(input).retainReference();
      }
    }
    arriving.close();
    inputs.get(layer).close();
    if (leaving != null) {
      PointerScope.getInnerScope().attach(leaving);
      leaving.releaseReference();
    }
    return leaving;
  }

  /** What grad() returns lives as long as the leaf; this lives on. */
  private static Tensor gradientOf(Tensor leaf) {
    return leaf.grad().detach();
  }

  private Tensor again(int layer, Tensor input) {
    if (random != null) {
      random.set_state(randomStates.get(layer));
    }
    return layers.get(layer).apply(input);
  }
}
