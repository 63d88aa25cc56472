package org.rlkd.bench;

import java.util.Arrays;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.training.GrpoTrainer;

/** A GRPO step of the model "tiny": generation, advantages, loss, gradients, optimizer. */
@State(Scope.Benchmark)
public class StepBenchmark implements Workload {
  /** prompts x completions of each x tokens of a prompt x tokens of a completion. */
  @Param({"2x8x32x32", "8x8x64x128"})
  public String shape;

  private CausalLm model;
  private GrpoTrainer trainer;

  private GrpoWorkload workload() {
    int[] size = Arrays.stream(Shape.of(shape)).mapToInt(Math::toIntExact).toArray();
    return GrpoWorkload.tiny(size[0], size[1], size[2], size[3]);
  }

  @Override
  public Work work() {
    return workload().step();
  }

  @Setup
  public void setUp() {
    Threads.apply();
    model = workload().model();
    trainer = workload().trainer(model, false);
    verify(trainer.step(), workload());
  }

  /** Sampler and trainer agree, every completion has its full length, the weights have moved. */
  static void verify(Map<String, Double> metrics, GrpoWorkload workload) {
    Verification.equal(
        "sampling/sampling_logp_difference/max",
        new double[] {metrics.get("sampling/sampling_logp_difference/max")},
        new double[] {0},
        1e-4,
        0);
    Verification.equal(
        "completions/mean_length",
        new double[] {metrics.get("completions/mean_length")},
        new double[] {workload.completionTokens()},
        0,
        0);
    if (!(metrics.get("grad_norm") > 0)) {
      throw new IllegalStateException(
          "grad_norm is %s, expected a number above 0".formatted(metrics.get("grad_norm")));
    }
  }

  @TearDown
  public void tearDown() {
    trainer.close();
    model.close();
  }

  @Benchmark
  public Map<String, Double> grpo_step(MachineLimit limit) {
    return trainer.step();
  }
}
