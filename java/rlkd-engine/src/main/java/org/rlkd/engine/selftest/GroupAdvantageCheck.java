package org.rlkd.engine.selftest;

import static org.bytedeco.pytorch.global.torch.empty;
import static org.rlkd.bindings.global.rlkd.RLKD_NORMALIZE_THEN_SUM;
import static org.rlkd.bindings.global.rlkd.RLKD_SCALE_BATCH;
import static org.rlkd.bindings.global.rlkd.RLKD_SCALE_GROUP;
import static org.rlkd.bindings.global.rlkd.RLKD_SCALE_NONE;
import static org.rlkd.bindings.global.rlkd.RLKD_SUM_THEN_NORMALIZE;
import static org.rlkd.bindings.global.rlkd.RLKD_UNSCORABLE_DROP_ROW;
import static org.rlkd.bindings.global.rlkd.RLKD_UNSCORABLE_TRL;
import static org.rlkd.bindings.global.rlkd.rlkd_group_advantage;
import static org.rlkd.engine.selftest.CheckInputs.on;
import static org.rlkd.engine.selftest.CheckInputs.view;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_group_advantage_options;
import org.rlkd.engine.tensor.HostArrays;

/** Advantages under every scaling, aggregation and treatment of unscorable rewards. */
final class GroupAdvantageCheck implements KernelCheck {
  private static final int GROUP = 8;
  private static final int ROWS = 6 * GROUP;
  private static final int FUNCTIONS = 4;
  private static final int[] UNSCORABLE_ROWS = {3, 17, 18};

  @Override
  public String name() {
    return "group_advantage";
  }

  @Override
  public Tolerance tolerance() {
    return new Tolerance(1e-7, 1e-6, "computed in fp64 on both sides, rounded once to float32");
  }

  @Override
  public Map<String, double[]> run(int backend) {
    Map<String, double[]> outputs = new LinkedHashMap<>();
    for (int scale : new int[] {RLKD_SCALE_GROUP, RLKD_SCALE_BATCH, RLKD_SCALE_NONE}) {
      for (int objective : new int[] {RLKD_SUM_THEN_NORMALIZE, RLKD_NORMALIZE_THEN_SUM}) {
        for (int unscorable : new int[] {RLKD_UNSCORABLE_DROP_ROW, RLKD_UNSCORABLE_TRL}) {
          outputs.put(
              "advantages (scale_rewards %d, multi_objective %d, unscorable %d)"
                  .formatted(scale, objective, unscorable),
              advantages(
                  backend,
                  new rlkd_group_advantage_options()
                      .group_size(GROUP)
                      .scale_rewards(scale)
                      .multi_objective(objective)
                      .unscorable(unscorable)));
        }
      }
    }
    return outputs;
  }

  private static double[] advantages(int backend, rlkd_group_advantage_options options) {
    try (PointerScope scope = new PointerScope()) {
      float[] rewards = HostArrays.toFloats(new CheckInputs(3).uniform(ROWS, FUNCTIONS));
      for (int row : UNSCORABLE_ROWS) {
        rewards[row * FUNCTIONS + FUNCTIONS - 1] = Float.NaN;
      }
      Tensor advantages = empty(ROWS);
      NativeLibrary.check(
          rlkd_group_advantage(
              on(backend),
              view(HostArrays.floats(rewards, ROWS, FUNCTIONS)),
              view(HostArrays.floats(new float[] {15, 10, 10, 15}, FUNCTIONS)),
              options,
              view(advantages),
              null,
              null));
      return HostArrays.toDoubles(advantages);
    }
  }
}
