/* logprob on CPUs: rows over threads, the row itself in cpu/vector/logprob.cpp. */
#include "rlkd/kernels/logprob.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "cpu/softmax.h"
#include "cpu/vector/kernels.h"

namespace rlkd::kernels::cpu {

namespace {

// Below this many logits starting the threads costs more than they save.
constexpr int64_t kParallelLogits = 1 << 15;

}  // namespace

void logprob_forward(Matrix<const float> logits, Vector<const int64_t> tokens, float temperature,
                     Vector<float> logprob, Vector<float> entropy, Vector<float> logsumexp) {
  const VectorKernels& kernels = vector_kernels();
#pragma omp parallel for schedule(static) if (logits.rows > 1 && logits.rows * logits.cols > kParallelLogits)
  for (int64_t i = 0; i < logits.rows; ++i) {
    const float* row = logits.row(i);
    const Softmax softmax(kernels.softmax_statistics(row, logits.cols, temperature, bool(entropy)),
                          temperature);
    logprob[i] = static_cast<float>(softmax.logprob(row[tokens[i]]));
    logsumexp[i] = static_cast<float>(softmax.logsumexp());
    if (entropy) entropy[i] = static_cast<float>(softmax.entropy());
  }
}

void logprob_backward(Matrix<float> logits, Vector<const int64_t> tokens, float temperature,
                      Vector<const float> logsumexp, Vector<const float> entropy,
                      Vector<const float> dlogprob, Vector<const float> dentropy) {
  const VectorKernels& kernels = vector_kernels();
#pragma omp parallel for schedule(static) if (logits.rows > 1 && logits.rows * logits.cols > kParallelLogits)
  for (int64_t i = 0; i < logits.rows; ++i) {
    float* row = logits.row(i);
    const float dl = dlogprob[i];
    const float dh = dentropy ? dentropy[i] : 0;
    if (dl == 0 && dh == 0) {
      std::memset(row, 0, static_cast<size_t>(logits.cols) * sizeof(float));
      continue;
    }
    kernels.logprob_backward_row(row, logits.cols, temperature, logsumexp[i], dh != 0 ? entropy[i] : 0, dl,
                                 dh);
    row[tokens[i]] += dl / temperature;
  }
}

}  // namespace rlkd::kernels::cpu
