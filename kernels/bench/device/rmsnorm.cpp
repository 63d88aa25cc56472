/* rmsnorm on a device: forward reads and writes a matrix, backward reads two and writes one. */
#include "rlkd/kernels/rmsnorm.h"

#include "bench/device/measure.h"

namespace rlkd::kernels::bench {

namespace {

constexpr float kEpsilon = 1e-6f;
// One rounding to bfloat16, and float sums over a row.
constexpr double kTolerance = 0x1p-7;
// The gradient of the weight is compared where the whole matrix is small enough for the reference.
constexpr int64_t kWholeMatrix = 1 << 22;

template <class T>
struct Rows {
  Rows(int64_t row_count, int64_t col_count)
      : rows(row_count),
        cols(col_count),
        input(rows * cols),
        weight(cols),
        output(rows * cols),
        inverse_rms(rows) {
    fill_normal(input, 1, 1);
    fill_normal(weight, 1, 2);
  }

  DeviceStatus forward() {
    return cuda::rmsnorm_forward<T>(input.matrix(rows), {}, weight.view(), kEpsilon, {}, output.matrix(rows),
                                    inverse_rms.view(), nullptr);
  }

  int64_t rows, cols;
  DeviceArray<T> input, weight, output;
  DeviceArray<float> inverse_rms;
};

template <class T>
void forward(benchmark::State& state, int64_t rows, int64_t cols) {
  Rows<T> x(rows, cols);
  require(x.forward());
  require(cuda::synchronize(nullptr));
  const std::vector<float> weight = x.weight.floats(0, cols);
  for (const int64_t row : {int64_t{0}, rows - 1}) {
    const std::vector<float> input = x.input.floats(row * cols, cols);
    std::vector<float> expected(input.size());
    reference::rmsnorm_forward({input.data(), 1, cols, cols}, {}, {weight.data(), cols}, kEpsilon, {},
                               {expected.data(), 1, cols, cols}, {});
    require_close("output", x.output.floats(row * cols, cols), expected, kTolerance);
  }
  measure(state, {2.0 * static_cast<double>(rows * cols) * sizeof(T)}, [&] { return x.forward(); });
}

template <class T>
void backward(benchmark::State& state, int64_t rows, int64_t cols) {
  Rows<T> x(rows, cols);
  require(x.forward());
  DeviceArray<T> doutput(rows * cols), dinput(rows * cols);
  DeviceArray<float> dweight(cols);
  DeviceArray<unsigned char> workspace(
      static_cast<int64_t>(cuda::rmsnorm_backward_workspace_size(rows, cols)));
  fill_normal(doutput, 1, 3);
  const auto launch = [&] {
    return cuda::rmsnorm_backward<T>(x.input.matrix(rows), x.weight.view(), x.inverse_rms.view(),
                                     doutput.matrix(rows), dinput.matrix(rows), dweight.view(),
                                     workspace.data(), nullptr);
  };
  require(launch());
  require(cuda::synchronize(nullptr));
  const int64_t verified = rows * cols <= kWholeMatrix ? rows : 1;
  const std::vector<float> weight = x.weight.floats(0, cols);
  const std::vector<float> input = x.input.floats(0, verified * cols);
  const std::vector<float> inverse_rms = x.inverse_rms.host(0, verified);
  const std::vector<float> gradient = doutput.floats(0, verified * cols);
  std::vector<float> expected(input.size()), expected_dweight(static_cast<size_t>(cols));
  reference::rmsnorm_backward({input.data(), verified, cols, cols}, {weight.data(), cols},
                              {inverse_rms.data(), verified}, {gradient.data(), verified, cols, cols},
                              {expected.data(), verified, cols, cols}, {expected_dweight.data(), cols});
  require_close("dinput", dinput.floats(0, verified * cols), expected, kTolerance);
  if (verified == rows) require_close("dweight", dweight.host(), expected_dweight, 1e-4);
  measure(state, {3.0 * static_cast<double>(rows * cols) * sizeof(T)}, launch);
}

void add_shapes() {
  const auto add_for = [](int64_t rows, int64_t cols) {
    const Shape shape = {{"rows", rows}, {"hidden", cols}};
    add("rmsnorm_forward", "bfloat16", shape,
        [=](benchmark::State& state) { forward<bfloat16>(state, rows, cols); });
    add("rmsnorm_backward", "bfloat16", shape,
        [=](benchmark::State& state) { backward<bfloat16>(state, rows, cols); });
  };
  if (emulated()) {
    add_for(3, 136);
    return;
  }
  add_for(512, 896);  // a decoding step
  add_for(8192, 2048);
  add_for(65536, 4096);
}

[[maybe_unused]] const bool added = (add_shapes(), true);

}  // namespace

}  // namespace rlkd::kernels::bench
