#include "rlkd/kernels/structure_alignment.h"

#include <cinttypes>

#include "arguments.h"

using namespace rlkd::native;
using rlkd::kernels::Stream;
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

/** `first`: index in `parents` of the parents of pair p. */
void require_parents(kernels::Vector<const int32_t> parents, int64_t first, int64_t nodes, int64_t pair) {
  for (int64_t node = 0; node < nodes; ++node) {
    const int64_t parent = parents[first + node];
    if (parent < -1 || parent >= node) {
      invalid("parents[%" PRId64 "] is %" PRId64 " (node %" PRId64 " of pair %" PRId64
              "), expected -1 or a node before it",
              first + node, parent, node, pair);
    }
  }
}

void require_counts(kernels::Vector<const int64_t> student_steps,
                    kernels::Vector<const int64_t> teacher_nodes,
                    const kernels::StructureAlignmentOptions& options) {
  require_entries_in_range("student_steps", student_steps, 0, options.max_student_steps,
                           "options.max_student_steps");
  require_entries_in_range("teacher_nodes", teacher_nodes, 0, options.max_teacher_nodes,
                           "options.max_teacher_nodes");
}

/** Reads the values: for host memory. */
void require_values(const kernels::StructureAlignmentInputs& inputs,
                    const kernels::StructureAlignmentOptions& options) {
  require_counts(inputs.student_steps, inputs.teacher_nodes, options);
  for (int64_t p = 0; p < inputs.student_steps.size; ++p) {
    const int64_t nodes = inputs.teacher_nodes[p];
    require_block("judgement_offsets", p, inputs.judgement_offsets[p], inputs.student_steps[p] * nodes,
                  inputs.meta.size);
    require_block("parent_offsets", p, inputs.parent_offsets[p], nodes, inputs.parents.size);
    require_parents(inputs.parents, inputs.parent_offsets[p], nodes, p);
  }
}

template <class T>
void require_values(const kernels::StructureAlignmentEmbeddings<T>& inputs,
                    const kernels::StructureAlignmentOptions& options) {
  require_counts(inputs.student_steps, inputs.teacher_nodes, options);
  for (int64_t p = 0; p < inputs.student_steps.size; ++p) {
    const int64_t nodes = inputs.teacher_nodes[p];
    require_block("student_offsets", p, inputs.student_offsets[p], inputs.student_steps[p],
                  inputs.student.meta.rows);
    require_block("teacher_offsets", p, inputs.teacher_offsets[p], nodes, inputs.teacher.meta.rows);
    require_parents(inputs.parents, inputs.teacher_offsets[p], nodes, p);
  }
}

size_t workspace_size(const Arguments& arguments, int64_t pairs,
                      const kernels::StructureAlignmentOptions& options) {
  if (arguments.backend() == RLKD_BACKEND_CPU) {
    return kernels::cpu::structure_alignment_workspace_size(pairs, options);
  }
  if constexpr (kDeviceBackend != kNone) {
    if (arguments.on_device()) return kernels::cuda::structure_alignment_workspace_size(pairs, options);
  }
  return 0;
}

size_t embeddings_workspace_size(const Arguments& arguments, int64_t pairs,
                                 const kernels::StructureAlignmentOptions& options) {
  if (arguments.backend() == RLKD_BACKEND_CPU) {
    return kernels::cpu::structure_alignment_embeddings_workspace_size(pairs, options);
  }
  if constexpr (kDeviceBackend != kNone) {
    if (arguments.on_device()) {
      return kernels::cuda::structure_alignment_embeddings_workspace_size(pairs, options);
    }
  }
  return 0;
}

template <class T>
kernels::StepEmbeddings<T> step_embeddings(Arguments& arguments, const char* side,
                                           const rlkd_step_embeddings& tensors, int64_t dim) {
  const auto name = [side](const char* field) { return std::string(side) + "." + field; };
  kernels::StepEmbeddings<T> views;
  views.meta = arguments.matrix<const T>(name("meta").c_str(), tensors.meta, kAnyExtent, dim, "steps", "dim");
  const int64_t rows = views.meta.rows;
  const int64_t cols = views.meta.cols;
  require_in_range((name("meta") + ".shape[1]").c_str(), cols, 1, INT64_MAX);
  views.query = arguments.matrix<const T>(name("query").c_str(), tensors.query, rows, cols, "steps", "dim");
  views.answer =
      arguments.matrix<const T>(name("answer").c_str(), tensors.answer, rows, cols, "steps", "dim");
  return views;
}

