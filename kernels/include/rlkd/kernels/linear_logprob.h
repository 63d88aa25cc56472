/*
 * linear_logprob: logprob of the output layer, logits = hidden weight^T, whose logits are never stored.
 *
 *   logits_ij = sum_k hidden_ik weight_jk      z_ij = logits_ij / temperature
 *   logprob, entropy, logsumexp of row i: those of logprob.h for the logits of the row
 *
 *   dlogits_ij  = [ (1{j = token_i} - p_ij) dlogprob_i - p_ij (log p_ij + entropy_i) dentropy_i ] / temperature
 *   dhidden_ik  = sum_j dlogits_ij weight_jk
 *   dweight_jk += sum_i dlogits_ij hidden_ik
 *
 * Shapes: hidden and dhidden [rows, hidden], weight and dweight [vocab, hidden], everything else [rows]; any
 * row strides. tokens in [0, vocab), temperature finite and > 0, vocab and hidden >= 1. Outputs overlap
 * nothing.
 *
 * Backends: device and reference. On the CPU this is a matrix product of the caller's library for some rows at
 * a time, then logprob in place.
 *
 * Forward: a -inf logit has probability 0; a row with a NaN logit, a +inf logit or only -inf logits gives NaN. A
 * row's result depends on nothing but the row and the weight. entropy may be null.
 *
 * Backward: logsumexp and entropy are those of the forward pass; entropy and dentropy are both null or both
 * given. dhidden or dweight may be null: that product is not computed. dweight is float and is added to, so
 * that micro-batches accumulate in it without a rounding to 16 bits; dhidden is of hidden's type and is
 * overwritten. A row whose dlogprob and dentropy are 0 takes no part, whatever it holds: its dhidden is 0 and
 * it adds nothing to dweight. Infinite weights reach dhidden as 0 * inf = NaN.
 */
#pragma once

#include <cstddef>

#include "rlkd/kernels/device.h"
#include "rlkd/kernels/dtypes.h"
#include "rlkd/kernels/views.h"

namespace rlkd::kernels {

/** Largest skip_below of linear_logprob_backward. */
inline constexpr float kLargestSkipBelow = 0.1f;

namespace cuda {

/** Bytes that linear_logprob_forward needs: 12 for every 256 logits, under 3 % of 16-bit logits. */
size_t linear_logprob_forward_workspace_size(int64_t rows, int64_t vocab);

/**
 * T is float, bfloat16 or float16. workspace: device memory, 64-byte aligned. Full speed needs 16-byte aligned
 * rows of hidden and weight.
 */
template <class T>
DeviceStatus linear_logprob_forward(Matrix<const T> hidden, Matrix<const T> weight,
                                    Vector<const int64_t> tokens, float temperature, Vector<float> logprob,
                                    Vector<float> entropy, Vector<float> logsumexp, void* workspace,
                                    Stream stream);

/**
 * Bytes that linear_logprob_backward needs for a T of `element_size` bytes: dlogits of at most 2048 rows x 8192
 * tokens, and at most max(16 KiB, 4 * hidden) of sums for each of these rows. It does not grow with vocab.
 */
size_t linear_logprob_backward_workspace_size(int64_t rows, int64_t vocab, int64_t hidden,
                                              size_t element_size);

/**
 * dlogits are rounded to T between the products (float16: below 6e-8 they are lost, so scale the loss).
 *
 * skip_below in [0, kLargestSkipBelow]: a tile of 128 rows x 256 tokens in which every probability is below it
 * and which holds no row's own token counts as 0 and its products are skipped; 0 skips tiles of exact zeros
 * alone. With delta_i = skip_below (|dlogprob_i| + (|log skip_below| + entropy_i) |dentropy_i|) / temperature,
 * which bounds a skipped dlogits_ij, the error is at most sum_j delta_i |weight_jk| in dhidden_ik and
 * sum_i delta_i |hidden_ik| in dweight_jk, over the skipped tiles.
 */
template <class T>
DeviceStatus linear_logprob_backward(Matrix<const T> hidden, Matrix<const T> weight,
                                     Vector<const int64_t> tokens, float temperature,
                                     Vector<const float> logsumexp, Vector<const float> entropy,
                                     Vector<const float> dlogprob, Vector<const float> dentropy,
                                     float skip_below, Matrix<T> dhidden, Matrix<float> dweight,
                                     void* workspace, Stream stream);

}  // namespace cuda

namespace reference {

void linear_logprob_forward(Matrix<const float> hidden, Matrix<const float> weight,
                            Vector<const int64_t> tokens, float temperature, Vector<float> logprob,
                            Vector<float> entropy, Vector<float> logsumexp);

/** Skips nothing. */
void linear_logprob_backward(Matrix<const float> hidden, Matrix<const float> weight,
                             Vector<const int64_t> tokens, float temperature, Vector<const float> logsumexp,
                             Vector<const float> entropy, Vector<const float> dlogprob,
                             Vector<const float> dentropy, Matrix<float> dhidden, Matrix<float> dweight);

}  // namespace reference

}  // namespace rlkd::kernels
