#include "rlkd/kernels/linear_logprob.h"

#include <cfloat>

#include "arguments.h"

using namespace rlkd::native;
using rlkd::kernels::Stream;
namespace cuda = rlkd::kernels::cuda;
namespace reference = rlkd::kernels::reference;

namespace {

void require_backend(const Arguments& arguments) {
  if (arguments.backend() == RLKD_BACKEND_CPU) {
    fail(RLKD_UNSUPPORTED,
         "backend CPU does not implement this function, expected CUDA, EMULATED or REFERENCE; on the CPU "
         "form the "
         "logits of some rows at a time by a matrix product (LibTorch's matmul) and call "
         "rlkd_logprob_forward or "
         "rlkd_logprob_backward on them");
  }
}

/** What the forward and the backward pass have in common. */
template <class T>
struct Layer {
  rlkd::kernels::Matrix<const T> hidden;
  rlkd::kernels::Matrix<const T> weight;
  rlkd::kernels::Vector<const int64_t> tokens;

  Layer(Arguments& arguments, const rlkd_tensor* hidden_tensor, const rlkd_tensor* weight_tensor,
        const rlkd_tensor* tokens_tensor, float temperature)
      : hidden(arguments.matrix<const T>("hidden", hidden_tensor, kAnyExtent, kAnyExtent, "rows", "hidden")),
        weight(arguments.matrix<const T>("weight", weight_tensor, kAnyExtent, hidden.cols, "vocab",
                                         "hidden.shape[1]")),
        tokens(arguments.vector<const int64_t>("tokens", tokens_tensor, hidden.rows, "rows")) {
    require_in_range("hidden.shape[1]", hidden.cols, 1, INT32_MAX);
    require_in_range("weight.shape[0]", weight.rows, 1, INT32_MAX);
    require_in_range("temperature", temperature, FLT_MIN, FLT_MAX);
  }

  void require_tokens(const Arguments& arguments) const {
    if (!arguments.values_on_host()) return;
    require_entries_in_range("tokens", tokens, 0, weight.rows - 1, "the vocabulary");
  }
};

size_t forward_workspace(const Arguments& arguments, int64_t rows, int64_t vocab) {
  if constexpr (kDeviceBackend != kNone) {
    if (arguments.on_device()) return cuda::linear_logprob_forward_workspace_size(rows, vocab);
  }
  return 0;
}

size_t backward_workspace(const Arguments& arguments, int64_t rows, int64_t vocab, int64_t hidden,
                          size_t element_size) {
  if constexpr (kDeviceBackend != kNone) {
    if (arguments.on_device()) {
      return cuda::linear_logprob_backward_workspace_size(rows, vocab, hidden, element_size);
    }
  }
  return 0;
}

}  // namespace

