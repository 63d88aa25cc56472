package org.rlkd.engine.generation;

import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.LongPointer;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.bindings.rlkd_decode_attention_inputs;
import org.rlkd.bindings.rlkd_tensor;
import org.rlkd.engine.model.Attention;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.DecoderLayer;
import org.rlkd.engine.model.Mlp;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.model.RmsNorm;
import org.rlkd.engine.tensor.HostRows;
import org.rlkd.engine.tensor.TensorView;

/**
 * The model on the CPU by librlkd's kernels alone, on buffers that are made once: a step is some
 * ten native calls a layer and allocates nothing.
 *
 * <p>A row is one token with the blocks of its sequence up to it, whether it is the newest of a
 * completion or one of a prompt, so that prompts of any length run in chunks of bounded size. Every
 * kernel computes a row from that row alone in an order that does not depend on the others: logits
 * have the same bits in every batch.
 *
 * <p>The weights are read in place. Whether the model's low-rank updates count is settled when this
 * is made. What it holds belongs to the PointerScope that is open then.
 */
final class HostForward implements ModelForward {
  /** Most tokens of prompts in one pass: bounds memory; more would not be faster. */
  static final int CHUNK = 256;

  /** Most rows of logits at once: bounds memory. */
  private static final int LOGITS_ROWS = 64;

  private final rlkd_context context;
  private final ModelConfig config;
  private final KvCache cache;
  private final float epsilon;
  private final float scale;
  private final List<Layer> layers = new ArrayList<>();
  private final rlkd_tensor embedding;
  private final rlkd_tensor finalNorm;
  private final rlkd_tensor head;
  private final rlkd_tensor cosines;
  private final rlkd_tensor sines;

  // One entry a row: what runs and where it stands.
  private final int blocksOfRow;
  private final HostRows tokens;
  private final HostRows positions;
  private final HostRows slots;
  private final HostRows lengths;
  private final HostRows table;
  private final LongBuffer tokenValues;
  private final LongBuffer positionValues;
  private final LongBuffer slotValues;
  private final LongBuffer lengthValues;
  private final LongBuffer tableValues;

  private final Activations at;

  // Rows whose logits are wanted: their numbers, hidden states and logits.
  private final HostRows chosen;
  private final LongBuffer chosenValues;
  private final HostRows chosenHidden;
  private final HostRows chosenNormed;
  private final HostRows logits;
  private final rlkd_tensor oneRowOfLogits;
  private final LongPointer oneRowShape;

  /**
   * Intermediate results, [rows, ...].
   *
   * @param rawQuery the projection before the norm of its heads; the query itself in families
   *     without that norm
   * @param rawKey the same of the key
   * @param unit what the MLP's last projection takes
   */
  private record Activations(
      HostRows hidden,
      HostRows normed,
      HostRows rawQuery,
      HostRows rawKey,
      HostRows query,
      HostRows key,
      HostRows value,
      HostRows context,
      HostRows gate,
      HostRows up,
      HostRows unit) {
    static Activations of(ModelConfig config, boolean headNorms, long rows) {
      long width = (long) config.heads() * config.headDim();
      long keyWidth = (long) config.keyValueHeads() * config.headDim();
      HostRows query = HostRows.floats(rows, width);
      HostRows key = HostRows.floats(rows, keyWidth);
      return new Activations(
          HostRows.floats(rows, config.hiddenSize()),
          HostRows.floats(rows, config.hiddenSize()),
          headNorms ? HostRows.floats(rows, width) : query,
          headNorms ? HostRows.floats(rows, keyWidth) : key,
          query,
          key,
          HostRows.floats(rows, keyWidth),
          HostRows.floats(rows, width),
          HostRows.floats(rows, config.intermediateSize()),
          HostRows.floats(rows, config.intermediateSize()),
          HostRows.floats(rows, config.intermediateSize()));
    }

    void cut(long rows) {
      hidden.first(rows);
      normed.first(rows);
      rawQuery.first(rows);
      rawKey.first(rows);
      query.first(rows);
      key.first(rows);
      value.first(rows);
      context.first(rows);
      gate.first(rows);
      up.first(rows);
      unit.first(rows);
    }
  }

  /** Norm of each head of the rows: {@code output} may not be {@code input}. */
  private record HeadNorm(rlkd_tensor weight, HostRows input, HostRows output, int heads) {
    static HeadNorm of(RmsNorm norm, HostRows input, HostRows output) {
      long width = norm.weight().size(0);
      int heads = (int) (input.tensor().size(1) / width);
      return new HeadNorm(
          TensorView.of(norm.weight()), input.regrouped(width), output.regrouped(width), heads);
    }
  }

