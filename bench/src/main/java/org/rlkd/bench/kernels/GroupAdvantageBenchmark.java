package org.rlkd.bench.kernels;

import static org.rlkd.bindings.global.rlkd.RLKD_SCALE_GROUP;
import static org.rlkd.bindings.global.rlkd.RLKD_SUM_THEN_NORMALIZE;
import static org.rlkd.bindings.global.rlkd.RLKD_UNSCORABLE_DROP_ROW;
import static org.rlkd.bindings.global.rlkd.rlkd_group_advantage;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.rlkd.bench.Inputs;
import org.rlkd.bench.MachineLimit;
import org.rlkd.bench.Verification;
import org.rlkd.bench.Work;
import org.rlkd.bench.Workload;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.bindings.rlkd_group_advantage_options;
import org.rlkd.bindings.rlkd_tensor;

/** Advantages of groups of 8 completions from 4 reward functions. */
@State(Scope.Benchmark)
public class GroupAdvantageBenchmark implements Workload {
  private static final long FUNCTIONS = 4;
  private static final long GROUP = 8;

  /** Completions. */
  @Param({"4096", "65536"})
  public long completions;

  private Inputs inputs;
  private rlkd_tensor rewards;
  private rlkd_tensor weights;
  private rlkd_tensor advantages;
  private rlkd_group_advantage_options options;

  @Override
  public Work work() {
    return Work.bytes(4.0 * completions * (FUNCTIONS + 1));
  }

  @Setup
  public void setUp() {
    inputs = new Inputs(3);
    rewards = inputs.view(inputs.uniform(completions, FUNCTIONS));
    weights = inputs.view(Inputs.filled(10, FUNCTIONS));
    Tensor output = torch.zeros(completions);
    advantages = inputs.view(output);
    options =
        new rlkd_group_advantage_options()
            .group_size(GROUP)
            .scale_rewards(RLKD_SCALE_GROUP)
            .multi_objective(RLKD_SUM_THEN_NORMALIZE)
            .unscorable(RLKD_UNSCORABLE_DROP_ROW);
    Verification.againstReference(this::call, 1e-6, 1e-6, output);
  }

  private int call(rlkd_context context) {
    return rlkd_group_advantage(context, rewards, weights, options, advantages, null, null);
  }

  @Benchmark
  public void group_advantage(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
