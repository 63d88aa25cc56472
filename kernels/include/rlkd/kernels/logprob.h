/*
 * logprob: log-probability of one token a row under softmax(logits / temperature), and that distribution's
 * entropy.
 *
 *   z_j = logits_j / temperature      m = max_j z_j      logsumexp = m + log sum_j exp(z_j - m)
 *   logprob = z_token - logsumexp     entropy = logsumexp - sum_j p_j z_j,  p_j = exp(z_j - logsumexp) [nats]
 *
 *   dlogits_j = [ (1{j = token} - p_j) dlogprob - p_j (log p_j + entropy) dentropy ] / temperature
 *
 * Shapes: logits [rows, vocab], everything else [rows]. tokens in [0, vocab), temperature finite and > 0,
 * vocab >= 1. Outputs overlap nothing. Results of a row do not depend on the other rows or on the number of
 * threads.
 */
#pragma once

#include <cstddef>

#include "rlkd/kernels/device.h"
#include "rlkd/kernels/dtypes.h"
#include "rlkd/kernels/views.h"

namespace rlkd::kernels {

namespace cpu {

/** entropy may be null. -inf logits have probability 0; a row with a NaN, a +inf or only -inf gives NaN. */
void logprob_forward(Matrix<const float> logits, Vector<const int64_t> tokens, float temperature,
                     Vector<float> logprob, Vector<float> entropy, Vector<float> logsumexp);

/**
 * In place: logits become dlogits. logsumexp and entropy are those of the forward pass; entropy and dentropy
 * are both null or both given. A row whose dlogprob and dentropy are 0 becomes exactly 0, whatever its
 * logits; a -inf logit gets 0 (plus dlogprob / temperature where it is the token).
 */
void logprob_backward(Matrix<float> logits, Vector<const int64_t> tokens, float temperature,
                      Vector<const float> logsumexp, Vector<const float> entropy,
                      Vector<const float> dlogprob, Vector<const float> dentropy);

}  // namespace cpu

namespace cuda {

/** Bytes that logprob_forward needs; 0 for a vocabulary that one block reads. */
size_t logprob_forward_workspace_size(int64_t rows, int64_t vocab);

/** As on the CPU; T is float, bfloat16 or float16. workspace: device memory, 64-byte aligned. */
template <class T>
DeviceStatus logprob_forward(Matrix<const T> logits, Vector<const int64_t> tokens, float temperature,
                             Vector<float> logprob, Vector<float> entropy, Vector<float> logsumexp,
                             void* workspace, Stream stream);

/** As on the CPU; dlogits are rounded to T. */
template <class T>
DeviceStatus logprob_backward(Matrix<T> logits, Vector<const int64_t> tokens, float temperature,
                              Vector<const float> logsumexp, Vector<const float> entropy,
                              Vector<const float> dlogprob, Vector<const float> dentropy, Stream stream);

}  // namespace cuda

namespace reference {

void logprob_forward(Matrix<const float> logits, Vector<const int64_t> tokens, float temperature,
                     Vector<float> logprob, Vector<float> entropy, Vector<float> logsumexp);

void logprob_backward(Matrix<float> logits, Vector<const int64_t> tokens, float temperature,
                      Vector<const float> logsumexp, Vector<const float> entropy,
                      Vector<const float> dlogprob, Vector<const float> dentropy);

}  // namespace reference

}  // namespace rlkd::kernels