  /** The weights of one layer and where its results go; the head norms may be null. */
  private record Layer(
      rlkd_tensor inputNorm,
      HostProjections queryKeyValue,
      HeadNorm queryNorm,
      HeadNorm keyNorm,
      rlkd_decode_attention_inputs attention,
      HostProjections out,
      rlkd_tensor postAttentionNorm,
      HostProjections gateUp,
      HostProjections down) {}

  /**
   * Makes the buffers.
   *
   * @param maxRows most sequences decoded at once
   * @param maxTokens most tokens of a sequence, its prompt's included
   * @param promptTokens tokens of all prompts
   */
  HostForward(CausalLm model, KvCache cache, int maxRows, int maxTokens, long promptTokens) {
    this.context = model.device().context();
    this.config = model.config();
    this.cache = cache;
    this.epsilon = (float) config.rmsNormEps();
    this.scale = (float) (1 / Math.sqrt(config.headDim()));
    this.embedding = TensorView.of(model.embeddingWeight());
    this.finalNorm = TensorView.of(model.finalNorm().weight());
    this.head = TensorView.of(model.headWeight());
    this.cosines = TensorView.of(model.rotaryEmbedding().cosines(maxTokens));
    this.sines = TensorView.of(model.rotaryEmbedding().sines(maxTokens));
    long rows = Math.max(maxRows, Math.min(promptTokens, CHUNK));
    this.blocksOfRow = KvCache.blocksFor(maxTokens);
    this.tokens = HostRows.longs(rows);
    this.positions = HostRows.longs(rows);
    this.slots = HostRows.longs(rows);
    this.lengths = HostRows.longs(rows);
    this.table = HostRows.longs(rows, blocksOfRow);
    this.tokenValues = tokens.longs();
    this.positionValues = positions.longs();
    this.slotValues = slots.longs();
    this.lengthValues = lengths.longs();
    this.tableValues = table.longs();
    boolean headNorms = model.layers().get(0).attention().queryNorm() != null;
    this.at = Activations.of(config, headNorms, rows);
    long logitsRows = Math.min(rows, LOGITS_ROWS);
    this.chosen = HostRows.longs(logitsRows);
    this.chosenValues = chosen.longs();
    this.chosenHidden = HostRows.floats(logitsRows, config.hiddenSize());
    this.chosenNormed = HostRows.floats(logitsRows, config.hiddenSize());
    this.logits = HostRows.floats(logitsRows, config.vocabSize());
    this.oneRowShape = new LongPointer(0, config.vocabSize());
    this.oneRowOfLogits =
        TensorView.of(logits.tensor()).shape(oneRowShape).strides(new LongPointer(0, 1));
    for (int i = 0; i < config.layers(); i++) {
      layers.add(layer(i, model.layers().get(i)));
    }
  }

  private Layer layer(int index, DecoderLayer layer) {
    Attention attention = layer.attention();
    Mlp mlp = layer.mlp();
    RmsNorm queryNorm = attention.queryNorm();
    RmsNorm keyNorm = attention.keyNorm();
    return new Layer(
        TensorView.of(layer.inputNorm().weight()),
        new HostProjections(
            context,
            List.of(attention.query(), attention.key(), attention.value()),
            at.normed(),
            List.of(at.rawQuery(), at.rawKey(), at.value()),
            false),
        queryNorm == null ? null : HeadNorm.of(queryNorm, at.rawQuery(), at.query()),
        keyNorm == null ? null : HeadNorm.of(keyNorm, at.rawKey(), at.key()),
        new rlkd_decode_attention_inputs()
            .query(at.query().view())
            .key_cache(cache.keys(index))
            .value_cache(cache.values(index))
            .block_table(table.view())
            .lengths(lengths.view()),
        new HostProjections(
            context, List.of(attention.out()), at.context(), List.of(at.hidden()), true),
        TensorView.of(layer.postAttentionNorm().weight()),
        new HostProjections(
            context,
            List.of(mlp.gate(), mlp.up()),
            at.normed(),
            List.of(at.gate(), at.up()),
            false),
        new HostProjections(context, List.of(mlp.down()), at.unit(), List.of(at.hidden()), true));
  }

  @Override
  public void prefill(List<PromptGroup> groups, PromptSink sink) {
    List<PromptGroup> ending = new ArrayList<>();
    int rows = 0;
    for (PromptGroup group : groups) {
      for (int t = 0; t < group.promptLength(); t++) {
        setRow(rows, group.promptTokens()[t], t, group.slot(t));
        for (int b = 0; b <= t / KvCache.BLOCK_SIZE; b++) {
          tableValues.put(rows * blocksOfRow + b, group.block(b));
        }
        if (t == group.promptLength() - 1) {
          chosenValues.put(ending.size(), rows);
          ending.add(group);
        }
        rows++;
        if (rows == CHUNK || ending.size() == chosenValues.capacity()) {
          runPrompts(rows, ending, sink);
          ending.clear();
          rows = 0;
        }
      }
    }
    if (rows > 0) {
      runPrompts(rows, ending, sink);
    }
  }

