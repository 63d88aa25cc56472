package org.rlkd.engine.tensor;

import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.rlkd_tensor;

/**
 * Host memory for up to a number of rows, filled and handed to librlkd again and again without a
 * new object: the view is cut to the rows in use.
 *
 * <p>Belongs to the PointerScope that is open while it is made. One thread at a time.
 */
public final class HostRows {
  private final Tensor memory;
  private final LongPointer shape;
  private final rlkd_tensor view;

  private HostRows(Tensor memory) {
    this.memory = memory;
    this.shape = new LongPointer(memory.dim());
    for (int i = 0; i < memory.dim(); i++) {
      shape.put(i, memory.size(i));
    }
    this.view = TensorView.of(memory).shape(shape).strides(null);
  }

  /** Room for float32 rows, values undefined; {@code shape} begins with the number of rows. */
  public static HostRows floats(long... shape) {
    return new HostRows(Device.CPU.empty(ScalarType.Float, shape));
  }

  /** Room for int64 rows, values undefined; {@code shape} begins with the number of rows. */
  public static HostRows longs(long... shape) {
    return new HostRows(Device.CPU.empty(ScalarType.Long, shape));
  }

  /**
   * The same memory as rows of another width, for instance the heads of each row.
   *
   * @param width divides the elements
   */
  public HostRows regrouped(long width) {
    return new HostRows(memory.view(-1, width));
  }

  /** The view of the first {@code count} rows, until the next call: one object for all calls. */
  public rlkd_tensor first(long count) {
    shape.put(0, count);
    return view;
  }

  /** The view as it was cut last. */
  public rlkd_tensor view() {
    return view;
  }

  /** Views of several in one array, cut by each one's {@link #first}. */
  public static rlkd_tensor arrayOf(HostRows... parts) {
    rlkd_tensor array = new rlkd_tensor(parts.length);
    for (int i = 0; i < parts.length; i++) {
      array.getPointer(i).put(parts[i].view);
    }
    return array;
  }

  /** All of the memory. */
  public Tensor tensor() {
    return memory;
  }

  /** The int64 elements, row by row. */
  public LongBuffer longs() {
    return new LongPointer(memory.data_ptr()).capacity(memory.numel()).asBuffer();
  }

  /** The float32 elements, row by row. */
  public FloatBuffer floats() {
    return new FloatPointer(memory.data_ptr()).capacity(memory.numel()).asBuffer();
  }
}
