/*
 * sampling: one token for each row of logits, in the order of Hugging Face transformers' logits processors.
 *
 *   1. repetition penalty  y_j = logits_j < 0 ? logits_j * penalty : logits_j / penalty for every j of the
 *                          history (once each, rounded to a finite float), y_j = logits_j otherwise
 *   2. temperature         w_j = exp((y_j - max y) / temperature), in double; 0: greedy, the lowest id of the
 *                          largest y
 *   3. top_k               keep y_j >= the k-th largest y (ties with it stay, as in transformers)
 *   4. top_p               keep the shortest prefix, by falling y then falling id, whose share of the weights
 *                          that top_k left is >= top_p; at least one token
 *   5. min_p               keep w_j >= min_p (the largest w is 1)
 *   6. draw                the first token, by id, where the running sum of kept weights exceeds u times
 *                          their total, u = philox_uniform(seed, position)
 *
 * logprob = log softmax(logits / temperature)[token] of the logits as given: before 1, 3, 4 and 5; at
 * temperature 1 for a greedy row. The CPU kernel's are the bits of cpu::logprob_forward.
 *
 * A row depends on nothing but its own values. All backends draw the same token unless u or top_p falls within
 * about 1e-15 of a boundary: their sums are double, in different orders.
 */
#pragma once

#include <cstddef>

#include "rlkd/kernels/device.h"
#include "rlkd/kernels/views.h"

namespace rlkd::kernels {

/** T is float, on the device backend also bfloat16 or float16. logits [rows, vocab], vocab <= INT32_MAX, history [total], history_offsets [rows + 1], the others [rows]. */
template <class T>
struct SamplingInputsOf {
  Matrix<const T> logits;
  Vector<const int64_t> seed;
  Vector<const int64_t> position;
  Vector<const float> temperature;         // finite, >= 0
  Vector<const int64_t> top_k;             // >= 0; 0 = off
  Vector<const float> top_p;               // [0, 1]; 1 = off
  Vector<const float> min_p;               // [0, 1]; 0 = off
  Vector<const float> repetition_penalty;  // finite, > 0; 1 = off; may be null
  Vector<const int64_t> history;           // in [0, vocab); may be null
  Vector<const int64_t> history_offsets;   // rising, null if history is
};
using SamplingInputs = SamplingInputsOf<float>;

namespace cpu {

/** Bytes for one thread and for as many as would run now. More than one thread's are used for as many as they
 * hold. */
size_t sampling_workspace_size_of_thread(int64_t vocab);
size_t sampling_workspace_size(int64_t rows, int64_t vocab);

/**
 * A row with a NaN, a +inf or only -inf gets token -1 and logprob NaN. workspace: 64-byte aligned, at least
 * the bytes of one thread.
 */
void sampling(const SamplingInputs& inputs, Vector<int64_t> tokens, Vector<float> logprob, void* workspace,
              size_t workspace_bytes);

}  // namespace cpu

namespace cuda {

/** Bytes that sampling needs; 0 for vocabularies to 2^18. */
size_t sampling_workspace_size(int64_t rows, int64_t vocab);

/** As on the CPU; logprob differs from the CPU's by float rounding. workspace: device memory, 64-byte aligned. */
template <class T>
DeviceStatus sampling(const SamplingInputsOf<T>& inputs, Vector<int64_t> tokens, Vector<float> logprob,
                      void* workspace, Stream stream);

}  // namespace cuda

namespace reference {

/** Needs no workspace: the reference allocates. */
void sampling(const SamplingInputs& inputs, Vector<int64_t> tokens, Vector<float> logprob);

}  // namespace reference

}  // namespace rlkd::kernels
