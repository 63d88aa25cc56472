/* linear from its formula, in double. */
#include "rlkd/kernels/linear.h"

namespace rlkd::kernels::reference {

void linear(Matrix<const float> input, const LinearPart* parts, int64_t count, bool accumulate) {
  for (int64_t p = 0; p < count; ++p) {
    const LinearPart& part = parts[p];
    for (int64_t i = 0; i < input.rows; ++i) {
      for (int64_t j = 0; j < part.weight.rows; ++j) {
        double sum = part.bias ? part.bias[j] : 0;
        for (int64_t k = 0; k < input.cols; ++k) sum += static_cast<double>(input(i, k)) * part.weight(j, k);
        if (accumulate) sum += part.output(i, j);
        part.output(i, j) = static_cast<float>(sum);
      }
    }
  }
}

}  // namespace rlkd::kernels::reference
