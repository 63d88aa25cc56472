#include "rlkd/kernels/structure_alignment.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/vector/kernels.h"

namespace rlkd::kernels::cpu {

namespace {

// Pairs are dealt to lanes, each with its own scratch, so that the workspace does not depend on the thread
// count.
constexpr int64_t kMaxLanes = 64;
// Below this many judgements a parallel region costs more than the work.
constexpr int64_t kParallelJudgements = 1 << 13;

constexpr int kFields = 3;  // meta-reasoning, query, answer

/** What is known of a teacher node when its children are reached. */
struct Node {
  double gate;   /**< product of the agreements up to and with this node (prefix) */
  double score;  /**< sum of the steps up to and with this node (prefix) */
  int64_t depth; /**< steps before it on its path */
  bool leaf;
};

/**
 * Scratch of one lane, for paths of up to `steps` student steps and `nodes` teacher nodes. The last two arrays
 * are for embeddings alone.
 */
struct Lane {
  double* value;           /**< [nodes + 1] */
  int64_t* path;           /**< [nodes] */
  Node* nodes;             /**< [nodes] */
  double* squared_norms;   /**< [fields, steps + nodes] */
  unsigned char* verdicts; /**< [steps, nodes] */

  static size_t bytes(const StructureAlignmentOptions& options, bool embeddings) {
    const auto steps = static_cast<size_t>(options.max_student_steps);
    const auto nodes = static_cast<size_t>(options.max_teacher_nodes);
    size_t needed = (nodes + 1) * sizeof(double) + nodes * (sizeof(int64_t) + sizeof(Node));
    if (embeddings) needed += kFields * (steps + nodes) * sizeof(double) + steps * nodes;
    return (needed + 63) / 64 * 64;
  }
  Lane(void* memory, const StructureAlignmentOptions& options) {
    value = static_cast<double*>(memory);
    path = reinterpret_cast<int64_t*>(value + options.max_teacher_nodes + 1);
    nodes = reinterpret_cast<Node*>(path + options.max_teacher_nodes);
    squared_norms = reinterpret_cast<double*>(nodes + options.max_teacher_nodes);
    verdicts = reinterpret_cast<unsigned char*>(
        squared_norms + kFields * (options.max_student_steps + options.max_teacher_nodes));
  }
};

/** The paths of a pair. */
struct Pair {
  int64_t steps;
  int64_t nodes;
  const int32_t* parents; /**< [nodes] */
};

/** Judgements as given: [steps, nodes] row-major. */
struct Judged {
  const float* meta;
  const float* query;
  const float* answer;
  int64_t nodes;

  double agreement(int64_t step, int64_t node) const { return meta[step * nodes + node]; }
  double weight(int64_t step, int64_t node) const {
    const int64_t k = step * nodes + node;
    // Not exp2(.. - 2): two yes would meet the branch for 0 in exp2.
    return 0.25 * std::exp2(static_cast<double>(query[k]) + answer[k]);
  }
  bool has_nan(int64_t steps) const {
    bool found = false;
    for (int64_t k = 0; k < steps * nodes; ++k) {
      found |= std::isnan(meta[k]) || std::isnan(query[k]) || std::isnan(answer[k]);
    }
    return found;
  }
};

/** Judgements by cosine: bit f of a verdict says that field f agrees (0 meta, 1 query, 2 answer). */
struct Compared {
  const unsigned char* verdicts; /**< [steps, nodes] row-major */
  int64_t nodes;

