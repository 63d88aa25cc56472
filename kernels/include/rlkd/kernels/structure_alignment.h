/*
 * structure_alignment: the GSRM reward (RLKD, arXiv 2505.16142) of P pairs of a student path and a teacher
 * tree.
 *
 * A teacher tree is a forest of m nodes, parents before children; each root-to-leaf path t_1..t_L is one way
 * to solve the problem. With a_ij, q_ij, v_ij the judge's agreement of student step i and node t_j on
 * meta-reasoning, query and answer, and w_ij = 0.5^(1-q_ij) 0.5^(1-v_ij), the score of the student's n steps
 * along one path is
 *
 *   prefix    sum_{i <= min(n,L)} (a_11 a_22 .. a_ii) w_ii                                         (paper)
 *   monotone  V(1,1), V(i,j) = max( a_ij (w_ij + V(i+1,j+1)), gap_decay V(i+1,j), gap_decay V(i,j+1) ),
 *             V = 0 past either end; gap_decay = 0 is prefix
 *
 * divided by 1, L or max(n, L); the reward is the best over the paths.
 *
 * Numerics: fp64. n = 0 scores 0; m = 0, or a NaN anywhere in the pair's judgements, is NaN. Judgements
 * outside [0, 1] enter the formula as they are.
 */
#pragma once

#include <cstddef>

#include "rlkd/kernels/views.h"

namespace rlkd::kernels {

enum class Alignment { prefix, monotone };
enum class AlignmentNormalizer { none, teacher, max };

struct StructureAlignmentOptions {
  Alignment alignment = Alignment::prefix;
  AlignmentNormalizer normalize = AlignmentNormalizer::none;
  double gap_decay = 0;          /**< in [0, 1] */
  int64_t max_student_steps = 0; /**< bound of student_steps */
  int64_t max_teacher_nodes = 0; /**< bound of teacher_nodes */
};

/**
 * Pair p has n = student_steps[p] and m = teacher_nodes[p]. Its judgements are the [n, m] row-major block
 * that starts at judgement_offsets[p] of meta, query and answer; its node parents (-1 = root level, else a
 * node before) are the m entries that start at parent_offsets[p].
 */
struct StructureAlignmentInputs {
  Vector<const float> meta;
  Vector<const float> query;
  Vector<const float> answer;
  Vector<const int64_t> judgement_offsets;
  Vector<const int32_t> parents;
  Vector<const int64_t> parent_offsets;
  Vector<const int64_t> student_steps;
  Vector<const int64_t> teacher_nodes;
};

/**
 * reward [P]; best_leaf [P], optional: the node at which the best path ends, the lowest among equal scores,
 * -1 where the reward is NaN. workspace: as many bytes as structure_alignment_workspace_size says, 64-byte
 * aligned.
 */
namespace cpu {
size_t structure_alignment_workspace_size(int64_t pairs, const StructureAlignmentOptions& options);
void structure_alignment(const StructureAlignmentInputs& inputs, const StructureAlignmentOptions& options,
                         Vector<float> reward, Vector<int32_t> best_leaf, void* workspace);
}  // namespace cpu
namespace reference {
void structure_alignment(const StructureAlignmentInputs& inputs, const StructureAlignmentOptions& options,
                         Vector<float> reward, Vector<int32_t> best_leaf);
}

}  // namespace rlkd::kernels
