package org.rlkd.engine.training;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * {@code loss}, {@code entropy} and {@code mean_token_accuracy} of held-out sequences as TRL's
 * SFTTrainer has them: means over the target tokens of each batch, the loss averaged over the
 * batches by their sequences, the others by batches.
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
    double loss = 0;
    double entropy = 0;
    double accuracy = 0;
    long count = 0;
    long batches = 0;
    for (int first = 0; first < sequences.size(); first += batchSize) {
      List<TrainingSequence> batch =
          sequences.subList(first, Math.min(sequences.size(), first + batchSize));
      SftTrainer.Figures figures = trainer.evaluate(batch);
      if (!Double.isNaN(figures.loss())) {
        loss += figures.loss() * batch.size();
        entropy += figures.entropy();
        accuracy += figures.tokenAccuracy();
        count += batch.size();
        batches++;
      }
    }
    Map<String, Double> metrics = new LinkedHashMap<>();
    metrics.put("loss", loss / count);
    metrics.put("entropy", entropy / batches);
    metrics.put("mean_token_accuracy", accuracy / batches);
    return metrics;
  }
}
