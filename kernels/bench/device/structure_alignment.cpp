/* structure_alignment on a device: bytes of judgements read; thousands of pairs in one launch. */
#include "rlkd/kernels/structure_alignment.h"

#include "bench/device/measure.h"
#include "test/support/random.h"

namespace rlkd::kernels::bench {

namespace {

void run(benchmark::State& state, int64_t pairs, int64_t steps, Alignment alignment) {
  test::Random random(1);
  const int64_t judgements = pairs * steps * steps;
  std::vector<float> judged[3];
  for (std::vector<float>& field : judged) {
    field.resize(static_cast<size_t>(judgements));
    for (float& p : field) p = static_cast<float>(random.uniform());
  }
  std::vector<int64_t> judgement_offsets, parent_offsets, counts(static_cast<size_t>(pairs), steps);
  std::vector<int32_t> parents;  // one path: each node hangs from the one before
  for (int64_t p = 0; p < pairs; ++p) {
    judgement_offsets.push_back(p * steps * steps);
    parent_offsets.push_back(p * steps);
    for (int64_t j = 0; j < steps; ++j) parents.push_back(static_cast<int32_t>(j - 1));
  }
  StructureAlignmentOptions options;
  options.alignment = alignment;
  options.gap_decay = alignment == Alignment::monotone ? 0.9 : 0;
  options.max_student_steps = options.max_teacher_nodes = steps;

  DeviceArray<float> meta(judged[0]), query(judged[1]), answer(judged[2]), reward(pairs);
  DeviceArray<int64_t> device_judgement_offsets(judgement_offsets), device_parent_offsets(parent_offsets),
      device_counts(counts);
  DeviceArray<int32_t> device_parents(parents);
  DeviceArray<unsigned char> workspace(
      static_cast<int64_t>(cuda::structure_alignment_workspace_size(pairs, options)));
  const StructureAlignmentInputs inputs{meta.view(),           query.view(),
                                        answer.view(),         device_judgement_offsets.view(),
                                        device_parents.view(), device_parent_offsets.view(),
                                        device_counts.view(),  device_counts.view()};
  const auto launch = [&] {
    return cuda::structure_alignment(inputs, options, reward.view(), {}, workspace.data(), nullptr);
  };
  require(launch());
  require(cuda::synchronize(nullptr));
  const auto view = [](auto& values) {
    using T = typename std::remove_reference_t<decltype(values)>::value_type;
    return Vector<const T>{values.data(), static_cast<int64_t>(values.size())};
  };
  std::vector<float> expected(static_cast<size_t>(pairs));
  reference::structure_alignment({view(judged[0]), view(judged[1]), view(judged[2]), view(judgement_offsets),
                                  view(parents), view(parent_offsets), view(counts), view(counts)},
                                 options, {expected.data(), pairs}, {});
  require_close("reward", reward.host(), expected, 1e-6);
  measure(state, {3.0 * static_cast<double>(judgements) * sizeof(float)}, launch);
  state.counters["pairs/s"] = static_cast<double>(pairs) / (state.counters["median_us"] * 1e-6);
}

void add_shapes() {
  const auto add_for = [](const char* name, int64_t pairs, int64_t steps, Alignment alignment) {
    add(name, "float32", {{"pairs", pairs}, {"steps", steps}},
        [=](benchmark::State& state) { run(state, pairs, steps, alignment); });
  };
  const int64_t pairs = emulated() ? 3 : 4096, steps = emulated() ? 4 : 12;
  add_for("structure_alignment_prefix", pairs, steps, Alignment::prefix);
  add_for("structure_alignment_monotone", pairs, steps, Alignment::monotone);
  if (!emulated()) add_for("structure_alignment_monotone", 1024, 48, Alignment::monotone);
}

[[maybe_unused]] const bool added = (add_shapes(), true);

}  // namespace

}  // namespace rlkd::kernels::bench