kernels::EmbeddingThresholds checked_thresholds(const rlkd_embedding_thresholds& thresholds) {
  require_in_range("thresholds.meta", thresholds.meta, -1.0, 1.0);
  require_in_range("thresholds.query", thresholds.query, -1.0, 1.0);
  require_in_range("thresholds.answer", thresholds.answer, -1.0, 1.0);
  return {thresholds.meta, thresholds.query, thresholds.answer};
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
    result = workspace_size(arguments, pairs, options);
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

    void* workspace =
        arguments.workspace(workspace_pointer, workspace_bytes, workspace_size(arguments, pairs, options));
    arguments.require_no_overlap();
    if (arguments.values_on_host()) require_values(inputs, options);
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        return kernels::cpu::structure_alignment(inputs, options, reward, best_leaf, workspace);
      case RLKD_BACKEND_REFERENCE:
        return kernels::reference::structure_alignment(inputs, options, reward, best_leaf);
      default:
        return arguments.run_on_device([&](Stream stream) {
          return kernels::cuda::structure_alignment(inputs, options, reward, best_leaf, workspace, stream);
        });
    }
  });
}

rlkd_status rlkd_structure_alignment_embeddings_workspace_size(
    const rlkd_context* context, int64_t pairs, const rlkd_structure_alignment_options* options_pointer,
    size_t* bytes) {
  return guard("rlkd_structure_alignment_embeddings_workspace_size", [&] {
    const Arguments arguments(context);
    const auto options = checked_options(required("options", options_pointer));
    require_in_range("pairs", pairs, 0, INT64_MAX);
    required("bytes", bytes) = embeddings_workspace_size(arguments, pairs, options);
  });
}

rlkd_status rlkd_structure_alignment_embeddings(
    const rlkd_context* context, const rlkd_step_embeddings* student_pointer,
    const rlkd_tensor* student_offsets_tensor, const rlkd_tensor* student_steps_tensor,
    const rlkd_step_embeddings* teacher_pointer, const rlkd_tensor* parents_tensor,
    const rlkd_tensor* teacher_offsets_tensor, const rlkd_tensor* teacher_nodes_tensor,
    const rlkd_structure_alignment_options* options_pointer,
    const rlkd_embedding_thresholds* thresholds_pointer, rlkd_tensor* reward_tensor,
    rlkd_tensor* best_leaf_tensor, void* workspace_pointer, size_t workspace_bytes) {
  return guard("rlkd_structure_alignment_embeddings", [&] {
    Arguments arguments(context);
    const auto options = checked_options(required("options", options_pointer));
    const auto thresholds = checked_thresholds(required("thresholds", thresholds_pointer));
    const rlkd_step_embeddings& student = required("student", student_pointer);
    const rlkd_step_embeddings& teacher = required("teacher", teacher_pointer);
    arguments.with_floating_type(student.meta, [&](auto type) {
      using T = typename decltype(type)::type;
      kernels::StructureAlignmentEmbeddings<T> inputs;
      inputs.student = step_embeddings<T>(arguments, "student", student, kAnyExtent);
      inputs.teacher = step_embeddings<T>(arguments, "teacher", teacher, inputs.student.meta.cols);
      inputs.parents = arguments.vector<const int32_t>("parents", parents_tensor, inputs.teacher.meta.rows,
                                                       "rows of teacher");
      const auto reward = arguments.vector<float>("reward", reward_tensor);
      const int64_t pairs = reward.size;
      const auto per_pair = [&](const char* name, const rlkd_tensor* tensor) {
        return arguments.vector<const int64_t>(name, tensor, pairs, "pairs");
      };
      inputs.student_offsets = per_pair("student_offsets", student_offsets_tensor);
      inputs.student_steps = per_pair("student_steps", student_steps_tensor);
      inputs.teacher_offsets = per_pair("teacher_offsets", teacher_offsets_tensor);
      inputs.teacher_nodes = per_pair("teacher_nodes", teacher_nodes_tensor);
      const auto best_leaf =
          arguments.optional_vector<int32_t>("best_leaf", best_leaf_tensor, pairs, "pairs");
      void* workspace = arguments.workspace(workspace_pointer, workspace_bytes,
                                            embeddings_workspace_size(arguments, pairs, options));
      arguments.require_no_overlap();
      if (arguments.values_on_host()) require_values(inputs, options);
      if constexpr (std::is_same_v<T, float>) {
        if (arguments.backend() == RLKD_BACKEND_CPU) {
          return kernels::cpu::structure_alignment_embeddings(inputs, options, thresholds, reward, best_leaf,
                                                              workspace);
        }
        if (arguments.backend() == RLKD_BACKEND_REFERENCE) {
          return kernels::reference::structure_alignment_embeddings(inputs, options, thresholds, reward,
                                                                    best_leaf);
        }
      }
      arguments.run_on_device([&](Stream stream) {
        return kernels::cuda::structure_alignment_embeddings<T>(inputs, options, thresholds, reward,
                                                                best_leaf, workspace, stream);
      });
    });
  });
}

}  // extern "C"
