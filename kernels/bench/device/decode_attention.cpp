/*
 * decode_attention on a device: bytes of the keys and values that the rows name, each counted once, however many
 * rows share them.
 */
#include "rlkd/kernels/decode_attention.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "bench/device/measure.h"

namespace rlkd::kernels::bench {

namespace {

constexpr int64_t kBlock = 16;
constexpr int64_t kGroup = 8;  // completions of a prompt
// Softmax weights of float sums over bfloat16 products, and one rounding to bfloat16.
constexpr double kTolerance = 0x1p-7;

struct Layout {
  int64_t sequences;
  int64_t context;                                   // tokens of a sequence, of which
  int64_t prefix;                                    // the first are shared in a group of kGroup
  int64_t heads = 12, kv_heads = 2, head_dim = 128;  // Qwen2.5-1.5B

  int64_t blocks_a_row() const { return context / kBlock; }
  int64_t width() const { return kv_heads * head_dim; }
  int64_t unique_blocks() const {
    return (sequences / kGroup * prefix + sequences * (context - prefix)) / kBlock;
  }
};

/** Blocks in random places of the cache, those of a prefix named by every row of its group. */
std::vector<int64_t> block_table(const Layout& layout) {
  std::vector<int64_t> places(static_cast<size_t>(layout.unique_blocks()));
  for (size_t i = 0; i < places.size(); ++i) places[i] = static_cast<int64_t>(i);
  std::shuffle(places.begin(), places.end(), std::mt19937_64(1));
  std::vector<int64_t> table;
  auto next = places.begin();
  for (int64_t row = 0; row < layout.sequences; ++row) {
    for (int64_t b = 0; b < layout.blocks_a_row(); ++b) {
      const bool shared = b < layout.prefix / kBlock && row % kGroup != 0;
      table.push_back(shared ? table[static_cast<size_t>((row - row % kGroup) * layout.blocks_a_row() + b)]
                             : *next++);
    }
  }
  return table;
}

/** A row's keys or values in the order of its tokens. */
std::vector<float> gathered(const DeviceArray<bfloat16>& cache, const std::vector<int64_t>& table,
                            int64_t row, const Layout& layout) {
  std::vector<float> values;
  for (int64_t b = 0; b < layout.blocks_a_row(); ++b) {
    const int64_t block = table[static_cast<size_t>(row * layout.blocks_a_row() + b)];
    const std::vector<float> part = cache.floats(block * kBlock * layout.width(), kBlock * layout.width());
    values.insert(values.end(), part.begin(), part.end());
  }
  return values;
}

void run(benchmark::State& state, const Layout& layout) {
  const int64_t rows = layout.sequences, cols = layout.heads * layout.head_dim;
  const int64_t groups = rows / kGroup;
  const std::vector<int64_t> table = block_table(layout);
  DeviceArray<int64_t> device_table(table);
  DeviceArray<int64_t> lengths(std::vector<int64_t>(static_cast<size_t>(rows), layout.context));
  std::vector<int64_t> offsets;
  for (int64_t g = 0; g <= groups; ++g) offsets.push_back(g * kGroup);
  DeviceArray<int64_t> group_offsets(offsets);
  DeviceArray<int64_t> prefix_lengths(std::vector<int64_t>(static_cast<size_t>(groups), layout.prefix));
  DeviceArray<bfloat16> query(rows * cols), output(rows * cols);
  DeviceArray<bfloat16> keys(layout.unique_blocks() * kBlock * layout.width()), values(keys.size());
  fill_normal(query, 1, 1);
  fill_normal(keys, 1, 2);
  fill_normal(values, 1, 3);
  DecodeAttention<bfloat16> inputs{};
  inputs.query = query.matrix(rows);
  inputs.keys = keys.view();
  inputs.values = values.view();
  inputs.block_table = device_table.matrix(rows);
  inputs.lengths = lengths.view();
  inputs.block_size = kBlock;
  inputs.kv_heads = layout.kv_heads;
  inputs.head_dim = layout.head_dim;
  inputs.scale = 1 / std::sqrt(static_cast<float>(layout.head_dim));
  if (layout.prefix > 0) inputs.prefixes = {group_offsets.view(), prefix_lengths.view()};
  DeviceArray<unsigned char> workspace(static_cast<int64_t>(
      cuda::decode_attention_workspace_size(rows, layout.heads, layout.head_dim, layout.context)));
  const auto launch = [&] {
    return cuda::decode_attention<bfloat16>(inputs, output.matrix(rows), workspace.data(), nullptr);
  };
  require(launch());
  require(cuda::synchronize(nullptr));

  std::vector<int64_t> own_table;
  for (int64_t b = 0; b < layout.blocks_a_row(); ++b) own_table.push_back(b);
  for (const int64_t row : {int64_t{0}, rows - 1}) {
    const std::vector<float> row_query = query.floats(row * cols, cols);
    const std::vector<float> row_keys = gathered(keys, table, row, layout);
    const std::vector<float> row_values = gathered(values, table, row, layout);
    DecodeAttention<float> expected_inputs{};
    expected_inputs.query = {row_query.data(), 1, cols, cols};
    expected_inputs.keys = {row_keys.data(), static_cast<int64_t>(row_keys.size())};
    expected_inputs.values = {row_values.data(), static_cast<int64_t>(row_values.size())};
    expected_inputs.block_table = {own_table.data(), 1, layout.blocks_a_row(), layout.blocks_a_row()};
    expected_inputs.lengths = {&layout.context, 1};
    expected_inputs.block_size = kBlock;
    expected_inputs.kv_heads = layout.kv_heads;
    expected_inputs.head_dim = layout.head_dim;
    expected_inputs.scale = inputs.scale;
    std::vector<float> expected(static_cast<size_t>(cols));
    reference::decode_attention(expected_inputs, {expected.data(), 1, cols, cols});
    require_close("output", output.floats(row * cols, cols), expected, kTolerance);
  }
  const double cached = 2.0 * static_cast<double>(layout.unique_blocks() * kBlock * layout.width());
  measure(state, {(cached + 2.0 * static_cast<double>(rows * cols)) * sizeof(bfloat16)}, launch);
}

void add_shapes() {
  const auto add_for = [](Layout layout) {
    add("decode_attention", "bfloat16",
        {{"sequences", layout.sequences}, {"context", layout.context}, {"prefix", layout.prefix}},
        [=](benchmark::State& state) { run(state, layout); });
  };
  if (emulated()) {
    add_for({8, 64, 32, 4, 2, 16});
    return;
  }
  add_for({64, 1024, 0});
  add_for({64, 16384, 0});
  add_for({512, 1024, 512});
  add_for({512, 4096, 0});
  add_for({512, 4096, 2048});
  add_for({512, 16384, 0});
}

[[maybe_unused]] const bool added = (add_shapes(), true);

}  // namespace

}  // namespace rlkd::kernels::bench
