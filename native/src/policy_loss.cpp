#include "rlkd/kernels/policy_loss.h"

#include <cinttypes>
#include <cmath>
#include <cstddef>

#include "arguments.h"

using namespace rlkd::native;
namespace kernels = rlkd::kernels;

namespace {

// Keeps batch * length * 8 within 63 bits.
constexpr int64_t kMaxExtent = int64_t{1} << 29;

void require_not_negative(const char* name, double value) {
  if (!(value >= 0 && std::isfinite(value))) invalid("%s is %g, expected a finite number >= 0", name, value);
}

kernels::PolicyLossOptions checked_options(const rlkd_policy_loss_options& options) {
  require_enum("options.loss_type", options.loss_type, RLKD_LOSS_VESPO);
  require_enum("options.importance_level", options.importance_level, RLKD_IMPORTANCE_SEQUENCE);
  require_not_negative("options.epsilon", options.epsilon);
  require_not_negative("options.epsilon_high", options.epsilon_high);
  if (!std::isnan(options.delta)) require_positive("options.delta", options.delta);
  require_not_negative("options.beta", options.beta);
  require_positive("options.sapo_temperature_pos", options.sapo_temperature_pos);
  require_positive("options.sapo_temperature_neg", options.sapo_temperature_neg);
  require_not_negative("options.vespo_k_pos", options.vespo_k_pos);
  require_not_negative("options.vespo_lambda_pos", options.vespo_lambda_pos);
  require_not_negative("options.vespo_k_neg", options.vespo_k_neg);
  require_not_negative("options.vespo_lambda_neg", options.vespo_lambda_neg);
  if (!std::isnan(options.off_policy_threshold) && !std::isfinite(options.off_policy_threshold)) {
    invalid("options.off_policy_threshold is %g, expected a finite number, or NaN for off",
            options.off_policy_threshold);
  }
  require_in_range("options.top_entropy_quantile", options.top_entropy_quantile, 0.0, 1.0);
  if (!std::isfinite(options.entropy_coefficient)) {
    invalid("options.entropy_coefficient is %g, expected a finite number", options.entropy_coefficient);
  }
  require_positive("options.accumulation_steps", options.accumulation_steps);
  require_positive("options.steps_per_generation", options.steps_per_generation);
  require_not_negative("options.num_items_in_batch", options.num_items_in_batch);
  require_positive("options.num_processes", options.num_processes);
  require_positive("options.max_completion_length", options.max_completion_length);
  require_not_negative("options.batch_sequences", options.batch_sequences);
  require_not_negative("options.batch_tokens", options.batch_tokens);

  kernels::PolicyLossOptions result;
  result.loss_type = static_cast<kernels::LossType>(options.loss_type);
  result.importance_level = static_cast<kernels::ImportanceLevel>(options.importance_level);
  result.epsilon = options.epsilon;
  result.epsilon_high = options.epsilon_high;
  result.delta = options.delta;
  result.beta = options.beta;
  result.bias_correction_kl = options.bias_correction_kl != 0;
  result.training = options.training != 0;
  result.sapo_temperature_pos = options.sapo_temperature_pos;
  result.sapo_temperature_neg = options.sapo_temperature_neg;
  result.vespo_k_pos = options.vespo_k_pos;
  result.vespo_lambda_pos = options.vespo_lambda_pos;
  result.vespo_k_neg = options.vespo_k_neg;
  result.vespo_lambda_neg = options.vespo_lambda_neg;
  result.off_policy_threshold = options.off_policy_threshold;
  result.top_entropy_quantile = options.top_entropy_quantile;
  result.entropy_coefficient = options.entropy_coefficient;
  result.accumulation_steps = options.accumulation_steps;
  result.steps_per_generation = options.steps_per_generation;
  result.num_items_in_batch = options.num_items_in_batch;
  result.num_processes = options.num_processes;
  result.max_completion_length = options.max_completion_length;
  result.batch_sequences = options.batch_sequences;
  result.batch_tokens = options.batch_tokens;
  return result;
}

/** advantages: [B] or [B, T]. */
kernels::Matrix<const float> checked_advantages(Arguments& arguments, const rlkd_tensor* tensor,
                                                int64_t batch, int64_t length,
                                                const kernels::PolicyLossOptions& options) {
  if (required("advantages", tensor).ndim == 1) {
    const auto vector = arguments.vector<const float>("advantages", tensor, batch, "batch");
    return {vector.data, batch, 1, 1};
  }
  if (options.loss_type == kernels::LossType::vespo) {
    invalid("advantages has %d dimensions, expected 1 for RLKD_LOSS_VESPO", tensor->ndim);
  }
  if (!std::isnan(options.off_policy_threshold)) {
    invalid("advantages has %d dimensions, expected 1 with options.off_policy_threshold", tensor->ndim);
  }
  return arguments.matrix<const float>("advantages", tensor, batch, length, "batch", "length");
}

/** importance_ratio: [B, T] or [B, 1]. */
kernels::Matrix<const float> checked_importance_ratio(Arguments& arguments, const rlkd_tensor* tensor,
                                                      int64_t batch, int64_t length) {
  if (tensor == nullptr) return {};
  const bool one_a_sequence = tensor->ndim == 2 && tensor->shape != nullptr && tensor->shape[1] == 1;
  return arguments.matrix<const float>("importance_ratio", tensor, batch, one_a_sequence ? 1 : length,
                                       "batch", "length");
}

kernels::PolicyLossInputs checked_inputs(Arguments& arguments, const rlkd_policy_loss_inputs& inputs,
                                         const kernels::PolicyLossOptions& options) {
  kernels::PolicyLossInputs result;
  result.logprob = arguments.matrix<const float>("logprob", inputs.logprob);
  const int64_t batch = result.logprob.rows;
  const int64_t length = result.logprob.cols;
  require_in_range("logprob.shape[0]", batch, 1, kMaxExtent);
  require_in_range("logprob.shape[1]", length, 1, kMaxExtent);
  const auto table = [&](const char* name, const rlkd_tensor* tensor) {
    return arguments.optional_matrix<const float>(name, tensor, batch, length, "batch", "length");
  };
  if (inputs.entropy == nullptr && options.top_entropy_quantile < 1) {
    invalid("entropy is NULL, expected a tensor for options.top_entropy_quantile = %g",
            options.top_entropy_quantile);
  }
  if (inputs.entropy == nullptr && options.entropy_coefficient != 0) {
    invalid("entropy is NULL, expected a tensor for options.entropy_coefficient = %g",
            options.entropy_coefficient);
  }
  if (inputs.ref_logprob == nullptr && options.beta != 0) {
    invalid("ref_logprob is NULL, expected a tensor for options.beta = %g", options.beta);
  }
  result.entropy = table("entropy", inputs.entropy);
  result.old_logprob = table("old_logprob", inputs.old_logprob);
  result.ref_logprob = table("ref_logprob", inputs.ref_logprob);
  result.sampler_logprob = table("sampler_logprob", inputs.sampler_logprob);
  result.importance_ratio = checked_importance_ratio(arguments, inputs.importance_ratio, batch, length);
  result.mask = arguments.matrix<const float>("mask", inputs.mask, batch, length, "batch", "length");
  result.advantages = checked_advantages(arguments, inputs.advantages, batch, length, options);
  return result;
}

/** The entropy quantile is one of the micro-batch: it cannot be taken of a part. Reads the mask. */
void require_all_tokens_for_quantile(const kernels::PolicyLossInputs& inputs,
                                     const kernels::PolicyLossOptions& options) {
  if (!(options.batch_tokens > 0 && options.top_entropy_quantile < 1)) return;
  int64_t tokens = 0;
  for (int64_t i = 0; i < inputs.mask.rows; ++i) {
    for (int64_t t = 0; t < inputs.mask.cols; ++t) tokens += inputs.mask(i, t) != 0;
  }
  if (static_cast<double>(tokens) != options.batch_tokens) {
    invalid("mask has %" PRId64
            " tokens with options.top_entropy_quantile = %g, expected options.batch_tokens = "
            "%g: the quantile needs the whole micro-batch in one call",
            tokens, options.top_entropy_quantile, options.batch_tokens);
  }
}

size_t workspace_size(const Arguments& arguments, int64_t batch, int64_t length,
                      const kernels::PolicyLossOptions& options) {
  if constexpr (kDeviceBackend != kNone) {
    if (arguments.on_device()) return kernels::cuda::policy_loss_workspace_size(batch);
  }
  if (arguments.backend() == RLKD_BACKEND_REFERENCE) return 0;
  return kernels::cpu::policy_loss_workspace_size(batch, length, options);
}

// The counters are the same doubles in the same order: the kernels write the caller's memory, wherever it is.
static_assert(
    sizeof(rlkd_policy_loss_counters) == sizeof(kernels::PolicyLossCounters) &&
    offsetof(rlkd_policy_loss_counters, policy_loss) == offsetof(kernels::PolicyLossCounters, policy_loss) &&
    offsetof(rlkd_policy_loss_counters, ratio_min) == offsetof(kernels::PolicyLossCounters, ratio_min) &&
    offsetof(rlkd_policy_loss_counters, entropy_kept) == offsetof(kernels::PolicyLossCounters, entropy_kept));

}  // namespace

