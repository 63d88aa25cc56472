/*
 * sampling on CPUs: rows over threads; a row without sorting the vocabulary.
 *
 * The kept tokens are always a prefix of the order "falling score, then falling id" (min_p aside), so one pair
 * (score, id), the Cut, describes them. Maxima of blocks of 256 scores tell which blocks can hold a kept
 * token; the others are not looked at again. top_k: the k-th largest block maximum bounds the k-th largest
 * score from below; few scores reach it. top_p: tokens of weight < (1 - top_p) total / (2 vocab) together
 * weigh too little to matter; among the others the cut is found by halving around the median (quickselect on
 * running weight).
 */
#include "rlkd/kernels/sampling.h"

#include <omp.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <functional>
#include <limits>

#include "cpu/softmax.h"
#include "cpu/vector/kernels.h"
#include "rlkd/kernels/philox.h"

namespace rlkd::kernels::cpu {

namespace {

constexpr int64_t kBlock = 256;
// Below this many logits starting the threads costs more than they save.
constexpr int64_t kParallelLogits = 1 << 15;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

int64_t block_count(int64_t vocab) { return (vocab + kBlock - 1) / kBlock; }

struct Candidate {
  double weight;
  float score;
  int32_t token;
};

/** By falling score, then falling id. */
bool before(const Candidate& a, const Candidate& b) {
  return a.score > b.score || (a.score == b.score && a.token > b.token);
}

/** Keeps scores above `score`, and of those equal to it ids from `first` on. */
struct Cut {
  float score = -kInfinity;
  int64_t first = 0;

  bool keeps(float other, int64_t token) const { return other > score || (other == score && token >= first); }
};

/** One thread's part of the workspace. */
struct Scratch {
  Candidate* candidates;  // [vocab]
  double* block_weight;   // [blocks]
  float* scores;          // [vocab]
  float* block_max;       // [blocks]
  float* selection;       // [vocab]

  static size_t bytes(int64_t vocab) {
    const auto v = static_cast<size_t>(vocab);
    const auto blocks = static_cast<size_t>(block_count(vocab));
    const size_t total =
        v * (sizeof(Candidate) + 2 * sizeof(float)) + blocks * (sizeof(double) + sizeof(float));
    return (total + 63) / 64 * 64;
  }
  Scratch(void* memory, int64_t vocab) {
    candidates = static_cast<Candidate*>(memory);
    block_weight = reinterpret_cast<double*>(candidates + vocab);
    scores = reinterpret_cast<float*>(block_weight + block_count(vocab));
    block_max = scores + vocab;
    selection = block_max + block_count(vocab);
  }
};

/** Draws from one row whose softmax is defined. */
class Row {
 public:
  Row(const VectorKernels& kernels, const float* scores, int64_t vocab, double temperature, Scratch& scratch)
      : kernels_(kernels), scores_(scores), vocab_(vocab), inverse_(1 / temperature), scratch_(scratch) {
    for (int64_t b = 0; b < block_count(vocab); ++b) {
      scratch_.block_max[b] = kernels_.maximum(scores_ + b * kBlock, length(b));
    }
    max_ = kernels_.maximum(scratch_.block_max, block_count(vocab));
  }

  void keep_top_k(int64_t k) {
    if (k > 0 && k < vocab_) cut_ = {kth_largest(k), 0};
  }

  void keep_top_p(double top_p) {
    const double total = weigh();
    const double least = (1 - top_p) * total / (2 * static_cast<double>(vocab_));
    int64_t n = 0;
    double weights[kBlock];
    for (int64_t b = 0; b < block_count(vocab_); ++b) {
      if (scratch_.block_weight[b] < least) continue;
      kernels_.softmax_weights(scores_ + b * kBlock, length(b), max_, inverse_, weights);
      for (int64_t j = 0; j < length(b); ++j) {
        const int64_t token = b * kBlock + j;
        if (weights[j] >= least && cut_.keeps(scores_[token], token)) {
          scratch_.candidates[n++] = {weights[j], scores_[token], static_cast<int32_t>(token)};
        }
      }
    }
    const Candidate& last = last_of_prefix(scratch_.candidates, n, top_p * total);
    cut_ = {last.score, last.token};
  }

