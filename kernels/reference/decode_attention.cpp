// decode_attention from its formula, in double.
#include "rlkd/kernels/decode_attention.h"

#include <cmath>
#include <limits>

namespace rlkd::kernels::reference {

void decode_attention(const DecodeAttention<float>& inputs, Matrix<float> output) {
  const int64_t head_dim = inputs.head_dim;
  const int64_t heads = inputs.query.cols / head_dim;
  const int64_t group = heads / inputs.kv_heads;
  for (int64_t r = 0; r < inputs.query.rows; ++r) {
    for (int64_t h = 0; h < heads; ++h) {
      const float* query = inputs.query.row(r) + h * head_dim;
      const auto offset = [&](int64_t t) {
        const int64_t slot =
            inputs.block_table(r, t / inputs.block_size) * inputs.block_size + t % inputs.block_size;
        return (slot * inputs.kv_heads + h / group) * head_dim;
      };
      const auto score = [&](int64_t t) {
        double dot = 0;
        for (int64_t d = 0; d < head_dim; ++d) {
          dot += static_cast<double>(query[d]) * inputs.keys[offset(t) + d];
        }
        return inputs.scale * dot;
      };
      const int64_t length = inputs.lengths[r];
      double maximum = -std::numeric_limits<double>::infinity();
      for (int64_t t = 0; t < length; ++t) maximum = std::fmax(maximum, score(t));
      double normaliser = 0;
      for (int64_t t = 0; t < length; ++t) normaliser += std::exp(score(t) - maximum);
      for (int64_t d = 0; d < head_dim; ++d) {
        double sum = 0;
        for (int64_t t = 0; t < length; ++t) {
          sum += std::exp(score(t) - maximum) / normaliser * inputs.values[offset(t) + d];
        }
        output.row(r)[h * head_dim + d] = static_cast<float>(sum);
      }
    }
  }
}

}  // namespace rlkd::kernels::reference
