/* swiglu on a device: forward reads two matrices and writes one, backward reads three and writes two. */
#include "rlkd/kernels/swiglu.h"

#include "bench/device/measure.h"

namespace rlkd::kernels::bench {

namespace {

constexpr double kTolerance = 0x1p-7;  // one rounding to bfloat16

struct Mlp {
  Mlp(int64_t row_count, int64_t col_count)
      : rows(row_count), cols(col_count), gate(rows * cols), up(rows * cols) {
    fill_normal(gate, 2, 1);
    fill_normal(up, 1, 2);
  }
  int64_t rows, cols;
  DeviceArray<bfloat16> gate, up;
};

void forward(benchmark::State& state, int64_t rows, int64_t cols) {
  Mlp mlp(rows, cols);
  DeviceArray<bfloat16> output(rows * cols);
  const auto launch = [&] {
    return cuda::swiglu_forward<bfloat16>(mlp.gate.matrix(rows), mlp.up.matrix(rows), output.matrix(rows),
                                          nullptr);
  };
  require(launch());
  require(cuda::synchronize(nullptr));
  for (const int64_t row : {int64_t{0}, rows - 1}) {
    const std::vector<float> gate = mlp.gate.floats(row * cols, cols), up = mlp.up.floats(row * cols, cols);
    std::vector<float> expected(gate.size());
    reference::swiglu_forward({gate.data(), 1, cols, cols}, {up.data(), 1, cols, cols},
                              {expected.data(), 1, cols, cols});
    require_close("output", output.floats(row * cols, cols), expected, kTolerance);
  }
  measure(state, {3.0 * static_cast<double>(rows * cols) * sizeof(bfloat16)}, launch);
}

void backward(benchmark::State& state, int64_t rows, int64_t cols) {
  Mlp mlp(rows, cols);
  DeviceArray<bfloat16> doutput(rows * cols), dgate(rows * cols), dup(rows * cols);
  fill_normal(doutput, 1, 3);
  const auto launch = [&] {
    return cuda::swiglu_backward<bfloat16>(mlp.gate.matrix(rows), mlp.up.matrix(rows), doutput.matrix(rows),
                                           dgate.matrix(rows), dup.matrix(rows), nullptr);
  };
  require(launch());
  require(cuda::synchronize(nullptr));
  for (const int64_t row : {int64_t{0}, rows - 1}) {
    const std::vector<float> gate = mlp.gate.floats(row * cols, cols), up = mlp.up.floats(row * cols, cols);
    const std::vector<float> gradient = doutput.floats(row * cols, cols);
    std::vector<float> expected_dgate(gate.size()), expected_dup(gate.size());
    reference::swiglu_backward({gate.data(), 1, cols, cols}, {up.data(), 1, cols, cols},
                               {gradient.data(), 1, cols, cols}, {expected_dgate.data(), 1, cols, cols},
                               {expected_dup.data(), 1, cols, cols});
    require_close("dgate", dgate.floats(row * cols, cols), expected_dgate, kTolerance);
    require_close("dup", dup.floats(row * cols, cols), expected_dup, kTolerance);
  }
  measure(state, {5.0 * static_cast<double>(rows * cols) * sizeof(bfloat16)}, launch);
}

void add_shapes() {
  const auto add_for = [](int64_t rows, int64_t cols) {
    const Shape shape = {{"rows", rows}, {"intermediate", cols}};
    add("swiglu_forward", "bfloat16", shape, [=](benchmark::State& state) { forward(state, rows, cols); });
    add("swiglu_backward", "bfloat16", shape, [=](benchmark::State& state) { backward(state, rows, cols); });
  };
  if (emulated()) {
    add_for(2, 264);
    return;
  }
  add_for(512, 4864);
  add_for(65536, 8192);
}

[[maybe_unused]] const bool added = (add_shapes(), true);

}  // namespace

}  // namespace rlkd::kernels::bench
