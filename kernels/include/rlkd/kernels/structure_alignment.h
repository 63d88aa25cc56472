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
 *
 * In place of judgements: embeddings of the steps. Two steps agree on a field (1, else 0) where
 *
 *   cosine(s, t) = s . t / sqrt((s . s) (t . t)) >= the field's threshold.
 *
 * A pair with an embedding whose norm is 0 or not finite is NaN. Products and sums are fp64; backends sum in
 * different orders, so that they may disagree where a cosine lies within 1e-13 of its threshold. Embeddings of
 * equal elements have the cosine 1 exactly.
 */
#pragma once

#include <cstddef>

#include "rlkd/kernels/device.h"
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

/** Embeddings of a field of the steps, one a row: [steps of all paths, dim]. T is float, bfloat16 or float16. */
template <class T>
struct StepEmbeddings {
  Matrix<const T> meta;
  Matrix<const T> query;
  Matrix<const T> answer;
};

/**
 * Pair p's student steps are the n = student_steps[p] rows of `student` from student_offsets[p] on; its
 * teacher's nodes the m = teacher_nodes[p] rows of `teacher`, and entries of parents, from teacher_offsets[p]
 * on. Pairs may share rows, as completions of one problem share their teacher.
 */
template <class T>
struct StructureAlignmentEmbeddings {
  StepEmbeddings<T> student;
  StepEmbeddings<T> teacher;
  Vector<const int64_t> student_offsets;
  Vector<const int64_t> student_steps;
  Vector<const int64_t> teacher_offsets;
  Vector<const int64_t> teacher_nodes;
  Vector<const int32_t> parents; /**< [rows of teacher], as above */
};

/** Of the cosine, in [-1, 1]. */
struct EmbeddingThresholds {
  double meta;
  double query;
  double answer;
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

size_t structure_alignment_embeddings_workspace_size(int64_t pairs, const StructureAlignmentOptions& options);
void structure_alignment_embeddings(const StructureAlignmentEmbeddings<float>& inputs,
                                    const StructureAlignmentOptions& options,
                                    const EmbeddingThresholds& thresholds, Vector<float> reward,
                                    Vector<int32_t> best_leaf, void* workspace);
}  // namespace cpu

namespace cuda {

/** As on the CPU, but workspaces are device memory. They are 0 bytes where shared memory is enough: up to
 * about 12 KiB a pair. */
size_t structure_alignment_workspace_size(int64_t pairs, const StructureAlignmentOptions& options);
DeviceStatus structure_alignment(const StructureAlignmentInputs& inputs,
                                 const StructureAlignmentOptions& options, Vector<float> reward,
                                 Vector<int32_t> best_leaf, void* workspace, Stream stream);

size_t structure_alignment_embeddings_workspace_size(int64_t pairs, const StructureAlignmentOptions& options);
template <class T>
DeviceStatus structure_alignment_embeddings(const StructureAlignmentEmbeddings<T>& inputs,
                                            const StructureAlignmentOptions& options,
                                            const EmbeddingThresholds& thresholds, Vector<float> reward,
                                            Vector<int32_t> best_leaf, void* workspace, Stream stream);

}  // namespace cuda

/** Needs no workspace: the reference allocates. */
namespace reference {
void structure_alignment(const StructureAlignmentInputs& inputs, const StructureAlignmentOptions& options,
                         Vector<float> reward, Vector<int32_t> best_leaf);
void structure_alignment_embeddings(const StructureAlignmentEmbeddings<float>& inputs,
                                    const StructureAlignmentOptions& options,
                                    const EmbeddingThresholds& thresholds, Vector<float> reward,
                                    Vector<int32_t> best_leaf);
}  // namespace reference

}  // namespace rlkd::kernels
