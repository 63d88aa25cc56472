#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "rlkd.h"
#include "tensors.h"

namespace rlkd::native::test {
namespace {

// Pair 0: two steps against a chain of two nodes; pair 1: one step against two root-level nodes. All agree.
struct Call {
  Tensor<float> meta{{6}, std::vector<float>(6, 1)};
  Tensor<float> query{{6}, std::vector<float>(6, 1)};
  Tensor<float> answer{{6}, std::vector<float>(6, 1)};
  Tensor<int64_t> judgement_offsets{{2}, {0, 4}};
  Tensor<int32_t> parents{{4}, {-1, 0, -1, -1}};
  Tensor<int64_t> parent_offsets{{2}, {0, 2}};
  Tensor<int64_t> student_steps{{2}, {2, 1}};
  Tensor<int64_t> teacher_nodes{{2}, {2, 2}};
  Tensor<float> reward{{2}, std::vector<float>(2, -99)};
  Tensor<int32_t> best_leaf{{2}, std::vector<int32_t>(2, -99)};
  rlkd_structure_alignment_options options{RLKD_ALIGN_PREFIX, RLKD_NORMALIZE_NONE, 0, 2, 2};
  size_t workspace_bytes = 0;

  rlkd_status run(rlkd_backend backend = RLKD_BACKEND_CPU) {
    const rlkd_context context{backend, 0, nullptr};
    size_t needed = 0;
    const rlkd_status sized = rlkd_structure_alignment_workspace_size(&context, 2, &options, &needed);
    if (sized != RLKD_OK) return sized;
    if (workspace_bytes == 0) workspace_bytes = needed;
    void* workspace = std::aligned_alloc(64, (needed + 63) / 64 * 64 + 64);
    const rlkd_status status = rlkd_structure_alignment(
        &context, meta, query, answer, judgement_offsets, parents, parent_offsets, student_steps,
        teacher_nodes, &options, reward, best_leaf, workspace, workspace_bytes);
    std::free(workspace);
    return status;
  }
  void expect_untouched() {
    for (float value : reward.values()) EXPECT_EQ(value, -99);
    for (int32_t value : best_leaf.values()) EXPECT_EQ(value, -99);
  }
};

TEST(StructureAlignment, scores_each_pair_on_every_backend) {
  for (rlkd_backend backend : host_backends()) {
    Call call;
    ASSERT_TRUE(ok(call.run(backend)));
    EXPECT_EQ(call.reward.values(), (std::vector<float>{2, 1}));
    EXPECT_EQ(call.best_leaf.values(), (std::vector<int32_t>{1, 0}));
  }
}

TEST(StructureAlignment, a_parent_that_is_not_before_its_node_is_refused_with_its_pair) {
  for (int32_t parent : {1, 2, -2}) {
    Call call;
    call.parents.values()[3] = parent;
    EXPECT_TRUE(refused(call.run(), RLKD_INVALID_ARGUMENT, {"parents[3]", "node 1 of pair 1"}));
    call.expect_untouched();
  }
}

TEST(StructureAlignment, blocks_outside_of_the_judgements_or_parents_are_refused) {
  for (int64_t offset : {int64_t{-1}, int64_t{5}, INT64_MAX, INT64_MIN}) {
    Call judgements;
    judgements.judgement_offsets.values()[1] = offset;
    EXPECT_TRUE(refused(judgements.run(), RLKD_INVALID_ARGUMENT, {"judgement_offsets[1]", "within 6"}));
    judgements.expect_untouched();
    Call parents;
    parents.parent_offsets.values()[1] = offset;
    EXPECT_TRUE(refused(parents.run(), RLKD_INVALID_ARGUMENT, {"parent_offsets[1]", "within 4"}));
  }
}

TEST(StructureAlignment, counts_beyond_the_options_bounds_are_refused) {
  Call steps;
  steps.student_steps.values()[0] = 3;
  EXPECT_TRUE(refused(steps.run(), RLKD_INVALID_ARGUMENT, {"student_steps[0]", "max_student_steps"}));
  Call nodes;
  nodes.teacher_nodes.values()[0] = -1;
  EXPECT_TRUE(refused(nodes.run(), RLKD_INVALID_ARGUMENT, {"teacher_nodes[0]", "max_teacher_nodes"}));
}

TEST(StructureAlignment, a_gap_decay_outside_of_zero_to_one_is_refused_for_monotone_alone) {
  for (double gap_decay : {-0.1, 1.5, static_cast<double>(NAN)}) {
    Call call;
    call.options.gap_decay = gap_decay;
    EXPECT_TRUE(ok(call.run()));
    call.options.alignment = RLKD_ALIGN_MONOTONE;
    EXPECT_TRUE(refused(call.run(), RLKD_INVALID_ARGUMENT, {"options.gap_decay", "[0, 1]"}));
  }
}

TEST(StructureAlignment, a_workspace_that_is_too_small_is_refused) {
  Call call;
  call.workspace_bytes = 8;
  EXPECT_TRUE(refused(call.run(), RLKD_INVALID_ARGUMENT, {"workspace_bytes", "8"}));
  call.expect_untouched();
}

TEST(StructureAlignment, no_pairs_are_a_valid_call) {
  Call call;
  for (auto* tensor : {&call.meta, &call.query, &call.answer, &call.reward}) tensor->shape() = {0};
  for (auto* tensor :
       {&call.judgement_offsets, &call.parent_offsets, &call.student_steps, &call.teacher_nodes}) {
    tensor->shape() = {0};
  }
  call.parents.shape() = call.best_leaf.shape() = {0};
  EXPECT_TRUE(ok(call.run()));
  call.expect_untouched();
}

// As above by embeddings of 2 dimensions: pair 0 has student rows 0, 1 and teacher rows 0, 1; pair 1 student row 2 and
// teacher rows 2, 3, both at root level.
struct EmbeddingsCall {
  Tensor<float> student_meta{{3, 2}, {1, 0, 0, 1, 0, 1}}, teacher_meta{{4, 2}, {1, 0, 0, 1, 2, 0, 0, 3}};
  Tensor<float> student_query{{3, 2}, {1, 0, 0, 1, 0, 1}}, teacher_query{{4, 2}, {1, 0, 0, 1, 2, 0, 0, 3}};
  Tensor<float> student_answer{{3, 2}, {1, 0, 1, 0, 0, 1}}, teacher_answer{{4, 2}, {1, 0, 0, 1, 2, 0, 0, 3}};
  Tensor<int64_t> student_offsets{{2}, {0, 2}}, student_steps{{2}, {2, 1}};
  Tensor<int64_t> teacher_offsets{{2}, {0, 2}}, teacher_nodes{{2}, {2, 2}};
  Tensor<int32_t> parents{{4}, {-1, 0, -1, -1}};
  Tensor<float> reward{{2}, std::vector<float>(2, -99)};
  Tensor<int32_t> best_leaf{{2}, std::vector<int32_t>(2, -99)};
  rlkd_structure_alignment_options options{RLKD_ALIGN_PREFIX, RLKD_NORMALIZE_NONE, 0, 2, 2};
  rlkd_embedding_thresholds thresholds{0.5, 0.5, 0.5};
  rlkd_step_embeddings student{student_meta, student_query, student_answer};
  rlkd_step_embeddings teacher{teacher_meta, teacher_query, teacher_answer};
  const rlkd_step_embeddings* student_pointer = &student;

