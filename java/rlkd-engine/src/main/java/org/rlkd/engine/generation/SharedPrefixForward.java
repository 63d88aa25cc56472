package org.rlkd.engine.generation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.rlkd.engine.model.Attention;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.DecoderLayer;
import org.rlkd.engine.model.QueryKeyValue;
import org.rlkd.engine.model.Rotation;
import org.rlkd.engine.tensor.HostArrays;

/**
 * The next token's scores after prompts that begin alike: the common beginning is run once and its
 * keys and values serve all, the rest is run in padded batches.
 *
 * <p>The same computation as {@link CausalLm#hidden} up to rounding. Runs on the thread that owns
 * the model, which it reads at every call.
 */
public final class SharedPrefixForward {
  /** Most tokens of one forward pass, unless a single prompt is longer: bounds memory. */
  private static final int BATCH_TOKENS = 4096;

  private final CausalLm model;

  public SharedPrefixForward(CausalLm model) {
    this.model = model;
  }

  /**
   * Scores of the chosen tokens as continuations of each prompt.
   *
   * @param prompts token ids, none empty; in any order, faster if like ones stand together
   * @param tokens ids in [0, V)
   * @return [prompts, tokens] logits
   */
  public float[][] logits(List<int[]> prompts, int[] tokens) {
    float[][] logits = new float[prompts.size()][];
    try (PointerScope scope = new PointerScope();
        AutoGradMode noGradients = new AutoGradMode(false)) {
      int prefix = prompts.size() < 2 ? 0 : commonPrefix(prompts);
      List<Tensor> keys = new ArrayList<>();
      List<Tensor> values = new ArrayList<>();
      if (prefix > 0) {
        cache(Arrays.copyOf(prompts.get(0), prefix), keys, values);
      }
      Integer[] byLength = new Integer[prompts.size()];
      Arrays.setAll(byLength, i -> i);
      Arrays.sort(byLength, (one, other) -> prompts.get(one).length - prompts.get(other).length);
      long[] chosen = Arrays.stream(tokens).asLongStream().toArray();
      for (int first = 0; first < byLength.length; ) {
        int end = first + 1;
        while (end < byLength.length
            && (end + 1 - first) * (prompts.get(byLength[end]).length - prefix) <= BATCH_TOKENS) {
          end++;
        }
        List<int[]> rests = new ArrayList<>();
        for (int i = first; i < end; i++) {
          int[] prompt = prompts.get(byLength[i]);
          rests.add(Arrays.copyOfRange(prompt, prefix, prompt.length));
        }
        try (PointerScope batch = new PointerScope()) {
          Tensor scores =
              model
                  .logits(lastStates(rests, prefix, keys, values))
                  .index_select(1, model.device().longs(chosen, chosen.length));
          float[] flat = HostArrays.toFloats(scores.contiguous());
          for (int i = first; i < end; i++) {
            int row = (i - first) * tokens.length;
            logits[byLength[i]] = Arrays.copyOfRange(flat, row, row + tokens.length);
          }
        }
        first = end;
      }
    }
    return logits;
  }

  /** Tokens that all prompts begin with; each keeps one of its own at least. */
  private static int commonPrefix(List<int[]> prompts) {
    int[] one = prompts.get(0);
    int common = one.length - 1;
    for (int[] prompt : prompts) {
      int mismatch = Arrays.mismatch(one, prompt);
      common = Math.min(common, mismatch < 0 ? prompt.length : mismatch);
      common = Math.min(common, prompt.length - 1);
    }
    return common;
  }

  /** Keys and values [1, keyValueHeads, P, D] of each layer; they belong to the open scope. */
  private void cache(int[] prefix, List<Tensor> keys, List<Tensor> values) {
    Rotation rotation = model.rotaryEmbedding().prefix(prefix.length);
    Tensor hidden =
        model.embed(
            model.device().longs(Arrays.stream(prefix).asLongStream().toArray(), 1, prefix.length));
    for (DecoderLayer layer : model.layers()) {
      Attention attention = layer.attention();
      QueryKeyValue states = attention.project(layer.inputNorm().apply(hidden), rotation);
      keys.add(states.key());
      values.add(states.value());
      hidden = layer.addMlp(hidden.add(attention.output(attention.attend(states, null))));
    }
  }

  /** Final hidden state [B, H] of each rest's last token. */
  private Tensor lastStates(List<int[]> rests, int prefix, List<Tensor> keys, List<Tensor> values) {
    int rows = rests.size();
    int length = rests.stream().mapToInt(rest -> rest.length).max().orElseThrow();
    long[] ids = new long[rows * length];
    long[] positions = new long[rows * length];
    long[] lasts = new long[rows];
    for (int row = 0; row < rows; row++) {
      int[] rest = rests.get(row);
      for (int t = 0; t < length; t++) {
        ids[row * length + t] = t < rest.length ? rest[t] : 0;
        positions[row * length + t] = prefix + t;
      }
      lasts[row] = (long) row * length + rest.length - 1;
    }
    Rotation rotation =
        model.rotaryEmbedding().at(model.device().longs(positions, rows, length), prefix + length);
    // Padding stands behind the tokens, so causality hides it from them.
    Tensor visible =
        torch
            .ones(
                new long[] {length, prefix + length}, model.device().options(torch.ScalarType.Bool))
            .tril(prefix);
    Tensor hidden = model.embed(model.device().longs(ids, rows, length));
    for (int i = 0; i < model.layers().size(); i++) {
      DecoderLayer layer = model.layers().get(i);
      Attention attention = layer.attention();
      QueryKeyValue states = attention.project(layer.inputNorm().apply(hidden), rotation);
      if (prefix > 0) {
        states =
            new QueryKeyValue(
                states.query(),
                after(keys.get(i), states.key()),
                after(values.get(i), states.value()));
      }
      Tensor context = attention.attend(states, visible);
      hidden = layer.addMlp(hidden.add(attention.output(context)));
    }
    Tensor flat = hidden.flatten(0, 1).index_select(0, model.device().longs(lasts, rows));
    return model.finalNorm().apply(flat);
  }

  private static Tensor after(Tensor prefix, Tensor own) {
    TensorVector both = new TensorVector();
    both.push_back(prefix.expand(own.size(0), own.size(1), prefix.size(2), own.size(3)));
    both.push_back(own);
    return torch.cat(both, 2);
  }
}
