#include "rlkd/kernels/structure_alignment.h"

#include <cinttypes>

#include "arguments.h"

using namespace rlkd::native;
namespace kernels = rlkd::kernels;

namespace {

// Keeps every product of counts and sizes within 63 bits.
constexpr int64_t kMaxSteps = int64_t{1} << 30;

kernels::StructureAlignmentOptions checked_options(const rlkd_structure_alignment_options& options) {
  require_enum("options.alignment", options.alignment, RLKD_ALIGN_MONOTONE);
  require_enum("options.normalize", options.normalize, RLKD_NORMALIZE_MAX);
  if (options.alignment == RLKD_ALIGN_MONOTONE) {
    require_in_range("options.gap_decay", options.gap_decay, 0.0, 1.0);
  }
  require_in_range("options.max_student_steps", options.max_student_steps, 0, kMaxSteps);
  require_in_range("options.max_teacher_nodes", options.max_teacher_nodes, 0, kMaxSteps);
  return {static_cast<kernels::Alignment>(options.alignment),
          static_cast<kernels::AlignmentNormalizer>(options.normalize), options.gap_decay,
          options.max_student_steps, options.max_teacher_nodes};
}

/** Refuses a [begin, begin + count) outside of [0, size). */
void require_block(const char* offsets, int64_t pair, int64_t begin, int64_t count, int64_t size) {
  if (begin < 0 || begin > size - count) {
    invalid("%s[%" PRId64 "] is %" PRId64 ", expected a block of %" PRId64 " entries within %" PRId64,
            offsets, pair, begin, count, size);
  }
}

void require_blocks_and_parents(const kernels::StructureAlignmentInputs& inputs) {
  for (int64_t p = 0; p < inputs.student_steps.size; ++p) {
    const int64_t nodes = inputs.teacher_nodes[p];
    require_block("judgement_offsets", p, inputs.judgement_offsets[p], inputs.student_steps[p] * nodes,
                  inputs.meta.size);
    require_block("parent_offsets", p, inputs.parent_offsets[p], nodes, inputs.parents.size);
    for (int64_t node = 0; node < nodes; ++node) {
      const int64_t parent = inputs.parents[inputs.parent_offsets[p] + node];
      if (parent < -1 || parent >= node) {
        invalid("parents[%" PRId64 "] is %" PRId64 " (node %" PRId64 " of pair %" PRId64
                "), expected -1 or a node before it",
                inputs.parent_offsets[p] + node, parent, node, p);
      }
    }
  }
}

}  // namespace

extern "C" {

rlkd_status rlkd_structure_alignment_workspace_size(const rlkd_context* context, int64_t pairs,
                                                    const rlkd_structure_alignment_options* options_pointer,
                                                    size_t* bytes) {
  return guard("rlkd_structure_alignment_workspace_size", [&] {
    Arguments arguments(context);
    const auto options = checked_options(required("options", options_pointer));
    require_in_range("pairs", pairs, 0, INT64_MAX);
    size_t& result = required("bytes", bytes);
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        result = kernels::cpu::structure_alignment_workspace_size(pairs, options);
        return;
      case RLKD_BACKEND_REFERENCE:
        result = 0;
        return;
      default:
        arguments.unsupported_backend();
    }
  });
}

rlkd_status rlkd_structure_alignment(
    const rlkd_context* context, const rlkd_tensor* meta_tensor, const rlkd_tensor* query_tensor,
    const rlkd_tensor* answer_tensor, const rlkd_tensor* judgement_offsets_tensor,
    const rlkd_tensor* parents_tensor, const rlkd_tensor* parent_offsets_tensor,
    const rlkd_tensor* student_steps_tensor, const rlkd_tensor* teacher_nodes_tensor,
    const rlkd_structure_alignment_options* options_pointer, rlkd_tensor* reward_tensor,
    rlkd_tensor* best_leaf_tensor, void* workspace_pointer, size_t workspace_bytes) {
  return guard("rlkd_structure_alignment", [&] {
    Arguments arguments(context);
    const auto options = checked_options(required("options", options_pointer));
    kernels::StructureAlignmentInputs inputs;
    inputs.meta = arguments.vector<const float>("meta", meta_tensor);
    const int64_t judgements = inputs.meta.size;
    inputs.query = arguments.vector<const float>("query", query_tensor, judgements, "judgements");
    inputs.answer = arguments.vector<const float>("answer", answer_tensor, judgements, "judgements");
    const auto reward = arguments.vector<float>("reward", reward_tensor);
    const int64_t pairs = reward.size;
    inputs.judgement_offsets =
        arguments.vector<const int64_t>("judgement_offsets", judgement_offsets_tensor, pairs, "pairs");
    inputs.parents = arguments.vector<const int32_t>("parents", parents_tensor);
    inputs.parent_offsets =
        arguments.vector<const int64_t>("parent_offsets", parent_offsets_tensor, pairs, "pairs");
    inputs.student_steps =
        arguments.vector<const int64_t>("student_steps", student_steps_tensor, pairs, "pairs");
    inputs.teacher_nodes =
        arguments.vector<const int64_t>("teacher_nodes", teacher_nodes_tensor, pairs, "pairs");
    const auto best_leaf = arguments.optional_vector<int32_t>("best_leaf", best_leaf_tensor, pairs, "pairs");

    const auto check_entries = [&] {
      require_entries_in_range("student_steps", inputs.student_steps, 0, options.max_student_steps,
                               "options.max_student_steps");
      require_entries_in_range("teacher_nodes", inputs.teacher_nodes, 0, options.max_teacher_nodes,
                               "options.max_teacher_nodes");
      require_blocks_and_parents(inputs);
    };
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU: {
        void* workspace =
            arguments.workspace(workspace_pointer, workspace_bytes,
                                kernels::cpu::structure_alignment_workspace_size(pairs, options));
        arguments.require_no_overlap();
        check_entries();
        return kernels::cpu::structure_alignment(inputs, options, reward, best_leaf, workspace);
      }
      case RLKD_BACKEND_REFERENCE:
        arguments.require_no_overlap();
        check_entries();
        return kernels::reference::structure_alignment(inputs, options, reward, best_leaf);
      default:
        arguments.unsupported_backend();
    }
  });
}

}  // extern "C"
