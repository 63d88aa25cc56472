package org.rlkd.engine.training;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostArrays;

/**
 * Between the rows of the streaming head, one a completion token, sequence after sequence, and the
 * [B, T] grid of the policy loss. Its tensors belong to the PointerScope in which it is made.
 *
 * @param device where the tensors are
 * @param sequences B
 * @param length T, tokens of the longest completion
 * @param places [rows] int64: the place of each row in the flattened grid
 * @param mask [B, T] float32, 1 = a token
 */
record CompletionGrid(Device device, int sequences, int length, Tensor places, Tensor mask) {

  static CompletionGrid of(List<Rollout> rollouts, Device device) {
    int length = rollouts.stream().mapToInt(r -> r.completion().length).max().orElseThrow();
    long[] places = new long[rollouts.stream().mapToInt(r -> r.completion().length).sum()];
    float[] mask = new float[rollouts.size() * length];
    int row = 0;
    for (int b = 0; b < rollouts.size(); b++) {
      for (int t = 0; t < rollouts.get(b).completion().length; t++) {
        places[row++] = (long) b * length + t;
        mask[b * length + t] = 1;
      }
    }
    return new CompletionGrid(
        device,
        rollouts.size(),
        length,
        device.longs(places, places.length),
        device.floats(mask, rollouts.size(), length));
  }

  /** Rows [rows] into the grid [B, T], 0 elsewhere. */
  Tensor spread(Tensor rows) {
    return device
        .zeros(ScalarType.Float, (long) sequences * length)
        .index_copy_(0, places, rows)
        .view(sequences, length);
  }

  /** The rows [rows] of a grid [B, T]. */
  Tensor rows(Tensor grid) {
    return grid.view(-1).index_select(0, places);
  }

  /** A grid [B, T] of values that each rollout has by token; null where the first has none. */
  Tensor ofRollouts(List<Rollout> rollouts, Function<Rollout, float[]> values) {
    if (values.apply(rollouts.get(0)) == null) {
      return null;
    }
    float[] grid = new float[sequences * length];
    for (int b = 0; b < sequences; b++) {
      float[] row = values.apply(rollouts.get(b));
      System.arraycopy(row, 0, grid, b * length, row.length);
    }
    return device.floats(grid, sequences, length);
  }

  /** [B]. */
  Tensor advantages(List<Rollout> rollouts) {
    float[] advantages = new float[sequences];
    for (int b = 0; b < sequences; b++) {
      advantages[b] = rollouts.get(b).advantage();
    }
    return device.floats(advantages, sequences);
  }

  /** The rows [rows] by rollout. */
  static List<float[]> split(List<Rollout> rollouts, Tensor rows) {
    float[] all = HostArrays.toFloats(rows);
    List<float[]> parts = new ArrayList<>();
    int at = 0;
    for (Rollout rollout : rollouts) {
      parts.add(Arrays.copyOfRange(all, at, at + rollout.completion().length));
      at += rollout.completion().length;
    }
    return parts;
  }
}