  void keep_min_p(double min_p) { min_weight_ = min_p; }

  int64_t draw(double uniform) {
    const double target = uniform * weigh();
    double cumulative = 0;
    int64_t token = -1;
    double weights[kBlock];
    for (int64_t b = 0; b < block_count(vocab_); ++b) {
      if (scratch_.block_weight[b] == 0) continue;
      const bool last_chance = b == last_block_;
      if (cumulative + scratch_.block_weight[b] <= target && !last_chance) {
        cumulative += scratch_.block_weight[b];
        continue;
      }
      kept_weights(b, weights);
      for (int64_t j = 0; j < length(b); ++j) {
        if (weights[j] == 0) continue;
        cumulative += weights[j];
        token = b * kBlock + j;
        if (cumulative > target) return token;
      }
    }
    return token;  // rounding left the target at the very end: the last kept token
  }

 private:
  int64_t length(int64_t block) const { return std::min(kBlock, vocab_ - block * kBlock); }

  float kth_largest(int64_t k) {
    const int64_t blocks = block_count(vocab_);
    float bound = -kInfinity;
    float* selection = scratch_.selection;
    if (k <= blocks) {
      std::copy_n(scratch_.block_max, blocks, selection);
      std::nth_element(selection, selection + k - 1, selection + blocks, std::greater<float>());
      bound = selection[k - 1];
    }
    int64_t n = 0;
    for (int64_t b = 0; b < blocks; ++b) {
      if (scratch_.block_max[b] < bound) continue;
      for (int64_t j = b * kBlock; j < b * kBlock + length(b); ++j) {
        if (scores_[j] >= bound) selection[n++] = scores_[j];
      }
    }
    std::nth_element(selection, selection + k - 1, selection + n, std::greater<float>());
    return selection[k - 1];
  }

  /** The last of the shortest prefix, in the order of before(), whose weight is >= needed; the first if that
   * is 0. */
  static const Candidate& last_of_prefix(Candidate* candidates, int64_t n, double needed) {
    int64_t low = 0;  // the prefix is longer than low, as [0, low) weighs `weight` < needed
    int64_t high = n;
    double weight = 0;
    while (high - low > 1) {
      const int64_t middle = low + (high - low) / 2;
      std::nth_element(candidates + low, candidates + middle, candidates + high, before);
      double lower_half = 0;
      for (int64_t i = low; i < middle; ++i) lower_half += candidates[i].weight;
      if (weight + lower_half >= needed) {
        high = middle;
      } else {
        weight += lower_half;
        low = middle;
      }
    }
    return candidates[low];
  }

  /** Weights of a block's tokens, 0 for those not kept; returns their sum. */
  double kept_weights(int64_t b, double* weights) {
    const double all = kernels_.softmax_weights(scores_ + b * kBlock, length(b), max_, inverse_, weights);
    if (cut_.score == -kInfinity && min_weight_ == 0) return all;
    double kept = 0;
    for (int64_t j = 0; j < length(b); ++j) {
      const int64_t token = b * kBlock + j;
      if (!cut_.keeps(scores_[token], token) || weights[j] < min_weight_) weights[j] = 0;
      kept += weights[j];
    }
    return kept;
  }

  /** Fills block_weight with the weight of each block's kept tokens; returns the total. */
  double weigh() {
    double total = 0;
    double weights[kBlock];
    for (int64_t b = 0; b < block_count(vocab_); ++b) {
      scratch_.block_weight[b] = scratch_.block_max[b] < cut_.score ? 0 : kept_weights(b, weights);
      if (scratch_.block_weight[b] > 0) last_block_ = b;
      total += scratch_.block_weight[b];
    }
    return total;
  }

