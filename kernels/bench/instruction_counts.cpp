/* Runs every CPU kernel once at a fixed shape, for callgrind to count its instructions: scripts/instruction-counts.sh.
 * Unlike times, counts are the same at every run: they tell a slower kernel from a busy machine. */
#include <valgrind/callgrind.h>

#include <cstdint>
#include <cstdio>
#include <vector>

#include "rlkd/kernels/adamw.h"
#include "rlkd/kernels/cpu_features.h"
#include "rlkd/kernels/decode_attention.h"
#include "rlkd/kernels/group_advantage.h"
#include "rlkd/kernels/linear.h"
#include "rlkd/kernels/logprob.h"
#include "rlkd/kernels/policy_loss.h"
#include "rlkd/kernels/rmsnorm.h"
#include "rlkd/kernels/rope.h"
#include "rlkd/kernels/rows.h"
#include "rlkd/kernels/sampling.h"
#include "rlkd/kernels/structure_alignment.h"
#include "rlkd/kernels/swiglu.h"

namespace rlkd::kernels {
namespace {

/** The first call sets up what is set up once; the second is counted. */
template <class Kernel>
void count(const char* name, const Kernel& kernel) {
  kernel();
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  kernel();
  CALLGRIND_DUMP_STATS_AT(name);
  CALLGRIND_STOP_INSTRUMENTATION;
}

/** Uniform in [-scale, scale), of a linear congruential generator (Knuth's MMIX): the same with every library. */
class Numbers {
 public:
  float next(float scale) { return scale * (2 * static_cast<float>(bits() >> 40) * 0x1p-24f - 1); }
  int64_t below(int64_t bound) { return static_cast<int64_t>(bits() >> 33) % bound; }

 private:
  uint64_t bits() { return state_ = state_ * 6364136223846793005u + 1442695040888963407u; }
  uint64_t state_ = 1;
};

Numbers numbers;

/** A matrix with memory. */
struct Table {
  Table(int64_t row_count, int64_t column_count, float scale)
      : values(static_cast<size_t>(row_count * column_count)), rows(row_count), cols(column_count) {
    for (float& x : values) x = scale == 0 ? 0 : numbers.next(scale);
  }
  operator Matrix<float>() { return {values.data(), rows, cols, cols}; }
  operator Matrix<const float>() const { return {values.data(), rows, cols, cols}; }
  operator Vector<float>() { return {values.data(), rows * cols}; }
  operator Vector<const float>() const { return {values.data(), rows * cols}; }

  std::vector<float> values;
  int64_t rows, cols;
};

Table filled(int64_t rows, int64_t cols, float value) {
  Table table(rows, cols, 0);
  for (float& x : table.values) x = value;
  return table;
}

struct Integers {
  Integers(int64_t size, int64_t bound) : values(static_cast<size_t>(size)) {
    for (int64_t& x : values) x = numbers.below(bound);
  }
  operator Vector<const int64_t>() const { return {values.data(), static_cast<int64_t>(values.size())}; }

