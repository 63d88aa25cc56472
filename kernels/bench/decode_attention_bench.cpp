/* decode_attention: bytes of keys and values a second. Checked before it is timed. */
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/support/array.h"
#include "bench/support/check.h"
#include "bench/support/measure.h"
#include "rlkd/kernels/decode_attention.h"

namespace rlkd::kernels {
namespace {

constexpr int64_t kBlock = 16;

void decode_attention(benchmark::State& state) {
  const int64_t rows = state.range(0), length = state.range(1), heads = state.range(2);
  const int64_t kv_heads = state.range(3), head_dim = state.range(4), blocks = length / kBlock;
  test::Random random(1);
  const bench::Array<float> query = bench::normal(random, rows, heads * head_dim);
  const bench::Array<float> keys = bench::normal(random, rows * length, kv_heads * head_dim);
  const bench::Array<float> values = bench::normal(random, rows * length, kv_heads * head_dim);
  const bench::Array<int64_t> table = bench::multiples(rows * blocks, 1);
  const std::vector<int64_t> lengths(static_cast<size_t>(rows), length);
  bench::Array<float> output(rows, heads * head_dim), expected(rows, heads * head_dim);
  DecodeAttention<float> inputs{};
  inputs.query = query.matrix();
  inputs.keys = keys.vector();
  inputs.values = values.vector();
  inputs.block_table = {table.values.data(), rows, blocks, blocks};
  inputs.lengths = {lengths.data(), rows};
  inputs.block_size = kBlock;
  inputs.kv_heads = kv_heads;
  inputs.head_dim = head_dim;
  inputs.scale = 0.125f;
  reference::decode_attention(inputs, expected.matrix());
  const auto run = [&] { cpu::decode_attention(inputs, output.matrix()); };
  run();
  if (!bench::agree(state, output.values, expected.values, 1e-5)) return;
  bench::measure(state, {static_cast<double>(keys.values.size() + values.values.size()) * sizeof(float)},
                 run);
}

// "tiny", SmolLM2-135M and Qwen2.5-0.5B.
void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "length", "heads", "kv_heads", "head_dim"})->UseRealTime();
  b->Args({64, 192, 4, 2, 64})->Args({16, 512, 9, 3, 64})->Args({16, 2048, 14, 2, 64});
}
BENCHMARK(decode_attention)->Apply(shapes);

}  // namespace
}  // namespace rlkd::kernels
