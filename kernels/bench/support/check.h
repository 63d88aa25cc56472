/* A benchmark compares its result with the reference before it is timed. */
#pragma once

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace rlkd::kernels::bench {

/** True if no element differs by more than tolerance * (1 + |expected|); otherwise ends the benchmark with an error. */
template <class T>
bool agree(benchmark::State& state, const std::vector<T>& actual, const std::vector<T>& expected,
           double tolerance) {
  for (size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    if (!(difference <= tolerance * (1 + std::abs(static_cast<double>(expected[i]))))) {
      const std::string text = "element " + std::to_string(i) + " is " + std::to_string(actual[i]) +
                               ", the reference has " + std::to_string(expected[i]);
      state.SkipWithError(text.c_str());
      return false;
    }
  }
  return true;
}

}  // namespace rlkd::kernels::bench