  std::vector<int64_t> values;
};

Integers multiples(int64_t size, int64_t step, int64_t first = 0) {
  Integers integers(size, 1);
  for (int64_t i = 0; i < size; ++i) integers.values[static_cast<size_t>(i)] = first + i * step;
  return integers;
}

void count_logprob() {
  const int64_t rows = 16, vocab = 16001;
  const Table logits(rows, vocab, 8);
  const Integers tokens(rows, vocab);
  const Table dlogprob(rows, 1, 1), dentropy(rows, 1, 0.1f);
  Table logprob(rows, 1, 0), entropy(rows, 1, 0), logsumexp(rows, 1, 0);
  count("logprob_forward", [&] { cpu::logprob_forward(logits, tokens, 0.9f, logprob, entropy, logsumexp); });
  Table gradient = logits;
  count("logprob_backward",
        [&] { cpu::logprob_backward(gradient, tokens, 0.9f, logsumexp, entropy, dlogprob, dentropy); });
}

void count_group_advantage() {
  const int64_t rows = 4096, functions = 4;
  const Table rewards(rows, functions, 1), weights = filled(functions, 1, 10);
  Table advantages(rows, 1, 0), reward(rows, 1, 0), reward_std(rows, 1, 0);
  GroupAdvantageOptions options;
  options.group_size = 8;
  count("group_advantage",
        [&] { cpu::group_advantage(rewards, weights, options, advantages, reward, reward_std); });
}

void count_policy_loss(const char* name, ImportanceLevel level) {
  const int64_t batch = 32, length = 512;
  const Table logprob(batch, length, 1), old_logprob(batch, length, 1), ref_logprob(batch, length, 1);
  const Table mask = filled(batch, length, 1), advantages(batch, 1, 1);
  Table dlogprob(batch, length, 0);
  PolicyLossInputs inputs;
  inputs.logprob = logprob;
  inputs.old_logprob = old_logprob;
  inputs.ref_logprob = ref_logprob;
  inputs.mask = mask;
  inputs.advantages = advantages;
  PolicyLossOptions options;
  options.importance_level = level;
  options.beta = 0.04;
  options.num_items_in_batch = static_cast<double>(batch * length);
  double loss = 0;
  PolicyLossCounters counters;
  PolicyLossOutputs outputs;
  outputs.loss = &loss;
  outputs.dlogprob = dlogprob;
  outputs.counters = &counters;
  std::vector<double> workspace(cpu::policy_loss_workspace_size(batch, length, options) / sizeof(double) + 8);
  count(name, [&] { cpu::policy_loss(inputs, options, outputs, workspace.data()); });
}

void count_structure_alignment(const char* name, Alignment alignment) {
  const int64_t pairs = 512, steps = 12;
  Table judgements[3] = {{pairs, steps * steps, 1}, {pairs, steps * steps, 1}, {pairs, steps * steps, 1}};
  for (Table& table : judgements) {
    for (float& x : table.values) x = x < -0.4f ? 0.0f : 1.0f;
  }
  const Integers judgement_offsets = multiples(pairs, steps * steps), zeros = multiples(pairs, 0);
  const Integers lengths = multiples(pairs, 0, steps);
  std::vector<int32_t> parents(steps), best_leaf(pairs);
  for (int32_t i = 0; i < steps; ++i) parents[static_cast<size_t>(i)] = i - 1;
  StructureAlignmentInputs inputs{judgements[0],           judgements[1], judgements[2], judgement_offsets,
                                  {parents.data(), steps}, zeros,         lengths,       lengths};
  StructureAlignmentOptions options;
  options.alignment = alignment;
  options.gap_decay = alignment == Alignment::monotone ? 0.7 : 0;
  options.max_student_steps = options.max_teacher_nodes = steps;
  Table reward(pairs, 1, 0);
  std::vector<double> workspace(cpu::structure_alignment_workspace_size(pairs, options) / sizeof(double) + 8);
  count(name, [&] {
    cpu::structure_alignment(inputs, options, reward, {best_leaf.data(), pairs}, workspace.data());
  });
}

void count_sampling(const char* name, float top_p) {
  const int64_t rows = 16, vocab = 8192;
  const Table logits(rows, vocab, 8), temperature = filled(rows, 1, 0.8f),
                                      truncation = filled(rows, 1, top_p);
  const Table min_p = filled(rows, 1, 0);
  const Integers seed(rows, 1 << 30), position = multiples(rows, 1), top_k = multiples(rows, 0);
  SamplingInputs inputs;
  inputs.logits = logits;
  inputs.seed = seed;
  inputs.position = position;
  inputs.temperature = temperature;
  inputs.top_k = top_k;
  inputs.top_p = truncation;
  inputs.min_p = min_p;
  Integers tokens(rows, 1);
  Table logprob(rows, 1, 0);
  const size_t bytes = cpu::sampling_workspace_size(rows, vocab);
  std::vector<char> storage(bytes + 64);
  char* workspace = storage.data() + (64 - reinterpret_cast<uintptr_t>(storage.data()) % 64) % 64;
  count(name, [&] { cpu::sampling(inputs, {tokens.values.data(), rows}, logprob, workspace, bytes); });
}

void count_decode_attention() {
  const int64_t rows = 16, heads = 4, kv_heads = 2, head_dim = 64, block_size = 16, blocks = 12;
  const Table query(rows, heads * head_dim, 1);
  const Table keys(rows * blocks * block_size, kv_heads * head_dim, 1);
  const Table values(rows * blocks * block_size, kv_heads * head_dim, 1);
  const Integers table = multiples(rows * blocks, 1), lengths = multiples(rows, 0, blocks * block_size);
  Table output(rows, heads * head_dim, 0);
  DecodeAttention<float> inputs{};
  inputs.query = query;
  inputs.keys = keys;
  inputs.values = values;
  inputs.block_table = {table.values.data(), rows, blocks, blocks};
  inputs.lengths = lengths;
  inputs.block_size = block_size;
  inputs.kv_heads = kv_heads;
  inputs.head_dim = head_dim;
  inputs.scale = 0.125f;
  count("decode_attention", [&] { cpu::decode_attention(inputs, output); });
}

void count_linear() {
  const Table input(16, 576, 1), weight(1536, 576, 1), bias(1536, 1, 1);
  Table output(16, 1536, 0);
  const LinearPart part{weight, bias, output};
  count("linear", [&] { cpu::linear(input, &part, 1, false); });
}

void count_rows() {
  const int64_t rows = 256, cols = 576, all = 1024;
  const Table matrix(all, cols, 1);
  const Integers indices(rows, all);
  Table taken(rows, cols, 0), scattered(all, cols, 0);
  count("rows_gather", [&] { cpu::rows_gather(matrix, indices, taken); });
  count("rows_scatter", [&] { cpu::rows_scatter(taken, indices, scattered); });
}

void count_rmsnorm() {
  const int64_t rows = 256, cols = 576;
  const Table input(rows, cols, 1), weight(cols, 1, 1), doutput(rows, cols, 1);
  Table output(rows, cols, 0), inverse_rms(rows, 1, 0), dinput(rows, cols, 0), dweight(cols, 1, 0);
  count("rmsnorm_forward", [&] { cpu::rmsnorm_forward(input, {}, weight, 1e-6f, {}, output, inverse_rms); });
  count("rmsnorm_backward",
        [&] { cpu::rmsnorm_backward(input, weight, inverse_rms, doutput, dinput, dweight); });
}

void count_rope() {
  const int64_t rows = 256, heads = 9, head_dim = 64;
  const Table input(rows, heads * head_dim, 1), cosine(rows, head_dim / 2, 1), sine(rows, head_dim / 2, 1);
  const Integers positions = multiples(rows, 1);
  Table output(rows, heads * head_dim, 0);
  count("rope_forward", [&] { cpu::rope_forward(input, positions, cosine, sine, output); });
  count("rope_backward", [&] { cpu::rope_backward(input, positions, cosine, sine, output); });
}

void count_swiglu() {
  const int64_t rows = 128, cols = 1536;
  const Table gate(rows, cols, 4), up(rows, cols, 1), doutput(rows, cols, 1);
  Table output(rows, cols, 0), dgate(rows, cols, 0), dup(rows, cols, 0);
  count("swiglu_forward", [&] { cpu::swiglu_forward(gate, up, output); });
  count("swiglu_backward", [&] { cpu::swiglu_backward(gate, up, doutput, dgate, dup); });
}

void count_adamw() {
  const int64_t size = 1 << 18;
  Table param(size, 1, 1), exp_avg(size, 1, 0.01f), exp_avg_sq = filled(size, 1, 1e-4f);
  const Table grad(size, 1, 0.1f);
  const Vector<const float> gradient = grad;
  float norm = 0;
  count("grad_norm", [&] { norm = cpu::grad_norm(&gradient, 1); });
  const AdamwTensor tensor{
      param.values.data(), grad.values.data(), exp_avg.values.data(), exp_avg_sq.values.data(), size, 0.01};
  const AdamwOptions options{1e-3, 0.9, 0.999, 1e-8, 1, 10};
  count("adamw", [&] { cpu::adamw(&tensor, 1, options, norm); });
}

}  // namespace
}  // namespace rlkd::kernels

int main() {
  using namespace rlkd::kernels;
  std::printf("%s\n", cpu::name(cpu::instruction_set()));
  count_logprob();
  count_group_advantage();
  count_policy_loss("policy_loss_token", ImportanceLevel::token);
  count_policy_loss("policy_loss_sequence", ImportanceLevel::sequence);
  count_structure_alignment("structure_alignment_prefix", Alignment::prefix);
  count_structure_alignment("structure_alignment_monotone", Alignment::monotone);
  count_sampling("sampling", 1);
  count_sampling("sampling_top_p", 0.95f);
  count_decode_attention();
  count_linear();
  count_rows();
  count_rmsnorm();
  count_rope();
  count_swiglu();
  count_adamw();
  return 0;
}
