package org.rlkd.engine.generation;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.tensor.HostArrays;

/** What training computes over a whole sequence without a cache, in the softmax's double. */
final class TrainerLogprobs {
  private TrainerLogprobs() {}

  /** Log softmax(logits / temperature) of each completion token. */
  static double[] of(CausalLm model, int[] prompt, int[] completion, double temperature) {
    long[] sequence = new long[prompt.length + completion.length];
    for (int i = 0; i < sequence.length; i++) {
      sequence[i] = i < prompt.length ? prompt[i] : completion[i - prompt.length];
    }
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGradients = new NoGradGuard()) {
      Tensor input = HostArrays.longs(sequence, 1, sequence.length);
      Tensor hidden = model.hidden(input, null);
      Tensor logits = torch.linear(hidden, model.headWeight()).squeeze(0).to(ScalarType.Double);
      Tensor logprobs =
          torch.log_softmax(logits.div(new Scalar(temperature)), 1, new ScalarTypeOptional());
      double[] result = new double[completion.length];
      for (int i = 0; i < result.length; i++) {
        result[i] =
            logprobs.select(0, prompt.length + i - 1).select(0, completion[i]).item_double();
      }
      return result;
    }
  }

  /** The largest |sampler - trainer|; NaN if any is NaN. */
  static double largestDifference(
      CausalLm model, int[] prompt, Completion completion, double temperature) {
    double[] trainer = of(model, prompt, completion.tokens(), temperature);
    double largest = 0;
    for (int i = 0; i < trainer.length; i++) {
      double difference = Math.abs(trainer[i] - completion.logprobs()[i]);
      largest = difference <= largest ? largest : difference;
      if (Double.isNaN(largest)) {
        return largest;
      }
    }
    return largest;
  }
}
