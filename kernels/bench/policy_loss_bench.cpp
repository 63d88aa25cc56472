/* policy_loss: bytes read (three log-probs and the mask) and written (the gradient) a second. Checked before it is timed. */
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "bench/support/array.h"
#include "bench/support/check.h"
#include "bench/support/measure.h"
#include "rlkd/kernels/policy_loss.h"

namespace rlkd::kernels {
namespace {

void policy_loss(benchmark::State& state, ImportanceLevel level) {
  const int64_t batch = state.range(0), length = state.range(1);
  test::Random random(1);
  const bench::Array<float> logprob = bench::uniform(random, batch, length, -3, 0);
  bench::Array<float> old_logprob = logprob, ref_logprob = logprob, mask(batch, length);
  for (float& x : old_logprob.values) x += static_cast<float>(random.normal(0.2));
  for (float& x : ref_logprob.values) x += static_cast<float>(random.normal(0.2));
  for (float& x : mask.values) x = 1;
  const bench::Array<float> advantages = bench::normal(random, batch, 1);
  PolicyLossInputs inputs;
  inputs.logprob = logprob.matrix();
  inputs.old_logprob = old_logprob.matrix();
  inputs.ref_logprob = ref_logprob.matrix();
  inputs.mask = mask.matrix();
  inputs.advantages = advantages.matrix();
  PolicyLossOptions options;
  options.importance_level = level;
  options.beta = 0.04;
  // The sum of the tokens' losses: gradients of the order of 1, as agree() wants them.
  options.num_items_in_batch = 1;

  bench::Array<float> dlogprob(batch, length), expected(batch, length);
  double loss = 0, expected_loss = 0;
  PolicyLossOutputs outputs, expected_outputs;
  outputs.loss = &loss;
  outputs.dlogprob = dlogprob.matrix();
  expected_outputs.loss = &expected_loss;
  expected_outputs.dlogprob = expected.matrix();
  const size_t bytes = cpu::policy_loss_workspace_size(batch, length, options);
  std::vector<char> storage(bytes + 64);
  char* workspace = storage.data() + (64 - reinterpret_cast<uintptr_t>(storage.data()) % 64);
  reference::policy_loss(inputs, options, expected_outputs);
  const auto run = [&] { cpu::policy_loss(inputs, options, outputs, workspace); };
  run();
  if (!bench::agree(state, dlogprob.values, expected.values, 1e-5) ||
      !bench::agree(state, std::vector<double>{loss}, std::vector<double>{expected_loss}, 1e-6)) {
    return;
  }
  bench::measure(state, {5.0 * static_cast<double>(logprob.values.size()) * sizeof(float)}, run);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"batch", "length"})->UseRealTime()->Args({64, 1024})->Args({512, 2048});
}
BENCHMARK_CAPTURE(policy_loss, token, ImportanceLevel::token)->Apply(shapes);
BENCHMARK_CAPTURE(policy_loss, sequence, ImportanceLevel::sequence)->Apply(shapes);

}  // namespace
}  // namespace rlkd::kernels
