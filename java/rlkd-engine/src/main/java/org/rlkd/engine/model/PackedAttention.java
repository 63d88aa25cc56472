package org.rlkd.engine.model;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.rlkd.engine.tensor.Device;

/**
 * Self-attention of {@link PackedSequences}: one call for each run, so that no work and no memory
 * goes into pairs of tokens of different sequences.
 *
 * <p>A run without a prefix is causal. One with a prefix has the prefix's keys and values before
 * its own and a mask; its queries go in blocks of {@value #QUERY_ROWS} that end where they can see,
 * which bounds the mask and halves the work of long completions (a masked call skips nothing).
 *
 * <p>Made once for a batch and used by all layers; it belongs to the PointerScope in which it is
 * made.
 */
final class PackedAttention {
  /** Half the scores of a masked block of this many rows are wasted at most. */
  private static final int QUERY_ROWS = 512;

  private final PackedSequences sequences;
  private final long[] sizes;
  private final long mostSeen;
  private final Tensor mask;

  PackedAttention(PackedSequences sequences, Device device) {
    this.sequences = sequences;
    this.sizes = sequences.runs().stream().mapToLong(SequenceRun::tokens).toArray();
    long rows = 0;
    long seen = 0;
    for (SequenceRun run : sequences.runs()) {
      if (run.continues()) {
        int lastBlock = (run.length() - 1) / QUERY_ROWS * QUERY_ROWS;
        rows = Math.max(rows, Math.min(QUERY_ROWS, run.length()));
        seen = Math.max(seen, sequences.prefixLength(run) + lastBlock);
      }
    }
    this.mostSeen = seen;
    this.mask = rows == 0 ? null : diagonal(rows, seen, device);
  }

  /** [rows, seen + rows]: row t adds 0 to the first seen + t + 1 entries, -inf to the others. */
  private static Tensor diagonal(long rows, long seen, Device device) {
    return torch
        .full(
            new long[] {rows, seen + rows},
            new Scalar(Double.NEGATIVE_INFINITY),
            device.options(device.weightType()))
        .triu(seen + 1);
  }

  /**
   * As {@link Attention#attend}, each token over what it sees.
   *
   * @param states all with B = 1, T = N
   * @return [1, N, heads * D]
   */
  Tensor attend(Attention attention, QueryKeyValue states) {
    TensorVector queries = split(states.query());
    TensorVector keys = split(states.key());
    TensorVector values = split(states.value());
    TensorVector contexts = new TensorVector();
    List<SequenceRun> runs = sequences.runs();
    for (int i = 0; i < runs.size(); i++) {
      SequenceRun run = runs.get(i);
      Tensor query = rows(queries.get(i), run);
      Tensor key = rows(keys.get(i), run);
      Tensor value = rows(values.get(i), run);
      Tensor context;
      if (run.continues()) {
        key = after(keys.get(run.prefix()), key);
        value = after(values.get(run.prefix()), value);
        context = continued(attention, query, key, value);
      } else {
        context = attention.attend(new QueryKeyValue(query, key, value), null);
      }
      contexts.push_back(context.flatten(0, 1).unsqueeze(0));
    }
    return torch.cat(contexts, 1);
  }

  private Tensor continued(Attention attention, Tensor query, Tensor key, Tensor value) {
    long length = query.size(2);
    long prefix = key.size(2) - length;
    List<Tensor> blocks = new ArrayList<>();
    for (long from = 0; from < length; from += QUERY_ROWS) {
      long rows = Math.min(QUERY_ROWS, length - from);
      long seen = prefix + from;
      Tensor visible = mask.narrow(0, 0, rows).narrow(1, mostSeen - seen, seen + rows);
      blocks.add(
          attention.attend(
              new QueryKeyValue(
                  query.narrow(2, from, rows),
                  key.narrow(2, 0, seen + rows),
                  value.narrow(2, 0, seen + rows)),
              visible));
    }
    return blocks.size() == 1 ? blocks.get(0) : torch.cat(vector(blocks), 1);
  }

  /** [1, heads, N, D] by runs. */
  private TensorVector split(Tensor states) {
    return states.split_with_sizes(sizes, 2);
  }

  /** [1, heads, count * length, D] to [count, heads, length, D]. */
  private static Tensor rows(Tensor states, SequenceRun run) {
    return run.count() == 1
        ? states
        : states.unflatten(2, run.count(), run.length()).squeeze(0).transpose(0, 1);
  }

  private static Tensor after(Tensor prefix, Tensor own) {
    return torch.cat(
        vector(List.of(prefix.expand(own.size(0), own.size(1), prefix.size(2), own.size(3)), own)),
        2);
  }

  private static TensorVector vector(List<Tensor> tensors) {
    TensorVector vector = new TensorVector();
    tensors.forEach(vector::push_back);
    return vector;
  }
}
