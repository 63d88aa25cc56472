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

namespace reference {

void logprob_forward(Matrix<const float> logits, Vector<const int64_t> tokens, float temperature,
                     Vector<float> logprob, Vector<float> entropy, Vector<float> logsumexp);

void logprob_backward(Matrix<float> logits, Vector<const int64_t> tokens, float temperature,
                      Vector<const float> logsumexp, Vector<const float> entropy,
                      Vector<const float> dlogprob, Vector<const float> dentropy);

}  // namespace reference

}  // namespace rlkd::kernels
