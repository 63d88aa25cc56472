package org.rlkd.engine.training;

import static org.bytedeco.pytorch.global.torch.empty_like;
import static org.bytedeco.pytorch.global.torch.mm;
import static org.bytedeco.pytorch.global.torch.mm_out;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.engine.tensor.Device;

/**
 * Log-probabilities of tokens and their gradients without the [rows, vocab] logits in memory.
 *
 * <p>The head is applied to a tile of rows at a time; the tile's logits live in one buffer of at
 * most the memory budget that is used again for every tile.
 *
 * <pre>
 * forward   logits = H_tile W^T;  logprob, entropy, logsumexp of its rows          one GEMM a tile
 * backward  the tile's logits again; in place dlogits; dH = dlogits W; dW += dlogits^T H_tile
 * </pre>
 *
 * {@link #forwardBackward} does both in one pass with three GEMMs, where the gradient of a tile's
 * rows depends on the log-probabilities of that tile alone.
 *
 * <p>{@code hidden} [rows, hidden] and {@code headWeight} [vocab, hidden] are compact and of the
 * device's {@link Device#weightType}, which the logits have too; what is computed from them is
 * float32. {@code tokens} [rows] int64, {@code temperature} divides the logits. Autograd is not
 * involved: the caller goes on with {@code hidden.backward(dHidden)}. One owner thread; the buffer
 * is freed by {@link #close}.
 */
public final class StreamingLogprob implements AutoCloseable {
  /** Memory for the logits of one tile, bytes. */
  public static final long DEFAULT_BUDGET = 256L << 20;

  private final boolean countsHits;
  private final long budget;
  private final Device device;
  private Tensor buffer;

  /**
   * @param device where the arguments of all methods are
   * @param budget bytes for the logits of one tile; one row is used where even that is larger
   */
  public StreamingLogprob(Device device, long budget) {
    this(device, budget, false);
  }

  /**
   * @param budget bytes for the logits of one tile; one row is used where even that is larger
   * @param countsHits whether {@link Rows#hit} is wanted, which reads the logits once more
   */
  public StreamingLogprob(Device device, long budget, boolean countsHits) {
    this.countsHits = countsHits;
    if (budget <= 0) {
      throw new IllegalArgumentException("memory budget of " + budget + " bytes");
    }
    this.device = device;
    this.budget = budget;
  }

  public StreamingLogprob(Device device) {
    this(device, DEFAULT_BUDGET);
  }

  /**
   * What the head says of each row; all [rows] float32, owned by the caller's PointerScope.
   *
   * @param logprob log softmax(logits / temperature)[token]
   * @param entropy of softmax(logits / temperature), nats
   * @param logsumexp of logits / temperature
   * @param hit 1 where no logit is greater than the token's, else 0; null unless the head counts
   *     them
   */
  public record Rows(Tensor logprob, Tensor entropy, Tensor logsumexp, Tensor hit) {
    private Rows narrow(long from, long length) {
      return new Rows(
          logprob.narrow(0, from, length),
          entropy.narrow(0, from, length),
          logsumexp.narrow(0, from, length),
          hit == null ? null : hit.narrow(0, from, length));
    }
  }

  /**
   * Gradient of the loss by what the head says of some rows.
   *
   * @param dLogprob [rows] float32
   * @param dEntropy [rows] float32, or null: 0
   */
  public record RowGradient(Tensor dLogprob, Tensor dEntropy) {}

  /** The loss of a tile: called once for each tile, in the order of the rows. */
  @FunctionalInterface
  public interface TileLoss {
    /**
     * @param from first row of the tile
     * @param to row after its last
     * @param tile what the head says of rows from..to-1
     */
    RowGradient gradient(long from, long to, Rows tile);
  }

  /** Most rows of a tile for a vocabulary. */
  public long tileRows(long vocab) {
    return Math.max(1, budget / (vocab * torch.elementSize(device.weightType())));
  }

  /** Log-probabilities alone; nothing is kept for a backward pass but the result. */
  public Rows forward(Tensor hidden, Tensor headWeight, Tensor tokens, float temperature) {
    try (NoGradGuard noGrad = new NoGradGuard()) {
      long count = hidden.size(0);
      Rows rows = newRows(count);
      try (PointerScope scope = new PointerScope()) {
        Tensor transposed = headWeight.t();
        long step = tileRows(headWeight.size(0));
        for (long from = 0; from < count; from += step) {
          try (PointerScope tileScope = new PointerScope()) {
            long length = Math.min(step, count - from);
            Tensor logits = logits(hidden.narrow(0, from, length), transposed);
            describe(
                logits, tokens.narrow(0, from, length), temperature, rows.narrow(from, length));
          }
        }
      }
      return rows;
    }
  }

