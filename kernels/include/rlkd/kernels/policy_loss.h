/*
 * policy_loss: the loss of TRL 1.16's GRPOTrainer and its gradient, every loss_type (docs/formulas.md).
 *
 * For sequence i of B and token t of T; m = mask, n_i = max(sum_t m, 1), d = logprob - old_logprob,
 * sg = stop_gradient, old_logprob = sg(logprob) where absent:
 *
 *   ratio r      token: exp(d);  sequence (GSPO): exp( sum_t d m / n_i ), gradient through the mean
 *   policy term  grpo, bnpo, dr_grpo, dapo, luspo:
 *                         -min( min(r, delta) A, clip(r, 1 - epsilon, 1 + epsilon_high) A )
 *                cispo:   -sg(min(r, epsilon_high)) A logprob
 *                sapo:    -(4/tau) sigmoid(tau (r - 1)) A,  tau = pos where A > 0, else neg
 *                vespo:   -sg(phi_i) A logprob,  phi = exp(lambda + k s - lambda e^s),
 *                         s = clip( sum_t clip(d, -20, 20) m + sum log max(importance_ratio, 1e-8),
 *                                   ln 1e-8, 20 ),  (k, lambda) = pos where A >= 0, else neg
 *   its weight   off-policy mask x entropy mask x importance_ratio (not in vespo)
 *                off-policy mask: A >= 0 or sum_t (sampler_logprob - logprob) m / n_i <= threshold
 *                entropy mask: entropy >= the linearly interpolated (1 - top_entropy_quantile) quantile over
 *                all masked tokens; a position within 1e-9 of a whole number counts as that
 *   + beta KL    k3 = e^x - x - 1, x = ref_logprob - logprob; with bias correction k3 r, and its gradient
 *   loss         sum over masked tokens, each times
 *                grpo, sapo          1 / (n_i B accum)
 *                luspo               1 / (B accum)
 *                bnpo                1 / (max(sum m, 1) accum)
 *                dr_grpo             1 / (B max_completion_length accum)
 *                dapo, cispo, vespo  processes / max(num_items, 1), in training times
 *                                    steps_per_generation / accum
 *                - entropy_coefficient sum(H m') / (max(sum m', 1) accum),  m' = m x entropy mask
 *                accum = accumulation_steps in training, 1 in evaluation
 *
 * B and sum m are those of the micro-batch (batch_sequences, batch_tokens) where the call sees whole
 * sequences of a part of it: losses and gradients of the parts add up to those of the micro-batch. With
 * top_entropy_quantile < 1 all its masked tokens must be in the call.
 *
 * A policy term whose weight or A is 0 is exactly 0, whatever its ratio. At a clip boundary the gradient
 * passes, as in torch.clamp. Numerics: inputs and gradients fp32, arithmetic fp64; sums are over tokens
 * within a sequence, then over sequences in their order, so that the result does not depend on the number of
 * threads.
 */
#pragma once

#include <cstddef>

#include "rlkd/kernels/device.h"
#include "rlkd/kernels/views.h"

namespace rlkd::kernels {

enum class LossType { grpo, bnpo, dr_grpo, dapo, cispo, sapo, luspo, vespo };
enum class ImportanceLevel { token, sequence };

/** Defaults are TRL's. NaN switches delta and off_policy_threshold off. */
struct PolicyLossOptions {
  LossType loss_type = LossType::dapo;
  ImportanceLevel importance_level = ImportanceLevel::token;
  double epsilon = 0.2;
  double epsilon_high = 0.2;
  double delta = __builtin_nan("");
  double beta = 0;
  bool bias_correction_kl = true;
  bool training = true;
  double sapo_temperature_pos = 1;
  double sapo_temperature_neg = 1.05;
  double vespo_k_pos = 2;
  double vespo_lambda_pos = 3;
  double vespo_k_neg = 3;
  double vespo_lambda_neg = 2;
  double off_policy_threshold = __builtin_nan("");
  double top_entropy_quantile = 1;
  double entropy_coefficient = 0;
  double accumulation_steps = 1;
  double steps_per_generation = 1;
  double num_items_in_batch = 0;
  double num_processes = 1;
  double max_completion_length = 1;
  double batch_sequences = 0; /**< of the micro-batch, where a call sees a part of it; 0: the call's */
  double batch_tokens =
      0; /**< masked tokens of the micro-batch, where a call sees a part of it; 0: the call's */
};

/** [B, T] each, T >= 1; where mask is 0 the others are not read as numbers. */
struct PolicyLossInputs {
  Matrix<const float> logprob;
  Matrix<const float> entropy;          /**< optional unless the options use it */
  Matrix<const float> old_logprob;      /**< optional */
  Matrix<const float> ref_logprob;      /**< optional if beta is 0 */
  Matrix<const float> sampler_logprob;  /**< optional: old_logprob; NaN counts as no difference */
  Matrix<const float> importance_ratio; /**< [B, T] or [B, 1]; optional: 1 */
  Matrix<const float> mask;             /**< 0 or 1 */
  Matrix<const float> advantages;       /**< [B, T] or [B, 1] */
};

/** Sums for the metrics; `ratios` is the number of ratios: tokens, or sequences at sequence level with one
 * advantage a sequence. Minima and maxima are NaN where there is nothing to compare. */
struct PolicyLossCounters {
  double sequences;
  double tokens;
  double ratios;
  double policy_loss; /**< the loss without the entropy bonus */
  double entropy_sum; /**< NaN without entropy */
  double kl_sum;      /**< after bias correction, before beta */
  double ratio_sum;
  double ratio_min;
  double ratio_max;
  double clip_low_sum;    /**< min(r, delta) < 1 - epsilon and A < 0; 0 for cispo, sapo, vespo */
  double clip_high_sum;   /**< min(r, delta) > 1 + epsilon_high (cispo: r > epsilon_high) and A > 0 */
  double clip_low_min;    /**< over sequences, of the sequence's mean */
  double clip_high_max;   /**< over sequences, of the sequence's mean */
  double vespo_phi_sum;   /**< over sequences */
  double off_policy_kept; /**< sequences */
  double entropy_kept;    /**< masked tokens */
};

/** Gradients are [B, T], exactly 0 where mask is 0; dentropy and counters are optional. */
struct PolicyLossOutputs {
  double* loss = nullptr;
  Matrix<float> dlogprob;
  Matrix<float> dentropy;
  PolicyLossCounters* counters = nullptr;
};

/** workspace: as many bytes as policy_loss_workspace_size says, 64-byte aligned. */
namespace cpu {
size_t policy_loss_workspace_size(int64_t batch, int64_t length, const PolicyLossOptions& options);
void policy_loss(const PolicyLossInputs& inputs, const PolicyLossOptions& options,
                 const PolicyLossOutputs& outputs, void* workspace);
}  // namespace cpu
namespace cuda {
size_t policy_loss_workspace_size(int64_t batch);
/**
 * Everything in device memory, loss and counters too. One launch; a second before it where every gradient needs
 * a number of the whole call: top_entropy_quantile < 1, or bnpo or an entropy bonus without batch_tokens. The
 * same bits in every run.
 */
DeviceStatus policy_loss(const PolicyLossInputs& inputs, const PolicyLossOptions& options,
                         const PolicyLossOutputs& outputs, void* workspace, Stream stream);
}  // namespace cuda
namespace reference {
void policy_loss(const PolicyLossInputs& inputs, const PolicyLossOptions& options,
                 const PolicyLossOutputs& outputs);
}

}  // namespace rlkd::kernels
