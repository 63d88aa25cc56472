/* adamw from its formulas, in double; state is rounded to float when stored. */
#include "rlkd/kernels/adamw.h"

#include <algorithm>
#include <cmath>

namespace rlkd::kernels::reference {

float grad_norm(const Vector<const float>* grads, int64_t count) {
  long double squares = 0;
  for (int64_t t = 0; t < count; ++t) {
    for (int64_t i = 0; i < grads[t].size; ++i) {
      const long double g = grads[t][i];
      squares += g * g;
    }
  }
  return static_cast<float>(std::sqrt(squares));
}

bool adamw(const AdamwTensor* tensors, int64_t count, const AdamwOptions& options, float norm) {
  if (!std::isfinite(norm)) return false;
  const double clip = options.max_grad_norm > 0 ? std::min(1.0, options.max_grad_norm / (norm + 1e-6)) : 1;
  const double correction1 = 1 - std::pow(options.beta1, options.step);
  const double correction2 = 1 - std::pow(options.beta2, options.step);
  for (int64_t t = 0; t < count; ++t) {
    const AdamwTensor& tensor = tensors[t];
    for (int64_t i = 0; i < tensor.size; ++i) {
      const double g = tensor.grad[i] * clip;
      const double m = options.beta1 * tensor.exp_avg[i] + (1 - options.beta1) * g;
      const double v = options.beta2 * tensor.exp_avg_sq[i] + (1 - options.beta2) * g * g;
      const double decayed = tensor.param[i] * (1 - options.learning_rate * tensor.weight_decay);
      const double update = (m / correction1) / (std::sqrt(v / correction2) + options.epsilon);
      tensor.exp_avg[i] = static_cast<float>(m);
      tensor.exp_avg_sq[i] = static_cast<float>(v);
      tensor.param[i] = static_cast<float>(decayed - options.learning_rate * update);
    }
  }
  return true;
}

}  // namespace rlkd::kernels::reference