  const VectorKernels& kernels_;
  const float* scores_;
  int64_t vocab_;
  double inverse_;
  Scratch& scratch_;
  double max_ = 0;
  Cut cut_;
  double min_weight_ = 0;
  int64_t last_block_ = 0;
};

/** The row's logits, or a copy of them with the tokens of its history penalised. */
const float* penalised(const SamplingInputs& inputs, int64_t row, float* copy) {
  const float* logits = inputs.logits.row(row);
  if (!inputs.repetition_penalty || !inputs.history || inputs.repetition_penalty[row] == 1) return logits;
  const float penalty = inputs.repetition_penalty[row];
  std::copy_n(logits, inputs.logits.cols, copy);
  for (int64_t i = inputs.history_offsets[row]; i < inputs.history_offsets[row + 1]; ++i) {
    const int64_t token = inputs.history[i];
    if (logits[token] == -kInfinity) continue;
    copy[token] =
        std::clamp(logits[token] < 0 ? logits[token] * penalty : logits[token] / penalty, -FLT_MAX, FLT_MAX);
  }
  return copy;
}

int64_t sampled(const VectorKernels& kernels, const SamplingInputs& inputs, int64_t row, Scratch& scratch) {
  const int64_t vocab = inputs.logits.cols;
  const float* scores = penalised(inputs, row, scratch.scores);
  if (inputs.temperature[row] == 0) {
    const float max = kernels.maximum(scores, vocab);
    return std::find(scores, scores + vocab, max) - scores;
  }
  Row sampler(kernels, scores, vocab, inputs.temperature[row], scratch);
  sampler.keep_top_k(inputs.top_k[row]);
  if (inputs.top_p[row] < 1) sampler.keep_top_p(inputs.top_p[row]);
  sampler.keep_min_p(inputs.min_p[row]);
  return sampler.draw(philox_uniform(inputs.seed[row], inputs.position[row]));
}

}  // namespace

size_t sampling_workspace_size_of_thread(int64_t vocab) { return Scratch::bytes(vocab); }

size_t sampling_workspace_size(int64_t rows, int64_t vocab) {
  const int64_t threads = std::max<int64_t>(1, std::min<int64_t>(rows, omp_get_max_threads()));
  return static_cast<size_t>(threads) * Scratch::bytes(vocab);
}

void sampling(const SamplingInputs& inputs, Vector<int64_t> tokens, Vector<float> logprob, void* workspace,
              size_t workspace_bytes) {
  const VectorKernels& kernels = vector_kernels();
  const int64_t rows = inputs.logits.rows;
  const int64_t vocab = inputs.logits.cols;
  const size_t part = Scratch::bytes(vocab);
  const int64_t most = rows * vocab > kParallelLogits ? std::min<int64_t>(rows, omp_get_max_threads()) : 1;
  const int threads = static_cast<int>(std::min<int64_t>(most, static_cast<int64_t>(workspace_bytes / part)));
#pragma omp parallel num_threads(threads)
  {
    Scratch scratch(static_cast<char*>(workspace) + static_cast<size_t>(omp_get_thread_num()) * part, vocab);
#pragma omp for schedule(dynamic)
    for (int64_t i = 0; i < rows; ++i) {
      const float* logits = inputs.logits.row(i);
      const double temperature = inputs.temperature[i] == 0 ? 1 : inputs.temperature[i];
      const Softmax softmax(kernels.softmax_statistics(logits, vocab, temperature, false), temperature);
      tokens[i] = softmax.defined() ? sampled(kernels, inputs, i, scratch) : -1;
      logprob[i] = softmax.defined() ? static_cast<float>(softmax.logprob(logits[tokens[i]]))
                                     : std::numeric_limits<float>::quiet_NaN();
    }
  }
}

}  // namespace rlkd::kernels::cpu
