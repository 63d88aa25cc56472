package org.rlkd.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rlkd.engine.tensor.HostArrays;

class PackedSequencesTest {
  /** float32 hidden states of a size up to 4, summed in another order. */
  private static final double TOLERANCE = 5e-6;

  private final SplittableRandom random = new SplittableRandom(5);

  @ParameterizedTest(name = "{0}: prefix of {1} tokens, {2} continuations of {3}")
  @CsvSource({
    "QWEN2, 5, 3, 7",
    "QWEN3, 5, 3, 7",
    "LLAMA, 1, 2, 1",
    "QWEN2, 9, 2, 512",
    "QWEN2, 700, 2, 513",
    "QWEN2, 3, 1, 1100"
  })
  void states_are_those_of_the_sequences_alone(
      ModelFamily family, int prefix, int count, int length) {
    try (CausalLm model = CausalLm.initialise(TinyModels.config(family), 1);
        PointerScope scope = new PointerScope();
        NoGradGuard noGradients = new NoGradGuard()) {
      List<SequenceRun> runs =
          List.of(
              new SequenceRun(1, 6, SequenceRun.NO_PREFIX),
              new SequenceRun(1, prefix, SequenceRun.NO_PREFIX),
              new SequenceRun(count, length, 1),
              new SequenceRun(2, 4, SequenceRun.NO_PREFIX),
              new SequenceRun(1, length + 2, 1));
      long[] ids = ids(runs);
      float[] packed = HostArrays.toFloats(model.hidden(packed(ids, runs)));
      int hidden = model.config().hiddenSize();
      int at = 0;
      long[] before = Arrays.copyOfRange(ids, 6, 6 + prefix);
      for (SequenceRun run : runs) {
        for (int i = 0; i < run.count(); i++) {
          long[] own = Arrays.copyOfRange(ids, at, at + run.length());
          long[] whole = run.continues() ? concatenated(before, own) : own;
          float[] alone =
              HostArrays.toFloats(
                  model.hidden(HostArrays.longs(whole, 1, whole.length), null).contiguous());
          assertClose(
              Arrays.copyOfRange(packed, at * hidden, (at + run.length()) * hidden),
              Arrays.copyOfRange(
                  alone, (whole.length - run.length()) * hidden, whole.length * hidden));
          at += run.length();
        }
      }
    }
  }

  @Test
  void a_changed_document_leaves_the_states_and_gradients_of_the_others_bit_equal() {
    List<SequenceRun> runs =
        List.of(
            new SequenceRun(2, 8, SequenceRun.NO_PREFIX),
            new SequenceRun(1, 5, SequenceRun.NO_PREFIX),
            new SequenceRun(2, 6, 1));
    long[] ids = ids(runs);
    // Documents of the row: [0, 8), [8, 16), prefix [16, 21), its continuations [21, 27), [27, 33).
    float[][] whole = statesAndEmbeddingGradient(ids, runs, 0, 8);
    long[] otherDocument = ids.clone();
    Arrays.fill(otherDocument, 8, 16, 49);
    Arrays.fill(otherDocument, 16, 33, 48);
    assertThat(statesAndEmbeddingGradient(otherDocument, runs, 0, 8)).isDeepEqualTo(whole);

    float[][] continuation = statesAndEmbeddingGradient(ids, runs, 21, 27);
    long[] otherContinuation = ids.clone();
    Arrays.fill(otherContinuation, 27, 33, 47);
    assertThat(statesAndEmbeddingGradient(otherContinuation, runs, 21, 27))
        .isDeepEqualTo(continuation);
    long[] otherPrefix = ids.clone();
    otherPrefix[17] = 46;
    assertThat(statesAndEmbeddingGradient(otherPrefix, runs, 21, 27)[0])
        .as("a continuation sees its prefix")
        .isNotEqualTo(continuation[0]);
  }

  @Test
  void a_run_that_continues_no_single_sequence_before_it_is_refused() {
    try (PointerScope scope = new PointerScope()) {
      List<SequenceRun> ofTwo =
          List.of(new SequenceRun(2, 3, SequenceRun.NO_PREFIX), new SequenceRun(1, 2, 0));
      assertThatThrownBy(() -> packed(ids(ofTwo), ofTwo))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("run 1 continues run 0");
      List<SequenceRun> fine = List.of(new SequenceRun(1, 3, SequenceRun.NO_PREFIX));
      assertThatThrownBy(() -> packed(new long[4], fine))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("[1, 3]");
    }
  }

  /** Of the tokens from..to-1: states, and gradient of their sum by all embeddings. */
  private static float[][] statesAndEmbeddingGradient(
      long[] ids, List<SequenceRun> runs, int from, int to) {
    try (CausalLm model = CausalLm.initialise(TinyModels.config(ModelFamily.QWEN2), 1);
        PointerScope scope = new PointerScope()) {
      Tensor states = model.hidden(packed(ids, runs)).select(0, 0).narrow(0, from, to - from);
      states.sum().backward();
      return new float[][] {
        HostArrays.toFloats(states.detach().contiguous()),
        HostArrays.toFloats(model.gradient(ParameterShapes.EMBEDDING))
      };
    }
  }

  private static PackedSequences packed(long[] ids, List<SequenceRun> runs) {
    return new PackedSequences(HostArrays.longs(ids, 1, ids.length), runs);
  }

  private long[] ids(List<SequenceRun> runs) {
    return random.longs(runs.stream().mapToLong(SequenceRun::tokens).sum(), 0, 45).toArray();
  }

  private static long[] concatenated(long[] one, long[] other) {
    long[] both = Arrays.copyOf(one, one.length + other.length);
    System.arraycopy(other, 0, both, one.length, other.length);
    return both;
  }

  private static void assertClose(float[] actual, float[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    List<String> far = new ArrayList<>();
    for (int i = 0; i < actual.length; i++) {
      if (!(Math.abs(actual[i] - expected[i]) <= TOLERANCE)) {
        far.add(i + ": " + actual[i] + ", expected " + expected[i]);
      }
    }
    assertThat(far).isEmpty();
  }
}
