/* rope on a device: a matrix read and written; the tables stay in the cache. */
#include "rlkd/kernels/rope.h"

#include <cmath>

#include "bench/device/measure.h"

namespace rlkd::kernels::bench {

namespace {

constexpr int64_t kHeadDim = 128;
constexpr int64_t kPositions = 4096;
constexpr double kTolerance = 0x1p-7;  // one rounding to bfloat16

void run(benchmark::State& state, int64_t rows, int64_t heads) {
  const int64_t cols = heads * kHeadDim, half = kHeadDim / 2;
  std::vector<float> cosine(static_cast<size_t>(kPositions * half)), sine(cosine.size());
  for (int64_t i = 0; i < kPositions * half; ++i) {
    const double angle = static_cast<double>(i / half) *
                         std::pow(10000.0, -static_cast<double>(i % half) / static_cast<double>(half));
    cosine[static_cast<size_t>(i)] = static_cast<float>(std::cos(angle));
    sine[static_cast<size_t>(i)] = static_cast<float>(std::sin(angle));
  }
  std::vector<int64_t> positions(static_cast<size_t>(rows));
  for (int64_t i = 0; i < rows; ++i) positions[static_cast<size_t>(i)] = i % kPositions;
  DeviceArray<float> device_cosine(cosine), device_sine(sine);
  DeviceArray<int64_t> device_positions(positions);
  DeviceArray<bfloat16> input(rows * cols), output(rows * cols);
  fill_normal(input, 1, 1);
  const auto launch = [&] {
    return cuda::rope_forward<bfloat16>(input.matrix(rows), device_positions.view(),
                                        device_cosine.matrix(kPositions), device_sine.matrix(kPositions),
                                        output.matrix(rows), nullptr);
  };
  require(launch());
  require(cuda::synchronize(nullptr));
  for (const int64_t row : {int64_t{0}, rows - 1}) {
    const std::vector<float> exact = input.floats(row * cols, cols);
    std::vector<float> expected(exact.size());
    reference::rope_forward({exact.data(), 1, cols, cols}, {&positions[static_cast<size_t>(row)], 1},
                            {cosine.data(), kPositions, half, half}, {sine.data(), kPositions, half, half},
                            {expected.data(), 1, cols, cols});
    require_close("output", output.floats(row * cols, cols), expected, kTolerance);
  }
  measure(state, {2.0 * static_cast<double>(rows * cols) * sizeof(bfloat16)}, launch);
}

void add_shapes() {
  const auto add_for = [](int64_t rows, int64_t heads) {
    add("rope_forward", "bfloat16", {{"rows", rows}, {"heads", heads}},
        [=](benchmark::State& state) { run(state, rows, heads); });
  };
  if (emulated()) {
    add_for(2, 1);
    return;
  }
  add_for(512, 16);
  add_for(65536, 32);
}

[[maybe_unused]] const bool added = (add_shapes(), true);

}  // namespace

}  // namespace rlkd::kernels::bench