extern "C" {

rlkd_status rlkd_linear_logprob_forward_workspace_size(const rlkd_context* context, int64_t rows,
                                                       int64_t vocab, size_t* bytes) {
  return guard("rlkd_linear_logprob_forward_workspace_size", [&] {
    const Arguments arguments(context);
    require_backend(arguments);
    require_in_range("rows", rows, 0, INT32_MAX);
    require_in_range("vocab", vocab, 1, INT32_MAX);
    required("bytes", bytes) = forward_workspace(arguments, rows, vocab);
  });
}

rlkd_status rlkd_linear_logprob_forward(const rlkd_context* context, const rlkd_tensor* hidden_tensor,
                                        const rlkd_tensor* weight_tensor, const rlkd_tensor* tokens_tensor,
                                        float temperature, rlkd_tensor* logprob_tensor,
                                        rlkd_tensor* entropy_tensor, rlkd_tensor* logsumexp_tensor,
                                        void* workspace, size_t workspace_bytes) {
  return guard("rlkd_linear_logprob_forward", [&] {
    Arguments arguments(context);
    require_backend(arguments);
    arguments.with_floating_type(hidden_tensor, [&](auto type) {
      using T = typename decltype(type)::type;
      const Layer<T> layer(arguments, hidden_tensor, weight_tensor, tokens_tensor, temperature);
      const int64_t rows = layer.hidden.rows;
      const auto logprob = arguments.vector<float>("logprob", logprob_tensor, rows, "rows");
      const auto entropy = arguments.optional_vector<float>("entropy", entropy_tensor, rows, "rows");
      const auto logsumexp = arguments.vector<float>("logsumexp", logsumexp_tensor, rows, "rows");
      void* scratch = arguments.workspace(workspace, workspace_bytes,
                                          forward_workspace(arguments, rows, layer.weight.rows));
      arguments.require_no_overlap();
      layer.require_tokens(arguments);
      if constexpr (std::is_same_v<T, float>) {
        if (arguments.backend() == RLKD_BACKEND_REFERENCE) {
          return reference::linear_logprob_forward(layer.hidden, layer.weight, layer.tokens, temperature,
                                                   logprob, entropy, logsumexp);
        }
      }
      arguments.run_on_device([&](Stream stream) {
        return cuda::linear_logprob_forward<T>(layer.hidden, layer.weight, layer.tokens, temperature, logprob,
                                               entropy, logsumexp, scratch, stream);
      });
    });
  });
}

rlkd_status rlkd_linear_logprob_backward_workspace_size(const rlkd_context* context, int64_t rows,
                                                        int64_t vocab, int64_t hidden, int64_t element_size,
                                                        size_t* bytes) {
  return guard("rlkd_linear_logprob_backward_workspace_size", [&] {
    const Arguments arguments(context);
    require_backend(arguments);
    require_in_range("rows", rows, 0, INT32_MAX);
    require_in_range("vocab", vocab, 1, INT32_MAX);
    require_in_range("hidden", hidden, 1, INT32_MAX);
    require_in_range("element_size", element_size, 2, 4);
    required("bytes", bytes) =
        backward_workspace(arguments, rows, vocab, hidden, static_cast<size_t>(element_size));
  });
}

rlkd_status rlkd_linear_logprob_backward(const rlkd_context* context, const rlkd_tensor* hidden_tensor,
                                         const rlkd_tensor* weight_tensor, const rlkd_tensor* tokens_tensor,
                                         float temperature, const rlkd_tensor* logsumexp_tensor,
                                         const rlkd_tensor* entropy_tensor,
                                         const rlkd_tensor* dlogprob_tensor,
                                         const rlkd_tensor* dentropy_tensor, float skip_below,
                                         rlkd_tensor* dhidden_tensor, rlkd_tensor* dweight_tensor,
                                         void* workspace, size_t workspace_bytes) {
  return guard("rlkd_linear_logprob_backward", [&] {
    Arguments arguments(context);
    require_backend(arguments);
    if (dentropy_tensor != nullptr && entropy_tensor == nullptr) {
      invalid("entropy is NULL, expected the entropy of the forward pass because dentropy is given");
    }
    if (dhidden_tensor == nullptr && dweight_tensor == nullptr) {
      invalid("dhidden and dweight are NULL, expected one of them at least");
    }
    require_in_range("skip_below", skip_below, 0, rlkd::kernels::kLargestSkipBelow);
    arguments.with_floating_type(hidden_tensor, [&](auto type) {
      using T = typename decltype(type)::type;
      const Layer<T> layer(arguments, hidden_tensor, weight_tensor, tokens_tensor, temperature);
      const int64_t rows = layer.hidden.rows, vocab = layer.weight.rows, hidden = layer.hidden.cols;
      const auto logsumexp = arguments.vector<const float>("logsumexp", logsumexp_tensor, rows, "rows");
      const auto entropy = arguments.optional_vector<const float>("entropy", entropy_tensor, rows, "rows");
      const auto dlogprob = arguments.vector<const float>("dlogprob", dlogprob_tensor, rows, "rows");
      const auto dentropy = arguments.optional_vector<const float>("dentropy", dentropy_tensor, rows, "rows");
      const auto dhidden =
          arguments.optional_matrix<T>("dhidden", dhidden_tensor, rows, hidden, "rows", "hidden.shape[1]");
      const auto dweight = arguments.optional_matrix<float>("dweight", dweight_tensor, vocab, hidden, "vocab",
                                                            "hidden.shape[1]");
      void* scratch = arguments.workspace(workspace, workspace_bytes,
                                          backward_workspace(arguments, rows, vocab, hidden, sizeof(T)));
      arguments.require_no_overlap();
      layer.require_tokens(arguments);
      if constexpr (std::is_same_v<T, float>) {
        if (arguments.backend() == RLKD_BACKEND_REFERENCE) {
          return reference::linear_logprob_backward(layer.hidden, layer.weight, layer.tokens, temperature,
                                                    logsumexp, entropy, dlogprob, dentropy, dhidden, dweight);
        }
      }
      arguments.run_on_device([&](Stream stream) {
        return cuda::linear_logprob_backward<T>(layer.hidden, layer.weight, layer.tokens, temperature,
                                                logsumexp, entropy, dlogprob, dentropy, skip_below, dhidden,
                                                dweight, scratch, stream);
      });
    });
  });
}

}  // extern "C"