  rlkd_status run(rlkd_backend backend = RLKD_BACKEND_CPU) {
    const rlkd_context context{backend, 0, nullptr};
    size_t bytes = 0;
    const rlkd_status sized =
        rlkd_structure_alignment_embeddings_workspace_size(&context, 2, &options, &bytes);
    if (sized != RLKD_OK) return sized;
    void* workspace = std::aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
    const rlkd_status status = rlkd_structure_alignment_embeddings(
        &context, student_pointer, student_offsets, student_steps, &teacher, parents, teacher_offsets,
        teacher_nodes, &options, &thresholds, reward, best_leaf, workspace, bytes);
    std::free(workspace);
    return status;
  }
  ::testing::AssertionResult invalid(std::initializer_list<const char*> parts) {
    const ::testing::AssertionResult result = refused(run(), RLKD_INVALID_ARGUMENT, parts);
    EXPECT_EQ(reward.values(), std::vector<float>(2, -99)) << "written although refused";
    return result;
  }
};

TEST(StructureAlignmentEmbeddings, scores_each_pair_on_every_backend) {
  for (rlkd_backend backend : host_backends()) {
    EmbeddingsCall call;
    ASSERT_TRUE(ok(call.run(backend)));
    EXPECT_EQ(call.reward.values(), (std::vector<float>{1.5f, 1})) << "the answer of step 2 differs";
    EXPECT_EQ(call.best_leaf.values(), (std::vector<int32_t>{1, 1}));
  }
}

TEST(StructureAlignmentEmbeddings, half_precision_is_for_device_backends) {
  // The rows of the float tensors in bfloat16: 1 is 0x3F80.
  std::vector<uint16_t> bits{0x3F80, 0, 0, 0x3F80, 0x3F80, 0, 0, 0x3F80};
  for (rlkd_backend backend : host_backends()) {
    EmbeddingsCall call;
    for (Tensor<float>* tensor : {&call.student_meta, &call.student_query, &call.student_answer,
                                  &call.teacher_meta, &call.teacher_query, &call.teacher_answer}) {
      tensor->tensor.data = bits.data();
      tensor->tensor.dtype = {RLKD_DTYPE_BFLOAT, 16, 1};
    }
    if (backend == RLKD_BACKEND_EMULATED) {
      ASSERT_TRUE(ok(call.run(backend)));
      EXPECT_EQ(call.reward.values(), (std::vector<float>{2, 1}));
      call.teacher_query.tensor.dtype = {RLKD_DTYPE_FLOAT, 16, 1};
      EXPECT_TRUE(refused(call.run(backend), RLKD_INVALID_ARGUMENT, {"teacher.query has dtype"}));
    } else {
      EXPECT_TRUE(refused(call.run(backend), RLKD_INVALID_ARGUMENT, {"student.meta has dtype bfloat16"}));
    }
  }
}

TEST(StructureAlignmentEmbeddings, embeddings_of_other_shapes_are_refused_by_name) {
  EmbeddingsCall rows;
  rows.student_query.shape()[0] = 2;
  EXPECT_TRUE(rows.invalid({"student.query"}));
  EmbeddingsCall dim;
  dim.teacher_meta.shape() = {8, 1};
  EXPECT_TRUE(dim.invalid({"teacher.meta"}));
  EmbeddingsCall parents;
  parents.parents.shape()[0] = 3;
  EXPECT_TRUE(parents.invalid({"parents", "rows of teacher"}));
  EmbeddingsCall none;
  none.student_pointer = nullptr;
  EXPECT_TRUE(none.invalid({"student is NULL"}));
  EmbeddingsCall field;
  field.student.answer = nullptr;
  EXPECT_TRUE(field.invalid({"student.answer is NULL"}));
  EmbeddingsCall empty;
  for (Tensor<float>* tensor : {&empty.student_meta, &empty.student_query, &empty.student_answer}) {
    tensor->shape()[1] = 0;
  }
  EXPECT_TRUE(empty.invalid({"student.meta.shape[1] is 0"}));
}

TEST(StructureAlignmentEmbeddings, rows_outside_of_the_embeddings_are_refused_by_pair) {
  for (const int64_t offset : {int64_t{-1}, int64_t{3}, INT64_MAX}) {
    EmbeddingsCall student;
    student.student_offsets.values()[1] = offset;
    EXPECT_TRUE(student.invalid({"student_offsets[1]", "within 3"}));
    EmbeddingsCall teacher;
    teacher.teacher_offsets.values()[1] = offset;
    EXPECT_TRUE(teacher.invalid({"teacher_offsets[1]", "within 4"}));
  }
  EmbeddingsCall parents;
  parents.parents.values()[3] = 1;
  EXPECT_TRUE(parents.invalid({"parents[3] is 1", "node 1 of pair 1"}));
}

TEST(StructureAlignmentEmbeddings, a_threshold_that_no_cosine_can_have_is_refused) {
  for (const double threshold : {-1.01, 1.01, static_cast<double>(NAN)}) {
    EmbeddingsCall call;
    call.thresholds.query = threshold;
    EXPECT_TRUE(call.invalid({"thresholds.query is", "[-1, 1]"}));
  }
}

}  // namespace
}  // namespace rlkd::native::test
