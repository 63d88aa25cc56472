#include "rlkd/kernels/structure_alignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "support/compare.h"
#include "support/guarded.h"
#include "support/random.h"

namespace rlkd::kernels {
namespace {

using test::close;
using test::Guarded;
using test::Random;
using test::Tolerance;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
// Both compute in fp64 and round once to fp32.
constexpr Tolerance kTolerance{1e-7, 1e-6};

/** One student path against one teacher tree: judgements [n, m]. */
struct Pair {
  int64_t steps;
  std::vector<int32_t> parents;
  std::vector<float> meta;
  std::vector<float> query;
  std::vector<float> answer;

  int64_t nodes() const { return static_cast<int64_t>(parents.size()); }
  size_t at(int64_t step, int64_t node) const { return static_cast<size_t>(step * nodes() + node); }
};

/** n steps against a tree, every answer "yes". */
Pair agreeing(int64_t steps, std::vector<int32_t> parents) {
  const size_t count = static_cast<size_t>(steps) * parents.size();
  return {steps, std::move(parents), std::vector<float>(count, 1), std::vector<float>(count, 1),
          std::vector<float>(count, 1)};
}

std::vector<int32_t> chain(int64_t length) {
  std::vector<int32_t> parents;
  for (int64_t v = 0; v < length; ++v) parents.push_back(static_cast<int32_t>(v - 1));
  return parents;
}

struct Scores {
  std::vector<float> reward;
  std::vector<int32_t> best_leaf;
};

enum class Backend { cpu, reference };

/** All pairs in one call. The blocks lie apart, in reverse order, with NaN between them. */
Scores score(Backend backend, const std::vector<Pair>& pairs, StructureAlignmentOptions options) {
  std::vector<float> meta{kNaN}, query{kNaN}, answer{kNaN};
  std::vector<int32_t> parents{-77};
  std::vector<int64_t> judgement_offsets(pairs.size()), parent_offsets(pairs.size()), steps(pairs.size()),
      nodes(pairs.size());
  for (size_t p = pairs.size(); p-- > 0;) {
    judgement_offsets[p] = static_cast<int64_t>(meta.size());
    parent_offsets[p] = static_cast<int64_t>(parents.size());
    steps[p] = pairs[p].steps;
    nodes[p] = pairs[p].nodes();
    options.max_student_steps = std::max(options.max_student_steps, steps[p]);
    options.max_teacher_nodes = std::max(options.max_teacher_nodes, nodes[p]);
    meta.insert(meta.end(), pairs[p].meta.begin(), pairs[p].meta.end());
    query.insert(query.end(), pairs[p].query.begin(), pairs[p].query.end());
    answer.insert(answer.end(), pairs[p].answer.begin(), pairs[p].answer.end());
    parents.insert(parents.end(), pairs[p].parents.begin(), pairs[p].parents.end());
    for (auto* judgement : {&meta, &query, &answer}) judgement->push_back(kNaN);
    parents.push_back(-77);
  }
  const auto count = static_cast<int64_t>(pairs.size());
  const auto floats = [](const std::vector<float>& v) {
    return Vector<const float>{v.data(), static_cast<int64_t>(v.size())};
  };
  const StructureAlignmentInputs inputs{
      floats(meta),
      floats(query),
      floats(answer),
      {judgement_offsets.data(), count},
      {parents.data(), static_cast<int64_t>(parents.size())},
      {parent_offsets.data(), count},
      {steps.data(), count},
      {nodes.data(), count},
  };
  Guarded<float> reward(count, -99, 1);
  Guarded<int32_t> best_leaf(count, -99, 1);
  if (backend == Backend::cpu) {
    Guarded<unsigned char> workspace(
        static_cast<int64_t>(cpu::structure_alignment_workspace_size(count, options)), 0xEE);
    cpu::structure_alignment(inputs, options, reward.view(), best_leaf.view(), workspace.data());
  } else {
    reference::structure_alignment(inputs, options, reward.view(), best_leaf.view());
  }
  return {reward.values(), best_leaf.values()};
}

float score_one(Backend backend, const Pair& pair, const StructureAlignmentOptions& options) {
  return score(backend, {pair}, options).reward[0];
}

StructureAlignmentOptions prefix(AlignmentNormalizer normalize = AlignmentNormalizer::none) {
  return {Alignment::prefix, normalize, 0, 0, 0};
}
StructureAlignmentOptions monotone(double gap_decay,
                                   AlignmentNormalizer normalize = AlignmentNormalizer::none) {
  return {Alignment::monotone, normalize, gap_decay, 0, 0};
}

std::vector<StructureAlignmentOptions> all_options() {
  std::vector<StructureAlignmentOptions> result;
  for (auto normalize : {AlignmentNormalizer::none, AlignmentNormalizer::teacher, AlignmentNormalizer::max}) {
    result.push_back(prefix(normalize));
    for (double gap_decay : {0.0, 0.3, 0.9, 1.0}) result.push_back(monotone(gap_decay, normalize));
  }
  return result;
}

/** A random forest; judgements yes/no or probabilities. */
Pair random_pair(Random& random, int64_t max_steps, int64_t max_nodes, bool yes_no) {
  std::vector<int32_t> parents;
  for (int64_t m = random.below(max_nodes + 1), v = 0; v < m; ++v) {
    // Mostly chains with some branches, as merged teacher paths are.
    const int64_t parent = random.uniform() < 0.6 ? v - 1 : random.below(v + 1) - 1;
    parents.push_back(static_cast<int32_t>(parent));
  }
  Pair pair = agreeing(random.below(max_steps + 1), std::move(parents));
  for (auto* judgement : {&pair.meta, &pair.query, &pair.answer}) {
    for (float& value : *judgement) {
      value = static_cast<float>(yes_no ? random.uniform() < 0.7 : random.uniform());
    }
  }
  return pair;
}

TEST(StructureAlignment, cpu_agrees_with_the_reference_on_random_trees) {
  Random random(11);
  std::vector<Pair> pairs;
  for (int i = 0; i < 400; ++i) pairs.push_back(random_pair(random, 7, 12, i % 2 == 0));
  for (const auto& options : all_options()) {
    const Scores expected = score(Backend::reference, pairs, options);
    const Scores actual = score(Backend::cpu, pairs, options);
    for (size_t p = 0; p < pairs.size(); ++p) {
      if (pairs[p].parents.empty()) {
        EXPECT_TRUE(std::isnan(expected.reward[p]) && std::isnan(actual.reward[p]));
        EXPECT_EQ(actual.best_leaf[p], -1);
        continue;
      }
      ASSERT_TRUE(close(actual.reward[p], expected.reward[p], kTolerance)) << "pair " << p;
      // Rounding may choose another of two equal paths, no other.
      if (p % 2 == 0) {
        ASSERT_EQ(actual.best_leaf[p], expected.best_leaf[p]) << "pair " << p;
      }
    }
  }
}

TEST(StructureAlignment, cpu_agrees_with_the_reference_on_pairs_large_enough_for_threads) {
  Random random(5);
  std::vector<Pair> pairs;
  for (int i = 0; i < 200; ++i) pairs.push_back(random_pair(random, 60, 70, false));
  for (const auto& options : {prefix(), monotone(0.95, AlignmentNormalizer::max)}) {
    const Scores expected = score(Backend::reference, pairs, options);
    const Scores actual = score(Backend::cpu, pairs, options);
    EXPECT_TRUE(test::all_close_or_both_nan(actual.reward, expected.reward,
                                            static_cast<int64_t>(pairs.size()), kTolerance));
  }
}

class StructureAlignmentBackends : public ::testing::TestWithParam<Backend> {
 protected:
  float score_of(const Pair& pair, const StructureAlignmentOptions& options) const {
    return score_one(GetParam(), pair, options);
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, StructureAlignmentBackends,
                         ::testing::Values(Backend::cpu, Backend::reference),
                         [](const auto& test) { return test.param == Backend::cpu ? "cpu" : "reference"; });

TEST_P(StructureAlignmentBackends, a_path_scores_its_length_against_itself) {
  for (int64_t m : {1, 2, 5, 33}) {
    const Pair pair = agreeing(m, chain(m));
    EXPECT_EQ(score_of(pair, prefix()), static_cast<float>(m));
    EXPECT_EQ(score_of(pair, monotone(0.5)), static_cast<float>(m));
    EXPECT_EQ(score_of(pair, prefix(AlignmentNormalizer::teacher)), 1);
    EXPECT_EQ(score_of(pair, monotone(0.5, AlignmentNormalizer::max)), 1);
  }
}

TEST_P(StructureAlignmentBackends, a_query_and_an_answer_that_differ_halve_their_step_each) {
  Pair pair = agreeing(4, chain(4));
  pair.query[pair.at(0, 0)] = 0;
  pair.answer[pair.at(1, 1)] = 0;
  pair.query[pair.at(2, 2)] = pair.answer[pair.at(2, 2)] = 0;
  EXPECT_EQ(score_of(pair, prefix()), 0.5f + 0.5f + 0.25f + 1);
}

TEST_P(StructureAlignmentBackends, a_meta_reasoning_that_differs_closes_the_gate_for_good) {
  Pair pair = agreeing(4, chain(4));
  pair.meta[pair.at(2, 2)] = 0;
  EXPECT_EQ(score_of(pair, prefix()), 2);
  pair.meta[pair.at(0, 0)] = 0;
  EXPECT_EQ(score_of(pair, prefix()), 0);
}

TEST_P(StructureAlignmentBackends, probabilities_enter_as_they_are) {
  Pair pair = agreeing(2, chain(2));
  pair.meta[pair.at(0, 0)] = 0.5f;
  pair.query[pair.at(1, 1)] = 0.25f;
  EXPECT_TRUE(close(score_of(pair, prefix()), 0.5 + 0.5 * std::pow(0.5, 0.75), kTolerance));
}

TEST_P(StructureAlignmentBackends, normalizers_divide_by_the_teacher_or_the_longer_path) {
  const Pair long_student = agreeing(5, chain(2));
  EXPECT_EQ(score_of(long_student, prefix()), 2);
  EXPECT_EQ(score_of(long_student, prefix(AlignmentNormalizer::teacher)), 1);
  EXPECT_TRUE(close(score_of(long_student, prefix(AlignmentNormalizer::max)), 2.0 / 5, kTolerance));
  const Pair short_student = agreeing(1, chain(4));
  EXPECT_EQ(score_of(short_student, prefix(AlignmentNormalizer::teacher)), 0.25f);
  EXPECT_EQ(score_of(short_student, prefix(AlignmentNormalizer::max)), 0.25f);
}

TEST_P(StructureAlignmentBackends, an_empty_student_scores_zero_and_an_empty_teacher_is_unscorable) {
  for (const auto& options : all_options()) {
    EXPECT_EQ(score_of(agreeing(0, chain(3)), options), 0);
    EXPECT_TRUE(std::isnan(score_of(agreeing(3, {}), options)));
    EXPECT_TRUE(std::isnan(score_of(agreeing(0, {}), options)));
  }
}

TEST_P(StructureAlignmentBackends, a_failed_judgement_makes_its_own_pair_unscorable_alone) {
  for (auto field : {&Pair::meta, &Pair::query, &Pair::answer}) {
    std::vector<Pair> pairs(3, agreeing(3, chain(3)));
    (pairs[1].*field)[pairs[1].at(2, 0)] = kNaN;  // even where the prefix does not look
    for (const auto& options : all_options()) {
      const Scores scores = score(GetParam(), pairs, options);
      EXPECT_TRUE(std::isnan(scores.reward[1]));
      EXPECT_EQ(scores.best_leaf[1], -1);
      EXPECT_FALSE(std::isnan(scores.reward[0]) || std::isnan(scores.reward[2]));
    }
  }
}

TEST_P(StructureAlignmentBackends, monotone_without_gaps_is_prefix) {
  Random random(3);
  for (int i = 0; i < 100; ++i) {
    const Pair pair = random_pair(random, 6, 6, i % 2 == 0);
    if (pair.parents.empty()) continue;
    for (auto normalize : {AlignmentNormalizer::none, AlignmentNormalizer::max}) {
      ASSERT_TRUE(
          close(score_of(pair, monotone(0, normalize)), score_of(pair, prefix(normalize)), kTolerance));
    }
  }
}

TEST_P(StructureAlignmentBackends, monotone_pays_for_a_step_that_the_student_left_out) {
  // The student has steps 1 and 3 of the teacher's three.
  Pair pair = agreeing(2, chain(3));
  std::fill(pair.meta.begin(), pair.meta.end(), 0.0f);
  pair.meta[pair.at(0, 0)] = pair.meta[pair.at(1, 2)] = 1;
  EXPECT_EQ(score_of(pair, prefix()), 1);
  EXPECT_EQ(score_of(pair, monotone(0.5)), 1.5f);
  EXPECT_EQ(score_of(pair, monotone(1)), 2);
}

/** The best over all order-keeping alignments, each written down as its moves. */
double brute_force(const Pair& pair, double gap_decay) {
  double best = 0;
  std::function<void(int64_t, int64_t, double, double)> walk = [&](int64_t i, int64_t j, double factor,
                                                                   double total) {
    best = std::max(best, total);
    if (i == pair.steps || j == pair.nodes()) return;
    const size_t k = pair.at(i, j);
    const double weight = std::pow(0.5, 1.0 - pair.query[k]) * std::pow(0.5, 1.0 - pair.answer[k]);
    walk(i + 1, j + 1, factor * pair.meta[k], total + factor * pair.meta[k] * weight);
    walk(i + 1, j, factor * gap_decay, total);
    walk(i, j + 1, factor * gap_decay, total);
  };
  walk(0, 0, 1, 0);
  return best;
}

TEST_P(StructureAlignmentBackends, monotone_is_the_best_of_all_order_keeping_alignments) {
  Random random(17);
  for (int i = 0; i < 60; ++i) {
    Pair pair = agreeing(random.below(5), chain(1 + random.below(5)));
    for (auto* judgement : {&pair.meta, &pair.query, &pair.answer}) {
      for (float& value : *judgement) {
        value = static_cast<float>(i % 2 == 0 ? random.uniform() < 0.5 : random.uniform());
      }
    }
    for (double gap_decay : {0.0, 0.4, 0.9, 1.0}) {
      ASSERT_TRUE(close(score_of(pair, monotone(gap_decay)), brute_force(pair, gap_decay), kTolerance));
    }
  }
}

/** The path of `leaf` cut out of the tree, as a pair of its own. */
Pair path_of(const Pair& tree, int32_t leaf) {
  std::vector<int32_t> nodes;
  for (int32_t v = leaf; v >= 0; v = tree.parents[static_cast<size_t>(v)]) nodes.insert(nodes.begin(), v);
  Pair path{tree.steps, chain(static_cast<int64_t>(nodes.size())), {}, {}, {}};
  for (int64_t i = 0; i < tree.steps; ++i) {
    for (int32_t v : nodes) {
      path.meta.push_back(tree.meta[tree.at(i, v)]);
      path.query.push_back(tree.query[tree.at(i, v)]);
      path.answer.push_back(tree.answer[tree.at(i, v)]);
    }
  }
  return path;
}

TEST_P(StructureAlignmentBackends, a_tree_scores_as_the_best_of_its_paths) {
  Random random(23);
  for (int i = 0; i < 60; ++i) {
    const Pair tree = random_pair(random, 5, 9, i % 2 == 0);
    if (tree.parents.empty()) continue;
    for (const auto& options : all_options()) {
      float best = 0;
      for (int32_t leaf = 0; leaf < tree.nodes(); ++leaf) {
        if (std::count(tree.parents.begin(), tree.parents.end(), leaf) > 0) continue;
        best = std::max(best, score_of(path_of(tree, leaf), options));
      }
      const Scores scores = score(GetParam(), {tree}, options);
      ASSERT_TRUE(close(scores.reward[0], best, kTolerance));
      ASSERT_TRUE(close(score_of(path_of(tree, scores.best_leaf[0]), options), best, kTolerance));
    }
  }
}

/** The two forests side by side; `second` judged on the same student steps. */
Pair joined(const Pair& first, const Pair& second) {
  Pair both{first.steps, first.parents, {}, {}, {}};
  for (int32_t parent : second.parents) {
    both.parents.push_back(parent < 0 ? -1 : parent + static_cast<int32_t>(first.nodes()));
  }
  for (auto field : {&Pair::meta, &Pair::query, &Pair::answer}) {
    for (int64_t i = 0; i < first.steps; ++i) {
      for (const Pair* part : {&first, &second}) {
        const auto row = (part->*field).begin() + i * part->nodes();
        (both.*field).insert((both.*field).end(), row, row + part->nodes());
      }
    }
  }
  return both;
}

TEST_P(StructureAlignmentBackends, another_teacher_path_never_lowers_the_score) {
  Random random(29);
  int raised = 0;
  for (int i = 0; i < 80; ++i) {
    Pair first = random_pair(random, 5, 6, false);
    Pair second = random_pair(random, 5, 6, false);
    if (first.parents.empty() || second.steps < first.steps) continue;
    const Pair both = joined(first, second);
    for (const auto& options : all_options()) {
      const float before = score_of(first, options);
      const float after = score_of(both, options);
      ASSERT_GE(after, before);
      raised += after > before;
    }
  }
  EXPECT_GT(raised, 0);
}

TEST_P(StructureAlignmentBackends, the_lowest_leaf_wins_among_equal_scores) {
  const Scores scores = score(GetParam(), {agreeing(1, {-1, -1, -1})}, prefix());
  EXPECT_EQ(scores.best_leaf[0], 0);
}

TEST_P(StructureAlignmentBackends, a_branch_is_scored_by_its_own_length) {
  // Root with a leaf child (length 2) and a longer branch (length 3); the student makes two right steps.
  Pair pair = agreeing(2, {-1, 0, 0, 2});
  EXPECT_EQ(score_of(pair, prefix(AlignmentNormalizer::teacher)), 1);
  EXPECT_EQ(score(GetParam(), {pair}, prefix(AlignmentNormalizer::teacher)).best_leaf[0], 1);
}

}  // namespace
}  // namespace rlkd::kernels
