#include "rlkd/kernels/structure_alignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
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
using test::finished;
using test::Guarded;
using test::GuardedMatrix;
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

enum class Backend { cpu, device, reference };

std::string name_of(Backend backend) {
  return backend == Backend::cpu ? "cpu" : backend == Backend::device ? "device" : "reference";
}

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
  const Guarded<float> meta_input(meta), query_input(query), answer_input(answer);
  const Guarded<int32_t> parents_input(parents);
  const Guarded<int64_t> judgement_offsets_input(judgement_offsets), parent_offsets_input(parent_offsets),
      steps_input(steps), nodes_input(nodes);
  const StructureAlignmentInputs inputs{
      meta_input.view(),    query_input.view(),          answer_input.view(), judgement_offsets_input.view(),
      parents_input.view(), parent_offsets_input.view(), steps_input.view(),  nodes_input.view()};
  Guarded<float> reward(count, -99, 1);
  Guarded<int32_t> best_leaf(count, -99, 1);
  switch (backend) {
    case Backend::cpu: {
      Guarded<unsigned char> workspace(
          static_cast<int64_t>(cpu::structure_alignment_workspace_size(count, options)), 0xEE);
      cpu::structure_alignment(inputs, options, reward.view(), best_leaf.view(), workspace.data());
      break;
    }
    case Backend::device: {
      Guarded<unsigned char> workspace(
          static_cast<int64_t>(cuda::structure_alignment_workspace_size(count, options)), 0xEE);
      EXPECT_TRUE(finished(cuda::structure_alignment(inputs, options, reward.view(), best_leaf.view(),
                                                     workspace.data(), nullptr)));
      break;
    }
    case Backend::reference:
      reference::structure_alignment(inputs, options, reward.view(), best_leaf.view());
      break;
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

void check_random_trees(Backend backend, int count) {
  Random random(11);
  std::vector<Pair> pairs;
  for (int i = 0; i < count; ++i) pairs.push_back(random_pair(random, 7, 12, i % 2 == 0));
  for (const auto& options : all_options()) {
    const Scores expected = score(Backend::reference, pairs, options);
    const Scores actual = score(backend, pairs, options);
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

TEST(StructureAlignment, cpu_agrees_with_the_reference_on_random_trees) {
  check_random_trees(Backend::cpu, 400);
}

TEST(StructureAlignment, device_agrees_with_the_reference_on_random_trees) {
  RLKD_REQUIRE_DEVICE();
  check_random_trees(Backend::device, 100);
}

void check_large_pairs(Backend backend, int count) {
  Random random(5);
  std::vector<Pair> pairs;
  for (int i = 0; i < count; ++i) pairs.push_back(random_pair(random, 60, 70, false));
  for (const auto& options : {prefix(), monotone(0.95, AlignmentNormalizer::max)}) {
    const Scores expected = score(Backend::reference, pairs, options);
    const Scores actual = score(backend, pairs, options);
    EXPECT_TRUE(test::all_close_or_both_nan(actual.reward, expected.reward,
                                            static_cast<int64_t>(pairs.size()), kTolerance));
  }
}

TEST(StructureAlignment, cpu_agrees_with_the_reference_on_pairs_large_enough_for_threads) {
  check_large_pairs(Backend::cpu, 200);
}

TEST(StructureAlignment, device_agrees_with_the_reference_on_paths_longer_than_a_warp) {
  RLKD_REQUIRE_DEVICE();
  check_large_pairs(Backend::device, 20);
  Random random(6);
  for (int64_t length : {31, 32, 33, 64, 65, 100}) {
    Pair pair = agreeing(40, chain(length));
    for (float& value : pair.meta) value = static_cast<float>(random.uniform(0.8, 1));
    for (float& value : pair.query) value = static_cast<float>(random.uniform());
    for (const auto& options : {prefix(), monotone(0.97)}) {
      EXPECT_TRUE(close(score_one(Backend::device, pair, options),
                        score_one(Backend::reference, pair, options), kTolerance))
          << "length " << length;
    }
  }
}

TEST(StructureAlignment, device_keeps_what_exceeds_shared_memory_in_the_workspace) {
  RLKD_REQUIRE_DEVICE();
  Pair pair = agreeing(1700, chain(2));
  pair.query[pair.at(3, 0)] = 0.5f;
  StructureAlignmentOptions options = monotone(1);
  options.max_student_steps = 1700;
  options.max_teacher_nodes = 2;
  EXPECT_GT(cuda::structure_alignment_workspace_size(1, options), 0u);
  const std::vector<Pair> pairs{pair, agreeing(3, chain(2)), pair, agreeing(0, chain(1)), pair};
  EXPECT_EQ(score(Backend::device, pairs, options).reward, (std::vector<float>{2, 2, 2, 0, 2}));
}

class StructureAlignmentBackends : public ::testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    if (GetParam() == Backend::device) RLKD_REQUIRE_DEVICE();
  }
  float score_of(const Pair& pair, const StructureAlignmentOptions& options) const {
    return score_one(GetParam(), pair, options);
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, StructureAlignmentBackends,
                         ::testing::Values(Backend::cpu, Backend::device, Backend::reference),
                         [](const auto& test) { return name_of(test.param); });

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

/* ---- Embeddings ---------------------------------------------------------------------------------------------- */

constexpr EmbeddingThresholds kHalf{0.5, 0.5, 0.5};
constexpr size_t kFields = 3;

/** Students and teachers by embeddings, [field][row]; pairs name their rows. */
struct Embedded {
  using Rows = std::vector<std::vector<float>>;
  explicit Embedded(int64_t dim_) : dim(dim_) {}

  /** The next `steps` rows of every field of `rows`, drawn by `make`. Returns the first. */
  template <class Make>
  int64_t add_rows(Rows (&rows)[kFields], int64_t steps, Make make) {
    const auto first = static_cast<int64_t>(rows[0].size());
    for (Rows& field : rows) {
      for (int64_t i = 0; i < steps; ++i) field.push_back(make(i));
    }
    return first;
  }
  void add_pair(int64_t student_first, int64_t steps, int64_t teacher_first, int64_t nodes) {
    student_offsets.push_back(student_first);
    student_steps.push_back(steps);
    teacher_offsets.push_back(teacher_first);
    teacher_nodes.push_back(nodes);
  }

  int64_t dim;
  Rows student[kFields];
  Rows teacher[kFields];
  std::vector<int32_t> parents;
  std::vector<int64_t> student_offsets, student_steps, teacher_offsets, teacher_nodes;
};

struct Placement {
  int64_t gap = 0;
  int64_t offset = 0;
};

/** The embeddings rounded to T, in guarded matrices, and the other inputs. */
template <class T>
class EmbeddedInputs {
 public:
  explicit EmbeddedInputs(const Embedded& e, Placement placement = {})
      : parents_(e.parents),
        student_offsets_(e.student_offsets),
        student_steps_(e.student_steps),
        teacher_offsets_(e.teacher_offsets),
        teacher_nodes_(e.teacher_nodes) {
    for (const auto* side : {&e.student, &e.teacher}) {
      for (const Embedded::Rows& rows : *side) {
        auto& matrix = matrices_.emplace_back(static_cast<int64_t>(rows.size()), e.dim, placement.gap, T{},
                                              placement.offset);
        for (size_t i = 0; i < rows.size(); ++i) {
          for (size_t d = 0; d < rows[i].size(); ++d) {
            matrix(static_cast<int64_t>(i), static_cast<int64_t>(d)) = round_to<T>(rows[i][d]);
          }
        }
      }
    }
  }
  StructureAlignmentEmbeddings<T> views() const {
    const auto view = [this](size_t i) { return matrices_[i].view(); };
    return {{view(0), view(1), view(2)},
            {view(3), view(4), view(5)},
            student_offsets_.view(),
            student_steps_.view(),
            teacher_offsets_.view(),
            teacher_nodes_.view(),
            parents_.view()};
  }

 private:
  std::deque<GuardedMatrix<T>> matrices_;
  Guarded<int32_t> parents_;
  Guarded<int64_t> student_offsets_, student_steps_, teacher_offsets_, teacher_nodes_;
};

StructureAlignmentOptions bounded(StructureAlignmentOptions options, const Embedded& e) {
  for (int64_t n : e.student_steps) options.max_student_steps = std::max(options.max_student_steps, n);
  for (int64_t m : e.teacher_nodes) options.max_teacher_nodes = std::max(options.max_teacher_nodes, m);
  return options;
}

template <class T>
Scores score_on_device(const Embedded& e, const StructureAlignmentOptions& unbounded,
                       const EmbeddingThresholds& thresholds, Placement placement = {}) {
  const StructureAlignmentOptions options = bounded(unbounded, e);
  const auto pairs = static_cast<int64_t>(e.student_steps.size());
  const EmbeddedInputs<T> inputs(e, placement);
  Guarded<float> reward(pairs, -99, 1);
  Guarded<int32_t> best_leaf(pairs, -99, 1);
  Guarded<unsigned char> workspace(
      static_cast<int64_t>(cuda::structure_alignment_embeddings_workspace_size(pairs, options)), 0xEE);
  EXPECT_TRUE(finished(cuda::structure_alignment_embeddings<T>(
      inputs.views(), options, thresholds, reward.view(), best_leaf.view(), workspace.data(), nullptr)));
  return {reward.values(), best_leaf.values()};
}

Scores score(Backend backend, const Embedded& e, const StructureAlignmentOptions& unbounded,
             const EmbeddingThresholds& thresholds, Placement placement = {}) {
  if (backend == Backend::device) return score_on_device<float>(e, unbounded, thresholds, placement);
  const StructureAlignmentOptions options = bounded(unbounded, e);
  const auto pairs = static_cast<int64_t>(e.student_steps.size());
  const EmbeddedInputs<float> inputs(e, placement);
  Guarded<float> reward(pairs, -99, 1);
  Guarded<int32_t> best_leaf(pairs, -99, 1);
  if (backend == Backend::cpu) {
    Guarded<unsigned char> workspace(
        static_cast<int64_t>(cpu::structure_alignment_embeddings_workspace_size(pairs, options)), 0xEE);
    cpu::structure_alignment_embeddings(inputs.views(), options, thresholds, reward.view(), best_leaf.view(),
                                        workspace.data());
  } else {
    reference::structure_alignment_embeddings(inputs.views(), options, thresholds, reward.view(),
                                              best_leaf.view());
  }
  return {reward.values(), best_leaf.values()};
}

std::vector<float> random_embedding(Random& random, int64_t dim) {
  std::vector<float> values;
  for (int64_t d = 0; d < dim; ++d) values.push_back(static_cast<float>(random.normal()));
  return values;
}

/** Teacher trees, each with several students whose steps are noisy copies of nodes on one of its paths. */
template <class T>
Embedded random_embedded(Random& random, int64_t dim, int trees, int64_t max_nodes) {
  Embedded e(dim);
  const auto rounded = [](std::vector<float> values) {
    for (float& x : values) x = to_float(round_to<T>(x));
    return values;
  };
  for (int tree = 0; tree < trees; ++tree) {
    const Pair shape = random_pair(random, 1, max_nodes, true);
    const int64_t m = shape.nodes();
    e.parents.insert(e.parents.end(), shape.parents.begin(), shape.parents.end());
    const int64_t teacher =
        e.add_rows(e.teacher, m, [&](int64_t) { return rounded(random_embedding(random, dim)); });
    for (int student = 0; student < 4; ++student) {
      const int64_t n = random.below(m + 3);
      size_t field = 0;
      const int64_t first = e.add_rows(e.student, n, [&](int64_t i) {
        const size_t f = field;
        if (i == n - 1) ++field;
        if (i >= m || random.uniform() < 0.1) return rounded(random_embedding(random, dim));
        std::vector<float> step = e.teacher[f][static_cast<size_t>(teacher + i)];
        const double noise = random.uniform() < 0.3 ? 2 : 0.2;
        for (float& x : step) x += static_cast<float>(random.normal(noise));
        return rounded(step);
      });
      e.add_pair(first, n, teacher, m);
    }
  }
  return e;
}

template <class T>
void check_embeddings(Backend backend) {
  Random random(41);
  for (const int64_t dim : {1, 7, 33, 128, 261}) {
    const Embedded e = random_embedded<T>(random, dim, 2, 6);
    for (const Placement placement : {Placement{}, Placement{3, 1}}) {
      for (const auto& options : {prefix(), monotone(0.9, AlignmentNormalizer::max)}) {
        const Scores expected = score(Backend::reference, e, options, kHalf);
        const Scores actual = backend == Backend::cpu ? score(backend, e, options, kHalf, placement)
                                                      : score_on_device<T>(e, options, kHalf, placement);
        EXPECT_TRUE(test::all_close_or_both_nan(actual.reward, expected.reward,
                                                static_cast<int64_t>(expected.reward.size()), kTolerance))
            << "dim " << dim;
        EXPECT_EQ(actual.best_leaf, expected.best_leaf) << "dim " << dim;
      }
    }
  }
}

TEST(StructureAlignmentEmbeddings, cpu_agrees_with_the_reference) { check_embeddings<float>(Backend::cpu); }

TEST(StructureAlignmentEmbeddings, device_agrees_with_the_reference_float) {
  RLKD_REQUIRE_DEVICE();
  check_embeddings<float>(Backend::device);
}

TEST(StructureAlignmentEmbeddings, device_agrees_with_the_reference_bfloat16) {
  RLKD_REQUIRE_DEVICE();
  check_embeddings<bfloat16>(Backend::device);
}

TEST(StructureAlignmentEmbeddings, device_agrees_with_the_reference_float16) {
  RLKD_REQUIRE_DEVICE();
  check_embeddings<float16>(Backend::device);
}

TEST(StructureAlignmentEmbeddings, device_keeps_what_exceeds_shared_memory_in_the_workspace) {
  RLKD_REQUIRE_DEVICE();
  Random random(43);
  const Embedded e = random_embedded<float>(random, 5, 2, 12);
  StructureAlignmentOptions options = monotone(0.9);
  options.max_student_steps = options.max_teacher_nodes = 160;
  EXPECT_GT(cuda::structure_alignment_embeddings_workspace_size(1, options), 0u);
  const Scores expected = score(Backend::reference, e, options, kHalf);
  const Scores actual = score(Backend::device, e, options, kHalf);
  EXPECT_TRUE(test::all_close_or_both_nan(actual.reward, expected.reward,
                                          static_cast<int64_t>(expected.reward.size()), kTolerance));
}

class StructureAlignmentEmbeddingsBackends : public StructureAlignmentBackends {};
INSTANTIATE_TEST_SUITE_P(Backends, StructureAlignmentEmbeddingsBackends,
                         ::testing::Values(Backend::cpu, Backend::device, Backend::reference),
                         [](const auto& test) { return name_of(test.param); });

/** Three pairs of `steps` student steps against one chain of as many nodes, all embeddings random and the student's
 * those of the teacher. */
Embedded copies(int64_t steps, int64_t dim) {
  Random random(47);
  Embedded e(dim);
  e.parents = chain(steps);
  const int64_t teacher =
      e.add_rows(e.teacher, steps, [&](int64_t) { return random_embedding(random, dim); });
  for (int pair = 0; pair < 3; ++pair) {
    const auto first = static_cast<int64_t>(e.student[0].size());
    for (size_t f = 0; f < kFields; ++f) {
      e.student[f].insert(e.student[f].end(), e.teacher[f].begin(), e.teacher[f].end());
    }
    e.add_pair(first, steps, teacher, steps);
  }
  return e;
}

TEST_P(StructureAlignmentEmbeddingsBackends, equal_embeddings_have_the_cosine_one_exactly) {
  for (const int64_t dim : {1, 3, 100, 384, 1000}) {
    const Embedded e = copies(5, dim);
    for (const Placement placement : {Placement{}, Placement{1, 1}}) {
      EXPECT_EQ(score(GetParam(), e, prefix(), {1, 1, 1}, placement).reward, (std::vector<float>{5, 5, 5}));
    }
  }
}

TEST_P(StructureAlignmentEmbeddingsBackends, each_field_has_its_threshold) {
  // One step; cosines 0.6 (meta), 0.8 (query) and 0 (answer).
  Embedded e(2);
  e.parents = {-1};
  e.teacher[0] = e.teacher[1] = e.teacher[2] = {{5, 0}};
  e.student[0] = {{3, 4}};
  e.student[1] = {{4, 3}};
  e.student[2] = {{0, -2}};
  e.add_pair(0, 1, 0, 1);
  const auto reward = [&](const EmbeddingThresholds& thresholds) {
    return score(GetParam(), e, prefix(), thresholds).reward[0];
  };
  EXPECT_EQ(reward({0.6, 0.8, 0}), 1) << "a cosine equal to the threshold agrees";
  EXPECT_EQ(reward({0.6001, 0.8, 0}), 0);
  EXPECT_EQ(reward({0.6, 0.8001, 0}), 0.5f);
  EXPECT_EQ(reward({0.6, 0.8, 0.0001}), 0.5f);
  EXPECT_EQ(reward({0.6, 0.8001, 0.0001}), 0.25f);
  EXPECT_EQ(reward({-1, -1, -1}), 1);
}

TEST_P(StructureAlignmentEmbeddingsBackends, cosines_do_not_depend_on_the_length_of_the_embeddings) {
  Embedded e = copies(4, 48);
  for (float& x : e.student[0][1]) x *= 1e18f;
  for (float& x : e.student[1][2]) x *= 1e-18f;
  EXPECT_EQ(score(GetParam(), e, prefix(), {0.999999, 0.999999, 0.999999}).reward,
            (std::vector<float>{4, 4, 4}));
}

TEST_P(StructureAlignmentEmbeddingsBackends, an_embedding_without_direction_makes_its_own_pairs_unscorable) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const auto& options : {prefix(), monotone(0.5)}) {
    for (size_t field = 0; field < kFields; ++field) {
      for (const std::vector<float>& broken :
           {std::vector<float>(40, 0.0f), std::vector<float>(40, kNaN), std::vector<float>(40, kInfinity)}) {
        Embedded student = copies(3, 40);
        student.student[field][5] = broken;  // the last step of the second pair
        const Scores scores = score(GetParam(), student, options, kHalf);
        EXPECT_EQ(scores.reward[0], 3);
        EXPECT_TRUE(std::isnan(scores.reward[1]));
        EXPECT_EQ(scores.best_leaf[1], -1);
        EXPECT_EQ(scores.reward[2], 3);
        Embedded teacher = copies(3, 40);
        teacher.teacher[field][0] = broken;
        teacher.student_steps[2] = 0;
        for (const float reward : score(GetParam(), teacher, options, kHalf).reward) {
          EXPECT_TRUE(std::isnan(reward));
        }
      }
    }
  }
}

TEST_P(StructureAlignmentEmbeddingsBackends,
       an_empty_student_scores_zero_and_an_empty_teacher_is_unscorable) {
  for (const auto& options : all_options()) {
    Embedded e = copies(3, 8);
    e.student_steps[0] = 0;
    e.teacher_nodes[1] = 0;
    const Scores scores = score(GetParam(), e, options, kHalf);
    EXPECT_EQ(scores.reward[0], 0);
    EXPECT_TRUE(std::isnan(scores.reward[1]));
    EXPECT_FALSE(std::isnan(scores.reward[2]));
  }
}

TEST_P(StructureAlignmentEmbeddingsBackends, no_pairs_are_a_valid_call) {
  Embedded e = copies(2, 4);
  e.student_offsets = e.student_steps = e.teacher_offsets = e.teacher_nodes = {};
  EXPECT_TRUE(score(GetParam(), e, prefix(), kHalf).reward.empty());
  EXPECT_TRUE(score(GetParam(), std::vector<Pair>{}, prefix()).reward.empty());
}

}  // namespace
}  // namespace rlkd::kernels
