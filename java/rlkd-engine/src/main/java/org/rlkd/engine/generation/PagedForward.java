package org.rlkd.engine.generation;

import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.bindings.rlkd_decode_attention_inputs;
import org.rlkd.bindings.rlkd_tensor;
import org.rlkd.engine.model.Attention;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.DecoderLayer;
import org.rlkd.engine.model.QueryKeyValue;
import org.rlkd.engine.model.Rotation;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.TensorView;

/**
 * The model by LibTorch, on any device. Every part but the attention of a decoding step is the code
 * that training runs.
 *
 * <p>The weights are read at every call, so a change by the optimizer counts at once. Results
 * belong to the caller's PointerScope; autograd must be off.
 */
final class PagedForward implements ModelForward {
  /** Most prompt tokens of one forward pass, unless a single prompt is longer: bounds memory. */
  private static final int PREFILL_TOKENS = 2048;

  private final CausalLm model;
  private final KvCache cache;
  private final Device device;
  private final float scale;

  PagedForward(CausalLm model, KvCache cache) {
    this.model = model;
    this.cache = cache;
    this.device = model.device();
    this.scale = (float) (1 / Math.sqrt(model.config().headDim()));
  }

  @Override
  public void prefill(List<PromptGroup> groups, PromptSink sink) {
    for (int begin = 0; begin < groups.size(); ) {
      int end = begin;
      int tokens = 0;
      do {
        tokens += groups.get(end++).promptLength();
      } while (end < groups.size() && tokens + groups.get(end).promptLength() <= PREFILL_TOKENS);
      List<PromptGroup> batch = groups.subList(begin, end);
      try (PointerScope scope = new PointerScope()) {
        Tensor logits = promptLogits(batch);
        for (int g = 0; g < batch.size(); g++) {
          // The same row for each completion, by a stride of 0.
          long rows = batch.get(g).sequences().size();
          sink.accept(
              batch.get(g), TensorView.of(logits.narrow(0, g, 1).expand(rows, logits.size(1))));
        }
      }
      begin = end;
    }
  }

  @Override
  public void decode(List<Sequence> rows, LogitsSink sink) {
    try (PointerScope scope = new PointerScope()) {
      sink.accept(0, rows.size(), TensorView.of(logits(rows)));
    }
  }

  /**
   * Runs whole prompts, one after the other in one row and without padding, and caches them.
   *
   * @return [groups, V] logits of the token after each prompt
   */
  private Tensor promptLogits(List<PromptGroup> groups) {
    int total = groups.stream().mapToInt(PromptGroup::promptLength).sum();
    long[] ids = new long[total];
    long[] positions = new long[total];
    long[] slots = new long[total];
    long[] starts = new long[groups.size() + 1];
    long[] lasts = new long[groups.size()];
    int at = 0;
    for (int g = 0; g < groups.size(); g++) {
      PromptGroup group = groups.get(g);
      for (int t = 0; t < group.promptLength(); t++, at++) {
        ids[at] = group.promptTokens()[t];
        positions[at] = t;
        slots[at] = group.slot(t);
      }
      starts[g + 1] = at;
      lasts[g] = at - 1;
    }
    Tensor slotTensor = device.longs(slots, total);
    int longest = groups.stream().mapToInt(PromptGroup::promptLength).max().orElseThrow();
    Rotation rotation = model.rotaryEmbedding().at(device.longs(positions, 1, total), longest);
    Tensor hidden = model.embed(device.longs(ids, 1, total)).retainReference();
    for (int i = 0; i < model.layers().size(); i++) {
      Tensor next = prefillLayer(i, hidden, rotation, slotTensor, starts);
      hidden.releaseReference();
      hidden = next;
    }
    Tensor last = hidden.squeeze(0).index_select(0, device.longs(lasts, lasts.length));
    hidden.releaseReference();
    return model.logits(model.finalNorm().apply(last));
  }