  /**
   * The gradient of a loss, from its gradient by the log-probabilities.
   *
   * @param rows the result of {@link #forward} for the same arguments
   * @param headGrad [vocab, hidden] float32; the head's gradient is added to it; null = not wanted
   * @return [rows, hidden] float32, the gradient by {@code hidden}
   */
  public Tensor backward(
      Tensor hidden,
      Tensor headWeight,
      Tensor tokens,
      float temperature,
      Rows rows,
      RowGradient gradient,
      Tensor headGrad) {
    try (NoGradGuard noGrad = new NoGradGuard()) {
      long count = hidden.size(0);
      Tensor dHidden = empty_like(hidden);
      try (PointerScope scope = new PointerScope()) {
        Tensor transposed = headWeight.t();
        long step = tileRows(headWeight.size(0));
        for (long from = 0; from < count; from += step) {
          try (PointerScope tileScope = new PointerScope()) {
            long length = Math.min(step, count - from);
            Tensor hiddenTile = hidden.narrow(0, from, length);
            Tensor logits = logits(hiddenTile, transposed);
            RowGradient tileGradient =
                new RowGradient(
                    gradient.dLogprob().narrow(0, from, length),
                    gradient.dEntropy() == null
                        ? null
                        : gradient.dEntropy().narrow(0, from, length));
            Logprob.backward(
                device,
                logits,
                tokens.narrow(0, from, length),
                temperature,
                rows.narrow(from, length),
                tileGradient);
            mm_out(dHidden.narrow(0, from, length), logits, headWeight);
            if (headGrad != null) {
              addProduct(headGrad, logits.t(), hiddenTile);
            }
          }
        }
      }
      return dHidden;
    }
  }

  /**
   * Loss and gradient in one pass, tile by tile.
   *
   * @param cuts ends of the tiles: ascending row numbers, the last one the number of rows; no tile
   *     may have more than {@link #tileRows} rows
   * @param loss gives the gradient of each tile's rows
   * @param headGrad [vocab, hidden] float32; the head's gradient is added to it; null = not wanted
   * @return [rows, hidden] float32, the gradient by {@code hidden}
   */
  public Tensor forwardBackward(
      Tensor hidden,
      Tensor headWeight,
      Tensor tokens,
      float temperature,
      long[] cuts,
      TileLoss loss,
      Tensor headGrad) {
    long count = hidden.size(0);
    if (cuts.length == 0 || cuts[cuts.length - 1] != count) {
      throw new IllegalArgumentException("the last tile must end at row " + count);
    }
    try (NoGradGuard noGrad = new NoGradGuard()) {
      Tensor dHidden = empty_like(hidden);
      try (PointerScope scope = new PointerScope()) {
        Tensor transposed = headWeight.t();
        long from = 0;
        for (long to : cuts) {
          try (PointerScope tileScope = new PointerScope()) {
            long length = to - from;
            Tensor hiddenTile = hidden.narrow(0, from, length);
            Tensor tokenTile = tokens.narrow(0, from, length);
            Tensor logits = logits(hiddenTile, transposed);
            Rows tile = newRows(length);
            describe(logits, tokenTile, temperature, tile);
            Logprob.backward(
                device, logits, tokenTile, temperature, tile, loss.gradient(from, to, tile));
            mm_out(dHidden.narrow(0, from, length), logits, headWeight);
            if (headGrad != null) {
              addProduct(headGrad, logits.t(), hiddenTile);
            }
          }
          from = to;
        }
      }
      return dHidden;
    }
  }

  /** Ends of tiles of equal size, as {@link #forwardBackward} takes them. */
  public long[] evenCuts(long rows, long vocab) {
    long step = tileRows(vocab);
    long[] cuts = new long[(int) ((rows + step - 1) / step)];
    for (int i = 0; i < cuts.length; i++) {
      cuts[i] = Math.min(rows, (i + 1) * step);
    }
    return cuts;
  }

  @Override
  public void close() {
    if (buffer != null) {
      buffer.close();
      buffer = null;
    }
  }

  private Tensor logits(Tensor hiddenTile, Tensor headTransposed) {
    long rows = hiddenTile.size(0);
    long vocab = headTransposed.size(1);
    long needed = rows * vocab;
    if (rows > tileRows(vocab)) {
      throw new IllegalArgumentException(
          "a tile of " + rows + " rows, the memory budget holds " + tileRows(vocab));
    }
    if (buffer == null || buffer.numel() < needed) {
      close();
      try (PointerScope detached = new PointerScope()) {
        buffer = device.empty(device.weightType(), needed);
        buffer.retainReference();
      }
    }
    Tensor logits = buffer.narrow(0, 0, needed).view(rows, vocab);
    return mm_out(logits, hiddenTile, headTransposed);
  }

  private void describe(Tensor logits, Tensor tokens, float temperature, Rows out) {
    Logprob.forward(device, logits, tokens, temperature, out);
    if (out.hit() != null) {
      Tensor chosen = logits.gather(1, tokens.unsqueeze(1)).view(-1);
      out.hit().copy_(chosen.ge(logits.amax(new long[] {1}, false)));
    }
  }

  private Rows newRows(long count) {
    return new Rows(
        newVector(count), newVector(count), newVector(count), countsHits ? newVector(count) : null);
  }

  private Tensor newVector(long count) {
    return device.empty(ScalarType.Float, count);
  }

  /** sum += a b; LibTorch has no such product of bfloat16 factors with a float32 sum. */
  private static void addProduct(Tensor sum, Tensor a, Tensor b) {
    if (sum.scalar_type().intern() == a.scalar_type().intern()) {
      sum.addmm_(a, b);
    } else {
      sum.add_(mm(a, b));
    }
  }
}
