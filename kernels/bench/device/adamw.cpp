/* adamw and its gradient norm on a device: bytes of weights, masters, gradients and state read and written. */
#include "rlkd/kernels/adamw.h"

#include <cmath>
#include <limits>

#include "bench/device/measure.h"

namespace rlkd::kernels::bench {

namespace {

constexpr float kGradDeviation = 1e-3f;
// The elements of the first and of the last tensor that the reference follows.
constexpr int64_t kVerified = 4096;
constexpr AdamwOptions kOptions{1e-5, 0.9, 0.999, 1e-8, 1, 1};

/** bfloat16 weights and gradients with float masters, in tensors of equal size. */
struct Parameters {
  Parameters(int64_t tensor_count, int64_t elements_each)
      : count(tensor_count),
        each(elements_each),
        param(count * each),
        grad(count * each),
        master(count * each),
        exp_avg(count * each),
        exp_avg_sq(count * each),
        norm(1),
        skipped(1),
        workspace(static_cast<int64_t>(cuda::grad_norm_workspace_size(count * each, count))) {
    fill_normal(master, 0.02f, 1);
    fill_normal(grad, kGradDeviation, 2);
    fill_normal(exp_avg, 0, 3);
    fill_normal(exp_avg_sq, 0, 4);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = i * each;
      tensors.push_back({param.data() + at, master.data() + at, grad.data() + at, exp_avg.data() + at,
                         exp_avg_sq.data() + at, each, 0.01});
      grads.push_back({grad.data() + at, each});
    }
  }

  DeviceStatus take_norm() {
    return cuda::grad_norm<bfloat16>(grads.data(), count, norm.data(), workspace.data(), nullptr);
  }
  DeviceStatus step() {
    return cuda::adamw<bfloat16, bfloat16>(tensors.data(), count, kOptions, norm.data(), skipped.data(),
                                           nullptr);
  }

  int64_t count, each;
  DeviceArray<bfloat16> param, grad;
  DeviceArray<float> master, exp_avg, exp_avg_sq, norm;
  DeviceArray<int32_t> skipped;
  DeviceArray<unsigned char> workspace;
  std::vector<cuda::AdamwTensor<bfloat16, bfloat16>> tensors;
  std::vector<Vector<const bfloat16>> grads;
};

/** Of all gradients on the host, a tensor at a time. */
float expected_norm(const Parameters& p) {
  double squares = 0;
  for (int64_t i = 0; i < p.count; ++i) {
    for (const float g : p.grad.floats(i * p.each, p.each)) squares += static_cast<double>(g) * g;
  }
  return static_cast<float>(std::sqrt(squares));
}

void grad_norm(benchmark::State& state, int64_t count, int64_t each) {
  Parameters p(count, each);
  require(p.take_norm());
  require(cuda::synchronize(nullptr));
  require_close("norm", p.norm.host(), {expected_norm(p)}, 1e-6);
  measure(state, {static_cast<double>(count * each) * sizeof(bfloat16)}, [&] { return p.take_norm(); });
}

void adamw(benchmark::State& state, int64_t count, int64_t each) {
  Parameters p(count, each);
  const int64_t verified = each < kVerified ? each : kVerified;
  const int64_t begins[] = {0, (count - 1) * each};
  std::vector<float> before[2];
  for (int i = 0; i < 2; ++i) before[i] = p.master.host(begins[i], verified);
  require(p.take_norm());
  require(p.step());
  require(cuda::synchronize(nullptr));
  const float norm = p.norm.host()[0];
  for (int i = 0; i < 2; ++i) {
    const std::vector<float> grad = p.grad.floats(begins[i], verified);
    std::vector<float> exp_avg(grad.size()), exp_avg_sq(grad.size());
    const AdamwTensor expected{before[i].data(),  grad.data(), exp_avg.data(),
                               exp_avg_sq.data(), verified,    0.01};
    reference::adamw(&expected, 1, kOptions, norm);
    require_close("master", p.master.host(begins[i], verified), before[i], 1e-7);
    require_close("param", p.param.floats(begins[i], verified), before[i], 0x1p-8);
  }
  // Read: gradient 2, master, m, v 4 each. Written: weight 2, master, m, v 4 each.
  measure(state, {28.0 * static_cast<double>(count * each)}, [&] { return p.step(); });
}

void add_shapes() {
  const auto add_for = [](int64_t count, int64_t each) {
    const Shape shape = {{"tensors", count}, {"elements", each}};
    add("grad_norm", "bfloat16", shape, [=](benchmark::State& state) { grad_norm(state, count, each); });
    add("adamw", "bfloat16", shape, [=](benchmark::State& state) { adamw(state, count, each); });
  };
  if (emulated()) {
    add_for(3, 101);
    return;
  }
  add_for(290, 1 << 20);  // about the number and the mean size of Qwen2.5-0.5B's tensors
}

[[maybe_unused]] const bool added = (add_shapes(), true);

}  // namespace

}  // namespace rlkd::kernels::bench