  double agreement(int64_t step, int64_t node) const { return verdicts[step * nodes + node] & 1; }
  double weight(int64_t step, int64_t node) const {
    constexpr double kWeights[] = {0.25, 0.5, 0.5, 1};
    return kWeights[verdicts[step * nodes + node] >> 1];
  }
};

/** Depth and leaves of all nodes, and the gate and score of the path down to each. */
template <class Judgements>
void walk_down(const Pair& pair, const Judgements& judgements, Node* nodes) {
  for (int64_t v = 0; v < pair.nodes; ++v) {
    const int64_t parent = pair.parents[v];
    Node node{1, 0, 0, true};
    if (parent >= 0) {
      nodes[parent].leaf = false;
      node = {nodes[parent].gate, nodes[parent].score, nodes[parent].depth + 1, true};
    }
    if (node.depth < pair.steps) {
      node.gate *= judgements.agreement(node.depth, v);
      node.score += node.gate * judgements.weight(node.depth, v);
    }
    nodes[v] = node;
  }
}

/** V(1,1) along the path that ends at `leaf`; value[j] runs through V(i, j) from the last student step up. */
template <class Judgements>
double monotone_score(const Pair& pair, const Judgements& judgements, int64_t leaf, double gap_decay,
                      const Lane& lane) {
  const int64_t length = lane.nodes[leaf].depth + 1;
  for (int64_t v = leaf, j = length - 1; j >= 0; --j, v = pair.parents[v]) lane.path[j] = v;
  std::fill(lane.value, lane.value + length + 1, 0.0);
  for (int64_t i = pair.steps - 1; i >= 0; --i) {
    double diagonal = 0;
    for (int64_t j = length - 1; j >= 0; --j) {
      const int64_t v = lane.path[j];
      const double below = lane.value[j];
      const double matched = judgements.agreement(i, v) * (judgements.weight(i, v) + diagonal);
      lane.value[j] = std::max(matched, gap_decay * std::max(below, lane.value[j + 1]));
      diagonal = below;
    }
  }
  return lane.value[0];
}

double divisor(AlignmentNormalizer normalize, int64_t steps, int64_t length) {
  switch (normalize) {
    case AlignmentNormalizer::teacher:
      return static_cast<double>(length);
    case AlignmentNormalizer::max:
      return static_cast<double>(std::max(steps, length));
    case AlignmentNormalizer::none:
      break;
  }
  return 1;
}

struct Best {
  float reward = std::numeric_limits<float>::quiet_NaN();
  int32_t leaf = -1;
};

template <class Judgements>
Best best_path(const Pair& pair, const Judgements& judgements, const StructureAlignmentOptions& options,
               const Lane& lane) {
  Best best;
  double best_score = 0;
  walk_down(pair, judgements, lane.nodes);
  for (int64_t v = 0; v < pair.nodes; ++v) {
    const Node& node = lane.nodes[v];
    if (!node.leaf) continue;
    double score = options.alignment == Alignment::prefix
                       ? node.score
                       : monotone_score(pair, judgements, v, options.gap_decay, lane);
    score /= divisor(options.normalize, pair.steps, node.depth + 1);
    if (best.leaf < 0 || score > best_score) {
      best_score = score;
      best = {static_cast<float>(score), static_cast<int32_t>(v)};
    }
  }
  return best;
}

/** A field of a pair's embeddings: [steps, dim] and [nodes, dim]. */
struct Field {
  Matrix<const float> student;
  Matrix<const float> teacher;
  double threshold;
};

Matrix<const float> rows_of(Matrix<const float> embeddings, int64_t first, int64_t count) {
  return {embeddings.row(first), count, embeddings.cols, embeddings.row_stride};
}

/** Writes lane.verdicts; false if an embedding has no direction. */
bool compare(const Field (&fields)[kFields], const Lane& lane) {
  const auto dot = vector_kernels().dot;
  const int64_t steps = fields[0].student.rows;
  const int64_t nodes = fields[0].teacher.rows;
  std::fill_n(lane.verdicts, steps * nodes, static_cast<unsigned char>(0));
  bool comparable = true;
  for (int f = 0; f < kFields; ++f) {
    const auto& [student, teacher, threshold] = fields[f];
    double* student_norms = lane.squared_norms + f * (steps + nodes);
    double* teacher_norms = student_norms + steps;
    const auto norms = [&](Matrix<const float> embeddings, double* squared) {
      for (int64_t i = 0; i < embeddings.rows; ++i) {
        squared[i] = dot(embeddings.row(i), embeddings.row(i), embeddings.cols);
        comparable &= squared[i] > 0 && std::isfinite(squared[i]);
      }
    };
    norms(student, student_norms);
    norms(teacher, teacher_norms);
    if (!comparable) return false;
    for (int64_t i = 0; i < steps; ++i) {
      for (int64_t v = 0; v < nodes; ++v) {
        const double cosine = dot(student.row(i), teacher.row(v), student.cols) /
                              std::sqrt(student_norms[i] * teacher_norms[v]);
        if (cosine >= threshold) lane.verdicts[i * nodes + v] |= static_cast<unsigned char>(1 << f);
      }
    }
  }
  return true;
}

/** score(pair, lane) for every pair. `work` is about the number of operations of all. */
template <class Score>
void for_each_pair(const StructureAlignmentOptions& options, bool embeddings, int64_t work,
                   Vector<float> reward, Vector<int32_t> best_leaf, void* workspace, Score score) {
  const int64_t pairs = reward.size;
  const int64_t lanes = std::min(pairs, kMaxLanes);
#pragma omp parallel for schedule(dynamic) if (work >= kParallelJudgements)
  for (int64_t l = 0; l < lanes; ++l) {
    const Lane lane(static_cast<char*>(workspace) + static_cast<size_t>(l) * Lane::bytes(options, embeddings),
                    options);
    for (int64_t p = l; p < pairs; p += lanes) {
      const Best best = score(p, lane);
      reward[p] = best.reward;
      if (best_leaf) best_leaf[p] = best.leaf;
    }
  }
}

}  // namespace

size_t structure_alignment_workspace_size(int64_t pairs, const StructureAlignmentOptions& options) {
  return static_cast<size_t>(std::min(pairs, kMaxLanes)) * Lane::bytes(options, false);
}

void structure_alignment(const StructureAlignmentInputs& inputs, const StructureAlignmentOptions& options,
                         Vector<float> reward, Vector<int32_t> best_leaf, void* workspace) {
  for_each_pair(options, false, inputs.meta.size, reward, best_leaf, workspace,
                [&](int64_t p, const Lane& lane) {
                  const Pair pair{inputs.student_steps[p], inputs.teacher_nodes[p],
                                  inputs.parents.data + inputs.parent_offsets[p]};
                  const int64_t base = inputs.judgement_offsets[p];
                  const Judged judged{inputs.meta.data + base, inputs.query.data + base,
                                      inputs.answer.data + base, pair.nodes};
                  return judged.has_nan(pair.steps) ? Best{} : best_path(pair, judged, options, lane);
                });
}

size_t structure_alignment_embeddings_workspace_size(int64_t pairs,
                                                     const StructureAlignmentOptions& options) {
  return static_cast<size_t>(std::min(pairs, kMaxLanes)) * Lane::bytes(options, true);
}

void structure_alignment_embeddings(const StructureAlignmentEmbeddings<float>& inputs,
                                    const StructureAlignmentOptions& options,
                                    const EmbeddingThresholds& thresholds, Vector<float> reward,
                                    Vector<int32_t> best_leaf, void* workspace) {
  const int64_t work = inputs.student.meta.rows * inputs.student.meta.cols;
  for_each_pair(options, true, work, reward, best_leaf, workspace, [&](int64_t p, const Lane& lane) {
    const int64_t node = inputs.teacher_offsets[p];
    const Pair pair{inputs.student_steps[p], inputs.teacher_nodes[p], inputs.parents.data + node};
    const auto field = [&](Matrix<const float> s, Matrix<const float> t, double threshold) {
      return Field{rows_of(s, inputs.student_offsets[p], pair.steps), rows_of(t, node, pair.nodes),
                   threshold};
    };
    const Field fields[] = {field(inputs.student.meta, inputs.teacher.meta, thresholds.meta),
                            field(inputs.student.query, inputs.teacher.query, thresholds.query),
                            field(inputs.student.answer, inputs.teacher.answer, thresholds.answer)};
    if (!compare(fields, lane)) return Best{};
    return best_path(pair, Compared{lane.verdicts, pair.nodes}, options, lane);
  });
}

}  // namespace rlkd::kernels::cpu
