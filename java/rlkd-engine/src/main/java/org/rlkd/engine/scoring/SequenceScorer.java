package org.rlkd.engine.scoring;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.core.InputException;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.training.PackedBatch;
import org.rlkd.engine.training.StreamingLogprob;
import org.rlkd.engine.training.TrainingSequence;

/**
 * Log-probability and entropy of every token of given sequences, by the head that training uses:
 * the logits of all tokens are never in memory at once. One owner thread, that of the model.
 */
public final class SequenceScorer implements AutoCloseable {
  private final CausalLm model;
  private final StreamingLogprob head;
  private final float temperature;

  /**
   * A scorer over a model, which stays the caller's.
   *
   * @param temperature divides the logits
   */
  public SequenceScorer(CausalLm model, double temperature) {
    this.model = model;
    this.head = new StreamingLogprob(model.device());
    this.temperature = (float) temperature;
  }

  /**
   * Scores sequences side by side.
   *
   * @param sequences token ids, each of 1 to {@code max_position_embeddings}
   * @throws InputException if one is empty, too long, or holds an id outside the vocabulary
   */
  public List<TokenScores> score(List<int[]> sequences) {
    sequences.forEach(this::check);
    List<int[]> scored = sequences.stream().filter(tokens -> tokens.length > 1).toList();
    float[] logprob = new float[0];
    float[] entropy = new float[0];
    if (!scored.isEmpty()) {
      try (PointerScope scope = new PointerScope();
          NoGradGuard noGrad = new NoGradGuard()) {
        PackedBatch batch =
            PackedBatch.of(scored.stream().map(SequenceScorer::allTargets).toList(), model);
        Tensor hidden = batch.hiddenRows(model);
        StreamingLogprob.Rows rows =
            head.forward(hidden, model.headWeight(), batch.targets(), temperature);
        logprob = HostArrays.toFloats(rows.logprob());
        entropy = HostArrays.toFloats(rows.entropy());
      }
    }
    List<TokenScores> scores = new ArrayList<>();
    int from = 0;
    for (int[] tokens : sequences) {
      int to = from + tokens.length - 1;
      scores.add(
          new TokenScores(
              tokens,
              Arrays.copyOfRange(logprob, from, to),
              Arrays.copyOfRange(entropy, from, to)));
      from = to;
    }
    return scores;
  }

  private void check(int[] tokens) {
    int longest = model.config().maxPositionEmbeddings();
    if (tokens.length < 1 || tokens.length > longest) {
      throw new InputException(
          "found %d tokens, expected 1 to %d (max_position_embeddings): shorten the text"
              .formatted(tokens.length, longest));
    }
    for (int token : tokens) {
      if (token < 0 || token >= model.config().vocabSize()) {
        throw new InputException(
            "found token id %d, expected 0 to %d: the ids are of another tokenizer"
                .formatted(token, model.config().vocabSize() - 1));
      }
    }
  }

  private static TrainingSequence allTargets(int[] tokens) {
    boolean[] target = new boolean[tokens.length];
    Arrays.fill(target, true);
    return new TrainingSequence(tokens, target);
  }

  @Override
  public void close() {
    head.close();
  }
}