  private void runPrompts(int rows, List<PromptGroup> ending, PromptSink sink) {
    run(rows);
    if (ending.isEmpty()) {
      return;
    }
    chooseLogits(ending.size());
    for (int i = 0; i < ending.size(); i++) {
      oneRowShape.put(0, ending.get(i).sequences().size());
      oneRowOfLogits.byte_offset((long) i * config.vocabSize() * Float.BYTES);
      sink.accept(ending.get(i), oneRowOfLogits);
    }
  }

  @Override
  public void decode(List<Sequence> rows, LogitsSink sink) {
    int count = rows.size();
    for (int r = 0; r < count; r++) {
      Sequence row = rows.get(r);
      int position = row.length() - 1;
      int last = position / KvCache.BLOCK_SIZE;
      for (int b = 0; b <= last; b++) {
        tableValues.put(r * blocksOfRow + b, row.block(b));
      }
      long slot = (long) row.block(last) * KvCache.BLOCK_SIZE + position % KvCache.BLOCK_SIZE;
      setRow(r, row.lastToken(), position, slot);
    }
    run(count);
    int tile = chosenValues.capacity();
    for (int from = 0; from < count; from += tile) {
      int to = Math.min(count, from + tile);
      for (int i = from; i < to; i++) {
        chosenValues.put(i - from, i);
      }
      chooseLogits(to - from);
      sink.accept(from, to, logits.first(to - from));
    }
  }

  private void setRow(int row, int token, int position, long slot) {
    tokenValues.put(row, token);
    positionValues.put(row, position);
    slotValues.put(row, slot);
    lengthValues.put(row, position + 1);
  }

  /** All layers over the first rows; leaves the hidden states before the final norm. */
  private void run(int rows) {
    at.cut(rows);
    rlkd_tensor rowPositions = positions.first(rows);
    rlkd_tensor rowSlots = slots.first(rows);
    lengths.first(rows);
    table.first(rows);
    rlkd_tensor hidden = at.hidden().view();
    rlkd_tensor normed = at.normed().view();
    rlkd_tensor query = at.query().view();
    rlkd_tensor key = at.key().view();
    check(rlkd.rlkd_rows_gather(context, embedding, tokens.first(rows), hidden));
    for (int i = 0; i < layers.size(); i++) {
      Layer layer = layers.get(i);
      norm(hidden, layer.inputNorm(), normed);
      layer.queryKeyValue().run(rows);
      if (layer.queryNorm() != null) {
        norm(layer.queryNorm(), rows);
        norm(layer.keyNorm(), rows);
      }
      check(rlkd.rlkd_rope_forward(context, query, rowPositions, cosines, sines, query));
      check(rlkd.rlkd_rope_forward(context, key, rowPositions, cosines, sines, key));
      check(rlkd.rlkd_rows_scatter(context, key, rowSlots, cache.keySlots(i)));
      check(rlkd.rlkd_rows_scatter(context, at.value().view(), rowSlots, cache.valueSlots(i)));
      check(
          rlkd.rlkd_decode_attention(
              context, layer.attention(), scale, at.context().view(), null, 0));
      layer.out().run(rows);
      norm(hidden, layer.postAttentionNorm(), normed);
      layer.gateUp().run(rows);
      check(rlkd.rlkd_swiglu_forward(context, at.gate().view(), at.up().view(), at.unit().view()));
      layer.down().run(rows);
    }
  }

  /** Logits of the first {@code count} chosen rows of the hidden states. */
  private void chooseLogits(int count) {
    rlkd_tensor hidden = chosenHidden.first(count);
    rlkd_tensor normed = chosenNormed.first(count);
    check(rlkd.rlkd_rows_gather(context, at.hidden().view(), chosen.first(count), hidden));
    norm(hidden, finalNorm, normed);
    check(rlkd.rlkd_linear(context, normed, head, null, logits.first(count), 1, 0));
  }

  private void norm(HeadNorm norm, int rows) {
    norm(
        norm.input().first((long) rows * norm.heads()),
        norm.weight(),
        norm.output().first((long) rows * norm.heads()));
  }

  private void norm(rlkd_tensor input, rlkd_tensor weight, rlkd_tensor output) {
    check(rlkd.rlkd_rmsnorm_forward(context, input, null, weight, epsilon, null, output, null));
  }

  private static void check(int status) {
    NativeLibrary.check(status);
  }
}
