package org.rlkd.bench;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.rlkd.engine.generation.Completion;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.scoring.SequenceScorer;

/** Sampling of groups that share their prompts, by the model "tiny". */
@State(Scope.Benchmark)
public class GenerationBenchmark implements Workload {
  /** prompts x completions of each x tokens of a prompt x tokens of a completion. */
  @Param({"4x8x32x32", "8x8x64x128"})
  public String shape;

  private GrpoWorkload workload;
  private CausalLm model;
  private long step = 1;

  private GrpoWorkload workload() {
    int[] size = Arrays.stream(Shape.of(shape)).mapToInt(Math::toIntExact).toArray();
    return GrpoWorkload.tiny(size[0], size[1], size[2], size[3]);
  }

  @Override
  public Work work() {
    return workload().generation();
  }

  @Setup
  public void setUp() {
    Threads.apply();
    workload = workload();
    model = workload.model();
    model.setTrainable(false);
    verify(workload, model);
  }

  /** The sampler's log-probs are the trainer's, of the same weights. */
  static void verify(GrpoWorkload workload, CausalLm model) {
    List<List<Completion>> groups = workload.generate(model, 0);
    try (SequenceScorer scorer = new SequenceScorer(model, 1)) {
      for (int p = 0; p < groups.size(); p++) {
        int[] prompt = workload.prompt(p);
        for (Completion completion : groups.get(p)) {
          int[] whole = Arrays.copyOf(prompt, prompt.length + completion.length());
          System.arraycopy(completion.tokens(), 0, whole, prompt.length, completion.length());
          float[] scored = scorer.score(List.of(whole)).get(0).logprob();
          Verification.equal(
              "log-probs of a completion",
              doubles(completion.logprobs()),
              doubles(Arrays.copyOfRange(scored, prompt.length - 1, scored.length)),
              1e-4,
              0);
        }
      }
    }
  }

  private static double[] doubles(float[] values) {
    return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
  }

  @TearDown
  public void tearDown() {
    model.close();
  }

  @Benchmark
  public List<List<Completion>> generation(MachineLimit limit) {
    return workload.generate(model, step++);
  }
}