extern "C" {

rlkd_status rlkd_policy_loss_workspace_size(const rlkd_context* context, int64_t batch, int64_t length,
                                            const rlkd_policy_loss_options* options_pointer, size_t* bytes) {
  return guard("rlkd_policy_loss_workspace_size", [&] {
    Arguments arguments(context);
    const auto options = checked_options(required("options", options_pointer));
    require_in_range("batch", batch, int64_t{1}, kMaxExtent);
    require_in_range("length", length, int64_t{1}, kMaxExtent);
    required("bytes", bytes) = workspace_size(arguments, batch, length, options);
  });
}

rlkd_status rlkd_policy_loss(const rlkd_context* context, const rlkd_policy_loss_inputs* inputs_pointer,
                             const rlkd_policy_loss_options* options_pointer, rlkd_tensor* loss_tensor,
                             rlkd_tensor* dlogprob_tensor, rlkd_tensor* dentropy_tensor,
                             rlkd_policy_loss_counters* counters, void* workspace_pointer,
                             size_t workspace_bytes) {
  return guard("rlkd_policy_loss", [&] {
    Arguments arguments(context);
    const auto options = checked_options(required("options", options_pointer));
    const auto inputs = checked_inputs(arguments, required("inputs", inputs_pointer), options);
    const int64_t batch = inputs.logprob.rows;
    const int64_t length = inputs.logprob.cols;
    if (dentropy_tensor == nullptr && options.entropy_coefficient != 0) {
      invalid("dentropy is NULL, expected a tensor for options.entropy_coefficient = %g",
              options.entropy_coefficient);
    }
    kernels::PolicyLossOutputs outputs;
    outputs.loss = arguments.vector<double>("loss", loss_tensor, 1, "size").data;
    outputs.dlogprob = arguments.matrix<float>("dlogprob", dlogprob_tensor, batch, length, "batch", "length");
    outputs.dentropy =
        arguments.optional_matrix<float>("dentropy", dentropy_tensor, batch, length, "batch", "length");
    outputs.counters = reinterpret_cast<kernels::PolicyLossCounters*>(counters);
    void* workspace = arguments.workspace(workspace_pointer, workspace_bytes,
                                          workspace_size(arguments, batch, length, options));
    arguments.require_no_overlap();
    if (arguments.values_on_host()) require_all_tokens_for_quantile(inputs, options);

    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        return kernels::cpu::policy_loss(inputs, options, outputs, workspace);
      case RLKD_BACKEND_REFERENCE:
        return kernels::reference::policy_loss(inputs, options, outputs);
      default:
        arguments.run_on_device([&](kernels::Stream stream) {
          return kernels::cuda::policy_loss(inputs, options, outputs, workspace, stream);
        });
    }
  });
}

}  // extern "C"
