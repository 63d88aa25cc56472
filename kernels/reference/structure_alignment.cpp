// Oracle: writes every root-to-leaf path down and scores it by the definition.
#include "rlkd/kernels/structure_alignment.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace rlkd::kernels::reference {

namespace {

/** The agreement of student steps and the nodes of one path, [steps][length]. */
struct PathJudgements {
  size_t steps = 0;
  size_t length = 0;
  std::vector<double> agreement; /**< a_ij */
  std::vector<double> weight;    /**< w_ij */
};

double prefix_score(const PathJudgements& path) {
  double score = 0;
  for (size_t last = 0; last < std::min(path.steps, path.length); ++last) {
    double gate = 1;
    for (size_t i = 0; i <= last; ++i) gate *= path.agreement[i * path.length + i];
    score += gate * path.weight[last * path.length + last];
  }
  return score;
}

double monotone_score(const PathJudgements& path, double gap_decay) {
  const size_t width = path.length + 1;
  std::vector<double> value((path.steps + 1) * width, 0.0);
  for (size_t i = path.steps; i-- > 0;) {
    for (size_t j = path.length; j-- > 0;) {
      const double a = path.agreement[i * path.length + j];
      const double w = path.weight[i * path.length + j];
      value[i * width + j] =
          std::max({a * (w + value[(i + 1) * width + j + 1]), gap_decay * value[(i + 1) * width + j],
                    gap_decay * value[i * width + j + 1]});
    }
  }
  return value[0];
}

}  // namespace

void structure_alignment(const StructureAlignmentInputs& inputs, const StructureAlignmentOptions& options,
                         Vector<float> reward, Vector<int32_t> best_leaf) {
  for (int64_t p = 0; p < reward.size; ++p) {
    const int64_t n = inputs.student_steps[p];
    const int64_t m = inputs.teacher_nodes[p];
    const int64_t base = inputs.judgement_offsets[p];
    const auto parent = [&](int64_t node) { return inputs.parents[inputs.parent_offsets[p] + node]; };

    double best = std::numeric_limits<double>::quiet_NaN();
    int64_t leaf_of_best = -1;
    for (int64_t leaf = 0; leaf < m; ++leaf) {
      bool has_child = false;
      for (int64_t node = 0; node < m; ++node) has_child |= parent(node) == leaf;
      if (has_child) continue;

      std::vector<int64_t> nodes;
      for (int64_t node = leaf; node >= 0; node = parent(node)) nodes.insert(nodes.begin(), node);
      PathJudgements path{static_cast<size_t>(n), nodes.size(), {}, {}};
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t node : nodes) {
          const int64_t k = base + i * m + node;
          path.agreement.push_back(inputs.meta[k]);
          path.weight.push_back(std::pow(0.5, 1 - static_cast<double>(inputs.query[k])) *
                                std::pow(0.5, 1 - static_cast<double>(inputs.answer[k])));
        }
      }
      double score = options.alignment == Alignment::prefix ? prefix_score(path)
                                                            : monotone_score(path, options.gap_decay);
      if (options.normalize == AlignmentNormalizer::teacher) {
        score /= static_cast<double>(path.length);
      } else if (options.normalize == AlignmentNormalizer::max) {
        score /= static_cast<double>(std::max(path.steps, path.length));
      }
      if (leaf_of_best < 0 || score > best) {
        best = score;
        leaf_of_best = leaf;
      }
    }

    bool failed = m == 0;
    for (int64_t k = base; k < base + n * m; ++k) {
      failed |= std::isnan(inputs.meta[k]) || std::isnan(inputs.query[k]) || std::isnan(inputs.answer[k]);
    }
    reward[p] = failed ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(best);
    if (best_leaf) best_leaf[p] = failed ? -1 : static_cast<int32_t>(leaf_of_best);
  }
}

}  // namespace rlkd::kernels::reference