  /** One layer, whose temporaries are freed at once; the result is the caller's to release. */
  private Tensor prefillLayer(
      int index, Tensor hidden, Rotation rotation, Tensor slots, long[] starts) {
    try (PointerScope scope = new PointerScope()) {
      DecoderLayer layer = model.layers().get(index);
      Attention attention = layer.attention();
      QueryKeyValue states = attention.project(layer.inputNorm().apply(hidden), rotation);
      cache.write(index, slots, tokensFirst(states.key()), tokensFirst(states.value()));
      TensorVector contexts = new TensorVector();
      for (int g = 0; g + 1 < starts.length; g++) {
        long length = starts[g + 1] - starts[g];
        QueryKeyValue own =
            new QueryKeyValue(
                states.query().narrow(2, starts[g], length),
                states.key().narrow(2, starts[g], length),
                states.value().narrow(2, starts[g], length));
        contexts.push_back(attention.attend(own, null));
      }
      Tensor attended = attention.output(torch.cat(contexts, 1));
      return layer.addMlp(hidden.add(attended)).retainReference();
    }
  }

  /**
   * Runs the last token of each sequence and caches it.
   *
   * @return [rows, V] logits of the token after it
   */
  private Tensor logits(List<Sequence> rows) {
    int count = rows.size();
    int longest = rows.stream().mapToInt(Sequence::length).max().orElseThrow();
    int maxBlocks = KvCache.blocksFor(longest);
    long[] ids = new long[count];
    long[] positions = new long[count];
    long[] lengths = new long[count];
    long[] slots = new long[count];
    long[] table = new long[count * maxBlocks];
    for (int r = 0; r < count; r++) {
      Sequence row = rows.get(r);
      ids[r] = row.lastToken();
      lengths[r] = row.length();
      positions[r] = row.length() - 1;
      int blocks = KvCache.blocksFor(row.length());
      for (int b = 0; b < blocks; b++) {
        table[r * maxBlocks + b] = row.block(b);
      }
      slots[r] =
          table[r * maxBlocks + blocks - 1] * KvCache.BLOCK_SIZE
              + positions[r] % KvCache.BLOCK_SIZE;
    }
    Tensor slotTensor = device.longs(slots, count);
    rlkd_tensor tableView = TensorView.of(device.longs(table, count, maxBlocks));
    rlkd_tensor lengthView = TensorView.of(device.longs(lengths, count));
    Rotation rotation = model.rotaryEmbedding().at(device.longs(positions, count, 1), longest);
    Tensor workspace = attentionWorkspace(count, (long) maxBlocks * KvCache.BLOCK_SIZE);
    Tensor hidden = model.embed(device.longs(ids, count, 1));
    for (int i = 0; i < model.layers().size(); i++) {
      DecoderLayer layer = model.layers().get(i);
      Attention attention = layer.attention();
      QueryKeyValue states = attention.project(layer.inputNorm().apply(hidden), rotation);
      cache.write(i, slotTensor, states.key().squeeze(2), states.value().squeeze(2));
      Tensor context = attend(i, states.query(), tableView, lengthView, workspace);
      hidden = layer.addMlp(hidden.add(attention.output(context)));
    }
    return model.logits(model.finalNorm().apply(hidden)).squeeze(1);
  }

  private Tensor attentionWorkspace(long rows, long maxLength) {
    SizeTPointer bytes = new SizeTPointer(1);
    NativeLibrary.check(
        rlkd.rlkd_decode_attention_workspace_size(
            device.context(),
            rows,
            model.config().heads(),
            model.config().headDim(),
            maxLength,
            bytes));
    return device.empty(ScalarType.Byte, bytes.get());
  }

  /** Attention of queries [rows, heads, 1, D] over the cache: [rows, 1, heads * D]. */
  private Tensor attend(
      int layer, Tensor query, rlkd_tensor table, rlkd_tensor lengths, Tensor workspace) {
    Tensor flat = query.flatten(1, 3);
    Tensor output = torch.empty_like(flat);
    rlkd_decode_attention_inputs inputs =
        new rlkd_decode_attention_inputs()
            .query(TensorView.of(flat))
            .key_cache(cache.keys(layer))
            .value_cache(cache.values(layer))
            .block_table(table)
            .lengths(lengths);
    NativeLibrary.check(
        rlkd.rlkd_decode_attention(
            device.context(),
            inputs,
            scale,
            TensorView.of(output),
            workspace.data_ptr(),
            workspace.numel()));
    return output.unsqueeze(1);
  }

  /** [1, keyValueHeads, T, D] to [T, keyValueHeads, D]. */
  private static Tensor tokensFirst(Tensor states) {
    return states.squeeze(0).transpose(0, 1);
  }
}
