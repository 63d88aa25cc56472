package org.rlkd.engine.model;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.engine.tensor.Device;

/**
 * Cosine and sine tables of the positions seen so far; they grow when a longer sequence comes.
 *
 * <p>Owned by a {@link CausalLm}; one owner thread, like the model.
 */
public final class RotaryEmbedding implements AutoCloseable {
  private static final int INITIAL_POSITIONS = 256;

  private final float[] inverseFrequencies;
  private final Device device;
  private Tensor cosine;
  private Tensor signedSine;
  private long capacity;

  RotaryEmbedding(RopeParameters rope, int headDim, Device device) {
    this.inverseFrequencies = rope.inverseFrequencies(headDim);
    this.device = device;
  }

  /** Positions 0 .. length-1 in every row. */
  public Rotation prefix(long length) {
    reserve(length);
    return new Rotation(cosine.narrow(0, 0, length), signedSine.narrow(0, 0, length));
  }

  /**
   * Any positions.
   *
   * @param positions [B, T] int64 in [0, end)
   * @param end above the largest position
   */
  public Rotation at(Tensor positions, long end) {
    reserve(end);
    long batch = positions.size(0);
    long length = positions.size(1);
    Tensor flat = positions.reshape(-1);
    return new Rotation(
        cosine.index_select(0, flat).view(batch, length, 1, cosine.size(2)),
        signedSine.index_select(0, flat).view(batch, length, 1, cosine.size(2)));
  }

  /**
   * Cosines of positions 0 .. end-1 and some more, as librlkd's rope takes them: [.., D/2], a view
   * of the table, valid until a longer sequence comes.
   */
  public Tensor cosines(long end) {
    reserve(end);
    return cosine.squeeze(1).narrow(1, 0, inverseFrequencies.length);
  }

  /** The sines, like {@link #cosines}. */
  public Tensor sines(long end) {
    reserve(end);
    return signedSine.squeeze(1).narrow(1, inverseFrequencies.length, inverseFrequencies.length);
  }

  private void reserve(long positions) {
    if (positions <= capacity) {
      return;
    }
    long wanted = Math.max(INITIAL_POSITIONS, Long.highestOneBit(positions - 1) << 1);
    int half = inverseFrequencies.length;
    int width = 2 * half;
    float[] cosines = new float[Math.toIntExact(wanted * width)];
    float[] sines = new float[cosines.length];
    for (int position = 0; position < wanted; position++) {
      int row = position * width;
      for (int i = 0; i < half; i++) {
        float angle = position * inverseFrequencies[i];
        float cos = (float) Math.cos(angle);
        float sin = (float) Math.sin(angle);
        cosines[row + i] = cos;
        cosines[row + half + i] = cos;
        sines[row + i] = -sin;
        sines[row + half + i] = sin;
      }
    }
    close();
    try (PointerScope scope = new PointerScope()) {
      cosine = table(cosines, wanted, width).retainReference();
      signedSine = table(sines, wanted, width).retainReference();
    }
    capacity = wanted;
  }

  private Tensor table(float[] values, long positions, long width) {
    return device.floats(values, positions, 1, width).to(device.weightType());
  }

  @Override
  public void close() {
    if (capacity > 0) {
      cosine.releaseReference();
      signedSine.releaseReference();
      capacity = 0;
    }
  }
}
