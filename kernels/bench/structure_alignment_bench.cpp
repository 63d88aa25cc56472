/* structure_alignment: pairs a second. Checked before it is timed. */
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "bench/support/check.h"
#include "bench/support/measure.h"
#include "rlkd/kernels/structure_alignment.h"
#include "test/support/random.h"

namespace rlkd::kernels {
namespace {

/** `pairs` pairs of steps x steps against single teacher paths. */
void judged(benchmark::State& state, StructureAlignmentOptions options, bool yes_no) {
  const int64_t pairs = state.range(0), steps = state.range(1);
  const int64_t block = steps * steps;
  options.max_student_steps = options.max_teacher_nodes = steps;
  test::Random random(1);
  std::vector<float> judgements[3];
  for (std::vector<float>& field : judgements) {
    field.resize(static_cast<size_t>(pairs * block));
    for (float& x : field) x = static_cast<float>(yes_no ? random.uniform() < 0.7 : random.uniform());
  }
  std::vector<int64_t> offsets, counts(static_cast<size_t>(pairs), steps), parent_offsets(counts.size(), 0);
  std::vector<int32_t> parents;
  for (int64_t p = 0; p < pairs; ++p) offsets.push_back(p * block);
  for (int64_t v = 0; v < steps; ++v) parents.push_back(static_cast<int32_t>(v - 1));
  const auto view = [](const auto& v) {
    return Vector<const std::decay_t<decltype(v[0])>>{v.data(), static_cast<int64_t>(v.size())};
  };
  const StructureAlignmentInputs inputs{view(judgements[0]), view(judgements[1]), view(judgements[2]),
                                        view(offsets),       view(parents),       view(parent_offsets),
                                        view(counts),        view(counts)};
  std::vector<float> reward(counts.size()), expected(counts.size());
  const size_t bytes = cpu::structure_alignment_workspace_size(pairs, options);
  std::vector<char> storage(bytes + 64);
  char* workspace = storage.data() + (64 - reinterpret_cast<uintptr_t>(storage.data()) % 64);

  reference::structure_alignment(inputs, options, {expected.data(), pairs}, {});
  const auto run = [&] { cpu::structure_alignment(inputs, options, {reward.data(), pairs}, {}, workspace); };
  run();
  if (!bench::agree(state, reward, expected, 1e-6)) return;
  bench::measure(state, {static_cast<double>(3 * pairs * block) * sizeof(float)}, run);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"pairs", "steps"})->UseRealTime()->Unit(benchmark::kMillisecond);
  b->Args({4096, 12})->Args({256, 60});
}
constexpr StructureAlignmentOptions kPrefix{Alignment::prefix, AlignmentNormalizer::none, 0, 0, 0};
constexpr StructureAlignmentOptions kMonotone{Alignment::monotone, AlignmentNormalizer::max, 0.9, 0, 0};
BENCHMARK_CAPTURE(judged, prefix_yes_no, kPrefix, true)->Apply(shapes);
BENCHMARK_CAPTURE(judged, prefix_probabilities, kPrefix, false)->Apply(shapes);
BENCHMARK_CAPTURE(judged, monotone_yes_no, kMonotone, true)->Apply(shapes);
BENCHMARK_CAPTURE(judged, monotone_probabilities, kMonotone, false)->Apply(shapes);

}  // namespace
}  // namespace rlkd::kernels
