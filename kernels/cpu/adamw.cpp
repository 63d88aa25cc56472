/* adamw on CPUs: the tensors end to end as one run of elements, cut into pieces for the threads. */
#include "rlkd/kernels/adamw.h"

#include <algorithm>
#include <cmath>

#include "cpu/vector/kernels.h"

namespace rlkd::kernels::cpu {

namespace {

// The run is always cut into this many pieces, whatever the number of threads: the order of sums depends on
// it.
constexpr int64_t kPieces = 256;
// Below this many elements starting the threads costs more than they save.
constexpr int64_t kParallelElements = 1 << 16;

int64_t total_size(const Vector<const float>& grad) { return grad.size; }
int64_t total_size(const AdamwTensor& tensor) { return tensor.size; }

template <class Tensor>
int64_t total_size(const Tensor* tensors, int64_t count) {
  int64_t total = 0;
  for (int64_t t = 0; t < count; ++t) total += total_size(tensors[t]);
  return total;
}

/** Calls body(tensor, first, n) for the parts of the tensors that lie in piece `piece` of the run of `total`
 * elements. */
template <class Tensor, class Body>
void for_each_part(const Tensor* tensors, int64_t count, int64_t total, int64_t piece, Body body) {
  const int64_t length = (total + kPieces - 1) / kPieces;
  const int64_t begin = std::min(total, piece * length);
  const int64_t end = std::min(total, begin + length);
  int64_t start = 0;  // of tensor t in the run
  for (int64_t t = 0; t < count && start < end; ++t) {
    const int64_t size = total_size(tensors[t]);
    const int64_t first = std::max(begin - start, int64_t{0});
    const int64_t last = std::min(end - start, size);
    if (first < last) body(tensors[t], first, last - first);
    start += size;
  }
}

}  // namespace

float grad_norm(const Vector<const float>* grads, int64_t count) {
  const VectorKernels& kernels = vector_kernels();
  const int64_t total = total_size(grads, count);
  double squares[kPieces] = {};
#pragma omp parallel for schedule(static) if (total > kParallelElements)
  for (int64_t piece = 0; piece < kPieces; ++piece) {
    for_each_part(grads, count, total, piece, [&](const Vector<const float>& grad, int64_t first, int64_t n) {
      squares[piece] += kernels.sum_of_squares(grad.data + first, n);
    });
  }
  double sum = 0;
  for (const double square : squares) sum += square;
  return static_cast<float>(std::sqrt(sum));
}

bool adamw(const AdamwTensor* tensors, int64_t count, const AdamwOptions& options, float norm) {
  if (!std::isfinite(norm)) return false;
  const VectorKernels& kernels = vector_kernels();
  AdamwFactors shared{};
  shared.clip = options.max_grad_norm > 0
                    ? std::min(1.0f, static_cast<float>(options.max_grad_norm) / (norm + 1e-6f))
                    : 1.0f;
  shared.one_minus_beta1 = static_cast<float>(1 - options.beta1);
  shared.beta2 = static_cast<float>(options.beta2);
  shared.one_minus_beta2 = static_cast<float>(1 - options.beta2);
  const double steps = static_cast<double>(options.step);
  shared.correction2_root = static_cast<float>(std::sqrt(1 - std::pow(options.beta2, steps)));
  shared.epsilon = static_cast<float>(options.epsilon);
  shared.negative_step_size =
      static_cast<float>(-options.learning_rate / (1 - std::pow(options.beta1, steps)));

  const int64_t total = total_size(tensors, count);
#pragma omp parallel for schedule(static) if (total > kParallelElements)
  for (int64_t piece = 0; piece < kPieces; ++piece) {
    for_each_part(tensors, count, total, piece, [&](const AdamwTensor& tensor, int64_t first, int64_t n) {
      AdamwFactors factors = shared;
      factors.decay = static_cast<float>(1 - options.learning_rate * tensor.weight_decay);
      kernels.adamw_step(tensor.param + first, tensor.grad + first, tensor.exp_avg + first,
                         tensor.exp_avg_sq + first, n, factors);
    });
  }
  return true;
}

}  // namespace rlkd::kernels::cpu
