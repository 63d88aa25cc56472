package org.rlkd.engine.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.rlkd.engine.tensor.TensorScope;

/**
 * The embeddings of a batch's tokens as a leaf of autograd's graph, so that their gradient goes to
 * the rows of the embedding's gradient that it is for. Autograd's own way makes a tensor of the
 * size of the vocabulary and adds that: 113 MB for SmolLM2-135M, in every part of a batch.
 */
final class EmbeddedTokens {
  private final Tensor weight;
  private final Tensor ids;
  private final Tensor states;

  /**
   * @param weight [V, H]; if it requires gradients, so do the states
   * @param ids [1, N] int64 in [0, V)
   */
  EmbeddedTokens(Tensor weight, Tensor ids) {
    this.weight = weight;
    this.ids = ids.flatten();
    this.states = TensorScope.result(() -> torch.embedding(weight, ids).detach());
    states.set_requires_grad(trained());
  }

  /** Whether the embedding is trained. */
  boolean trained() {
    return weight.requires_grad();
  }

  /** [1, N, H]. */
  Tensor states() {
    return states;
  }

  /**
   * Adds to the embedding's gradient. The sum's order is that of the tokens, so it has the same
   * bits at every run.
   *
   * @param gradient by the states, [1, N, H]
   */
  void addGradient(Tensor gradient) {
    Tensor rows = gradient.flatten(0, 1);
    Tensor sum = weight.mutable_grad();
    if (weight.is_cuda() || !sum.defined()) {
      // index_add_ of CUDA adds in any order.
      Tensor dense = torch.embedding_dense_backward(rows, ids, weight.size(0), -1, false);
      if (sum.defined()) {
        sum.add_(dense);
      } else {
        sum.put(dense);
      }
    } else {
      sum.index_add_(0, ids, rows.to(sum.scalar_type()));
    }
  }
}
