#include "rlkd/kernels/structure_alignment.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rlkd::kernels::cpu {

namespace {

// Pairs are dealt to lanes, each with its own scratch, so that the workspace does not depend on the thread
// count.
constexpr int64_t kMaxLanes = 64;
// Below this many judgements a parallel region costs more than the work.
constexpr int64_t kParallelJudgements = 1 << 13;

/** What is known of a teacher node when its children are reached. */
struct Node {
  double gate;   /**< product of the agreements up to and with this node (prefix) */
  double score;  /**< sum of the steps up to and with this node (prefix) */
  int64_t depth; /**< steps before it on its path */
  bool leaf;
};

/** Scratch of one lane: nodes [max_teacher_nodes], path [max_teacher_nodes], value [max_teacher_nodes + 1].
 */
struct Lane {
  Node* nodes;
  int64_t* path;
  double* value;

  static size_t bytes(int64_t max_teacher_nodes) {
    const auto nodes = static_cast<size_t>(max_teacher_nodes);
    const size_t needed = nodes * sizeof(Node) + nodes * sizeof(int64_t) + (nodes + 1) * sizeof(double);
    return (needed + 63) / 64 * 64;
  }
  Lane(void* workspace, int64_t lane, int64_t max_teacher_nodes) {
    char* begin = static_cast<char*>(workspace) + static_cast<size_t>(lane) * bytes(max_teacher_nodes);
    nodes = reinterpret_cast<Node*>(begin);
    path = reinterpret_cast<int64_t*>(nodes + max_teacher_nodes);
    value = reinterpret_cast<double*>(path + max_teacher_nodes);
  }
};

/** One pair: judgements [steps, size] row-major, parents [size]. */
struct Pair {
  const float* meta;
  const float* query;
  const float* answer;
  const int32_t* parents;
  int64_t steps;
  int64_t size;

  double weight(int64_t k) const { return std::exp2(static_cast<double>(query[k]) + answer[k] - 2); }

  bool has_nan() const {
    bool found = false;
    for (int64_t k = 0; k < steps * size; ++k) {
      found |= std::isnan(meta[k]) || std::isnan(query[k]) || std::isnan(answer[k]);
    }
    return found;
  }
};

/** Depth and leaves of all nodes, and the gate and score of the path down to each. */
void walk_down(const Pair& pair, Node* nodes) {
  for (int64_t v = 0; v < pair.size; ++v) {
    const int64_t parent = pair.parents[v];
    Node node{1, 0, 0, true};
    if (parent >= 0) {
      nodes[parent].leaf = false;
      node = {nodes[parent].gate, nodes[parent].score, nodes[parent].depth + 1, true};
    }
    if (node.depth < pair.steps) {
      const int64_t k = node.depth * pair.size + v;
      node.gate *= pair.meta[k];
      node.score += node.gate * pair.weight(k);
    }
    nodes[v] = node;
  }
}

/** V(1,1) along the path that ends at `leaf`; value[j] runs through V(i, j) from the last student step up. */
double monotone_score(const Pair& pair, int64_t leaf, double gap_decay, const Lane& lane) {
  const int64_t length = lane.nodes[leaf].depth + 1;
  for (int64_t v = leaf, j = length - 1; j >= 0; --j, v = pair.parents[v]) lane.path[j] = v;
  std::fill(lane.value, lane.value + length + 1, 0.0);
  for (int64_t i = pair.steps - 1; i >= 0; --i) {
    double diagonal = 0;
    for (int64_t j = length - 1; j >= 0; --j) {
      const int64_t k = i * pair.size + lane.path[j];
      const double below = lane.value[j];
      const double matched = pair.meta[k] * (pair.weight(k) + diagonal);
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

}  // namespace

size_t structure_alignment_workspace_size(int64_t pairs, const StructureAlignmentOptions& options) {
  return static_cast<size_t>(std::min(pairs, kMaxLanes)) * Lane::bytes(options.max_teacher_nodes);
}

void structure_alignment(const StructureAlignmentInputs& inputs, const StructureAlignmentOptions& options,
                         Vector<float> reward, Vector<int32_t> best_leaf, void* workspace) {
  const int64_t pairs = reward.size;
  const int64_t lanes = std::min(pairs, kMaxLanes);
#pragma omp parallel for schedule(dynamic) if (inputs.meta.size >= kParallelJudgements)
  for (int64_t l = 0; l < lanes; ++l) {
    const Lane lane(workspace, l, options.max_teacher_nodes);
    for (int64_t p = l; p < pairs; p += lanes) {
      const int64_t base = inputs.judgement_offsets[p];
      const Pair pair{inputs.meta.data + base,   inputs.query.data + base,
                      inputs.answer.data + base, inputs.parents.data + inputs.parent_offsets[p],
                      inputs.student_steps[p],   inputs.teacher_nodes[p]};
      float best = std::numeric_limits<float>::quiet_NaN();
      int64_t leaf_of_best = -1;
      if (!pair.has_nan()) {
        double best_score = 0;
        walk_down(pair, lane.nodes);
        for (int64_t v = 0; v < pair.size; ++v) {
          const Node& node = lane.nodes[v];
          if (!node.leaf) continue;
          double score = options.alignment == Alignment::prefix
                             ? node.score
                             : monotone_score(pair, v, options.gap_decay, lane);
          score /= divisor(options.normalize, pair.steps, node.depth + 1);
          if (leaf_of_best < 0 || score > best_score) {
            best_score = score;
            best = static_cast<float>(score);
            leaf_of_best = v;
          }
        }
      }
      reward[p] = best;
      if (best_leaf) best_leaf[p] = static_cast<int32_t>(leaf_of_best);
    }
  }
}

}  // namespace rlkd::kernels::cpu
