/* Reproducible inputs. */
#pragma once

#include <cstdint>
#include <random>

namespace rlkd::kernels::test {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  double normal(double deviation = 1) { return std::normal_distribution<double>(0, deviation)(engine_); }
  double uniform(double low = 0, double high = 1) {
    return std::uniform_real_distribution<double>(low, high)(engine_);
  }
  /** In [0, bound). */
  int64_t below(int64_t bound) { return std::uniform_int_distribution<int64_t>(0, bound - 1)(engine_); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace rlkd::kernels::test
