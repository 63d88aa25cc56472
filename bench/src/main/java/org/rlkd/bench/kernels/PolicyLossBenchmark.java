package org.rlkd.bench.kernels;

import static org.rlkd.bindings.global.rlkd.RLKD_IMPORTANCE_SEQUENCE;
import static org.rlkd.bindings.global.rlkd.RLKD_IMPORTANCE_TOKEN;
import static org.rlkd.bindings.global.rlkd.RLKD_LOSS_DAPO;
import static org.rlkd.bindings.global.rlkd.rlkd_policy_loss;
import static org.rlkd.bindings.global.rlkd.rlkd_policy_loss_workspace_size;

import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.rlkd.bench.Inputs;
import org.rlkd.bench.MachineLimit;
import org.rlkd.bench.Shape;
import org.rlkd.bench.Verification;
import org.rlkd.bench.Work;
import org.rlkd.bench.Workload;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.bindings.rlkd_policy_loss_inputs;
import org.rlkd.bindings.rlkd_policy_loss_options;
import org.rlkd.bindings.rlkd_tensor;

/** The DAPO loss with a KL term, and its gradient by the log-probs. */
@State(Scope.Benchmark)
public class PolicyLossBenchmark implements Workload {
  /** sequences x tokens. */
  @Param({"64x1024", "512x2048"})
  public String shape;

  /** Importance ratios of tokens, or of sequences (GSPO). */
  @Param({"token", "sequence"})
  public String importance;

  private Inputs random;
  private rlkd_policy_loss_inputs inputs;
  private rlkd_policy_loss_options options;
  private rlkd_tensor loss;
  private rlkd_tensor dlogprob;
  private Tensor workspace;
  private long workspaceBytes;

  /** Log-probs of policy, sampler and reference and the mask are read, the gradient is written. */
  @Override
  public Work work() {
    return Work.bytes(20.0 * Shape.elements(shape));
  }

  @Setup
  public void setUp() {
    random = new Inputs(14);
    long[] size = Shape.of(shape);
    Tensor logprob = random.uniform(size).mul_(new Scalar(-3));
    inputs =
        new rlkd_policy_loss_inputs()
            .logprob(random.view(logprob))
            .entropy(null)
            .old_logprob(random.view(logprob.add(random.normal(0.2, size))))
            .ref_logprob(random.view(logprob.add(random.normal(0.2, size))))
            .sampler_logprob(null)
            .importance_ratio(null)
            .mask(random.view(Inputs.filled(1, size)))
            .advantages(random.view(random.normal(1, size[0])));
    options =
        new rlkd_policy_loss_options()
            .loss_type(RLKD_LOSS_DAPO)
            .importance_level(
                importance.equals("token") ? RLKD_IMPORTANCE_TOKEN : RLKD_IMPORTANCE_SEQUENCE)
            .epsilon(0.2)
            .epsilon_high(0.28)
            .delta(Double.NaN)
            .beta(0.04)
            .bias_correction_kl(0)
            .training(1)
            .sapo_temperature_pos(1)
            .sapo_temperature_neg(1.05)
            .vespo_k_pos(2)
            .vespo_lambda_pos(3)
            .vespo_k_neg(3)
            .vespo_lambda_neg(2)
            .off_policy_threshold(Double.NaN)
            .top_entropy_quantile(1)
            .entropy_coefficient(0)
            .accumulation_steps(1)
            .steps_per_generation(1)
            .num_items_in_batch(Shape.elements(shape))
            .num_processes(1)
            .max_completion_length(size[1])
            .batch_sequences(0)
            .batch_tokens(0);
    SizeTPointer bytes = new SizeTPointer(1);
    NativeLibrary.check(
        rlkd_policy_loss_workspace_size(Verification.CPU, size[0], size[1], options, bytes));
    workspaceBytes = bytes.get();
    workspace = Inputs.workspace(workspaceBytes);
    Tensor value = torch.zeros(new long[] {1}, new TensorOptions(ScalarType.Double));
    Tensor gradient = torch.zeros(size);
    loss = random.view(value);
    dlogprob = random.view(gradient);
    // The gradient of a token is of the order of 1 / tokens.
    Verification.againstReference(this::call, 1e-6 / Shape.elements(shape), 1e-5, gradient);
    Verification.againstReference(this::call, 1e-6, 1e-6, value);
  }

  private int call(rlkd_context context) {
    return rlkd_policy_loss(
        context, inputs, options, loss, dlogprob, null, null, workspace.data_ptr(), workspaceBytes);
  }

  @Benchmark
  public void policy_loss(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
