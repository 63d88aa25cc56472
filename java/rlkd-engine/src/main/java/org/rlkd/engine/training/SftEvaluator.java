package org.rlkd.engine.training;

import java.util.List;
import java.util.Map;

/**
 * {@code loss} of held-out sequences as transformers' Trainer computes it: the mean negative
 * log-likelihood of the target tokens of each batch, averaged over the batches by their sequences.
 */
public final class SftEvaluator implements Evaluator {
  private final SftTrainer trainer;
  private final List<TrainingSequence> sequences;
  private final int batchSize;

  /**
   * @param trainer whose model is measured, and whose {@code max_length} cuts the sequences
   * @param sequences those that have no target are left out
   * @param batchSize {@code per_device_eval_batch_size}
   */
  public SftEvaluator(SftTrainer trainer, List<TrainingSequence> sequences, int batchSize) {
    this.trainer = trainer;
    this.sequences = sequences.stream().filter(sequence -> sequence.targets() > 0).toList();
    this.batchSize = batchSize;
  }

  @Override
  public Map<String, Double> evaluate() {
    double sum = 0;
    long count = 0;
    for (int first = 0; first < sequences.size(); first += batchSize) {
      List<TrainingSequence> batch =
          sequences.subList(first, Math.min(sequences.size(), first + batchSize));
      double loss = trainer.evaluate(batch);
      if (!Double.isNaN(loss)) {
        sum += loss * batch.size();
        count += batch.size();
      }
    }
    return Map.of("loss", sum / count);
  }
}
