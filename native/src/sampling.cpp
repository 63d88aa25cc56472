#include "rlkd/kernels/sampling.h"

#include <cfloat>

#include "arguments.h"

using namespace rlkd::native;
using rlkd::kernels::Stream;
namespace cpu = rlkd::kernels::cpu;
namespace cuda = rlkd::kernels::cuda;
namespace reference = rlkd::kernels::reference;

namespace {

using rlkd::kernels::SamplingInputsOf;
using rlkd::kernels::Vector;

void require_floats_in_range(const char* name, Vector<const float> values, double low, double high) {
  for (int64_t i = 0; i < values.size; ++i) {
    require_in_range((std::string(name) + "[" + std::to_string(i) + "]").c_str(),
                     static_cast<double>(values[i]), low, high);
  }
}

template <class T>
SamplingInputsOf<T> checked(Arguments& arguments, const rlkd_sampling_inputs& inputs) {
  SamplingInputsOf<T> views;
  views.logits =
      arguments.matrix<const T>("inputs.logits", inputs.logits, kAnyExtent, kAnyExtent, "rows", "vocab");
  require_in_range("inputs.logits.shape[1]", views.logits.cols, 1, INT32_MAX);
  const int64_t rows = views.logits.rows;
  views.seed = arguments.vector<const int64_t>("inputs.seed", inputs.seed, rows, "rows");
  views.position = arguments.vector<const int64_t>("inputs.position", inputs.position, rows, "rows");
  views.temperature = arguments.vector<const float>("inputs.temperature", inputs.temperature, rows, "rows");
  views.top_k = arguments.vector<const int64_t>("inputs.top_k", inputs.top_k, rows, "rows");
  views.top_p = arguments.vector<const float>("inputs.top_p", inputs.top_p, rows, "rows");
  views.min_p = arguments.vector<const float>("inputs.min_p", inputs.min_p, rows, "rows");
  views.repetition_penalty = arguments.optional_vector<const float>("inputs.repetition_penalty",
                                                                    inputs.repetition_penalty, rows, "rows");
  if ((inputs.history == nullptr) != (inputs.history_offsets == nullptr)) {
    invalid("inputs.%s is NULL, expected inputs.history and inputs.history_offsets both or neither",
            inputs.history == nullptr ? "history" : "history_offsets");
  }
  if (inputs.history != nullptr) {
    views.history = arguments.vector<const int64_t>("inputs.history", inputs.history);
    views.history_offsets = arguments.vector<const int64_t>("inputs.history_offsets", inputs.history_offsets,
                                                            rows + 1, "rows + 1");
  }
  return views;
}

/** Reads the values: for host memory. */
template <class T>
void require_values(const SamplingInputsOf<T>& inputs) {
  const auto row_values = [](const char* name, Vector<const float> values, bool zero_allowed) {
    for (int64_t i = 0; i < values.size; ++i) {
      if (zero_allowed && values[i] == 0) continue;
      if (!(values[i] >= FLT_MIN && values[i] <= FLT_MAX)) {
        invalid("%s[%lld] is %g, expected a finite number %s", name, static_cast<long long>(i),
                static_cast<double>(values[i]), zero_allowed ? "> 0, or 0 for greedy" : "> 0");
      }
    }
  };
  row_values("inputs.temperature", inputs.temperature, true);
  row_values("inputs.repetition_penalty", inputs.repetition_penalty, false);
  require_floats_in_range("inputs.top_p", inputs.top_p, 0, 1);
  require_floats_in_range("inputs.min_p", inputs.min_p, 0, 1);
  require_entries_in_range("inputs.top_k", inputs.top_k, 0, INT64_MAX, "0 = off");
  require_entries_in_range("inputs.history", inputs.history, 0, inputs.logits.cols - 1, "the vocabulary");
  int64_t low = 0;
  for (int64_t i = 0; i < inputs.history_offsets.size; ++i) {
    const int64_t offset = inputs.history_offsets[i];
    require_in_range(("inputs.history_offsets[" + std::to_string(i) + "]").c_str(), offset, low,
                     inputs.history.size);
    low = offset;
  }
}

/** What a call must be given; the CPU backend uses more if it gets more. */
size_t least_workspace(const Arguments& arguments, int64_t rows, int64_t vocab) {
  if (arguments.backend() == RLKD_BACKEND_CPU) return cpu::sampling_workspace_size_of_thread(vocab);
  if constexpr (kDeviceBackend != kNone) {
    if (arguments.on_device()) return cuda::sampling_workspace_size(rows, vocab);
  }
  return 0;
}

}  // namespace

extern "C" {

rlkd_status rlkd_sampling_workspace_size(const rlkd_context* context, int64_t rows, int64_t vocab,
                                         size_t* bytes) {
  return guard("rlkd_sampling_workspace_size", [&] {
    Arguments arguments(context);
    require_in_range("rows", rows, 0, INT64_MAX);
    require_in_range("vocab", vocab, 1, INT32_MAX);
    required("bytes", bytes);
    *bytes = arguments.backend() == RLKD_BACKEND_CPU ? cpu::sampling_workspace_size(rows, vocab)
                                                     : least_workspace(arguments, rows, vocab);
  });
}

rlkd_status rlkd_sampling(const rlkd_context* context, const rlkd_sampling_inputs* inputs_pointer,
                          rlkd_tensor* tokens_tensor, rlkd_tensor* logprob_tensor, void* workspace_pointer,
                          size_t workspace_bytes) {
  return guard("rlkd_sampling", [&] {
    Arguments arguments(context);
    arguments.with_floating_type(required("inputs", inputs_pointer).logits, [&](auto type) {
      using T = typename decltype(type)::type;
      const SamplingInputsOf<T> inputs = checked<T>(arguments, *inputs_pointer);
      const int64_t rows = inputs.logits.rows;
      const auto tokens = arguments.vector<int64_t>("tokens", tokens_tensor, rows, "rows");
      const auto logprob = arguments.vector<float>("logprob", logprob_tensor, rows, "rows");
      void* workspace = arguments.workspace(workspace_pointer, workspace_bytes,
                                            least_workspace(arguments, rows, inputs.logits.cols));
      arguments.require_no_overlap();
      if (arguments.values_on_host()) require_values(inputs);
      if constexpr (std::is_same_v<T, float>) {
        if (arguments.backend() == RLKD_BACKEND_CPU) {
          return cpu::sampling(inputs, tokens, logprob, workspace, workspace_bytes);
        }
        if (arguments.backend() == RLKD_BACKEND_REFERENCE)
          return reference::sampling(inputs, tokens, logprob);
      }
      arguments.run_on_device(
          [&](Stream stream) { return cuda::sampling<T>(inputs, tokens, logprob, workspace, stream); });
    });
  });
}

}  // extern "C"
