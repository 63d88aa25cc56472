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

namespace {

double dot(const float* a, const float* b, int64_t dim) {
  double sum = 0;
  for (int64_t d = 0; d < dim; ++d) sum += static_cast<double>(a[d]) * b[d];
  return sum;
}

bool has_direction(const float* embedding, int64_t dim) {
  const double squared_norm = dot(embedding, embedding, dim);
  return squared_norm > 0 && std::isfinite(squared_norm);
}

/** 1 where the embeddings agree, else 0. */
float agreement(const float* a, const float* b, int64_t dim, double threshold) {
  const double cosine = dot(a, b, dim) / std::sqrt(dot(a, a, dim) * dot(b, b, dim));
  return cosine >= threshold ? 1.0f : 0.0f;
}

}  // namespace

void structure_alignment_embeddings(const StructureAlignmentEmbeddings<float>& inputs,
                                    const StructureAlignmentOptions& options,
                                    const EmbeddingThresholds& thresholds, Vector<float> reward,
                                    Vector<int32_t> best_leaf) {
  const struct Field {
    Matrix<const float> student;
    Matrix<const float> teacher;
    double threshold;
  } fields[] = {{inputs.student.meta, inputs.teacher.meta, thresholds.meta},
                {inputs.student.query, inputs.teacher.query, thresholds.query},
                {inputs.student.answer, inputs.teacher.answer, thresholds.answer}};

  for (int64_t p = 0; p < reward.size; ++p) {
    const int64_t n = inputs.student_steps[p];
    const int64_t m = inputs.teacher_nodes[p];
    const int64_t step = inputs.student_offsets[p];
    const int64_t node = inputs.teacher_offsets[p];
    bool comparable = true;
    std::vector<float> judgements[3];
    for (size_t f = 0; f < 3; ++f) {
      const Field& field = fields[f];
      const int64_t dim = field.student.cols;
      for (int64_t i = 0; i < n; ++i) comparable &= has_direction(field.student.row(step + i), dim);
      for (int64_t j = 0; j < m; ++j) comparable &= has_direction(field.teacher.row(node + j), dim);
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < m; ++j) {
          judgements[f].push_back(
              agreement(field.student.row(step + i), field.teacher.row(node + j), dim, field.threshold));
        }
      }
    }
    const auto view = [&](size_t f) { return Vector<const float>{judgements[f].data(), n * m}; };
    const int64_t offset = 0;
    const Vector<const int32_t> parents{inputs.parents.data + node, m};
    float score = 0;
    int32_t leaf = 0;
    structure_alignment({view(0), view(1), view(2), {&offset, 1}, parents, {&offset, 1}, {&n, 1}, {&m, 1}},
                        options, {&score, 1}, {&leaf, 1});
    reward[p] = comparable ? score : std::numeric_limits<float>::quiet_NaN();
    if (best_leaf) best_leaf[p] = comparable ? leaf : -1;
  }
}

}  // namespace rlkd::kernels::reference
