#include "rlkd/kernels/logprob.h"

#include <cfloat>

#include "arguments.h"

using namespace rlkd::native;
using rlkd::kernels::Stream;
namespace cpu = rlkd::kernels::cpu;
namespace cuda = rlkd::kernels::cuda;
namespace reference = rlkd::kernels::reference;

namespace {

void require_temperature(float temperature) {
  require_in_range("temperature", temperature, FLT_MIN, FLT_MAX);
}

void require_vocab(int64_t vocab) { require_in_range("logits.shape[1]", vocab, 1, INT64_MAX); }

void require_tokens(rlkd::kernels::Vector<const int64_t> tokens, int64_t vocab) {
  require_entries_in_range("tokens", tokens, 0, vocab - 1, "the vocabulary");
}

size_t forward_workspace(const Arguments& arguments, int64_t rows, int64_t vocab) {
  if constexpr (kDeviceBackend != kNone) {
    if (arguments.on_device()) return cuda::logprob_forward_workspace_size(rows, vocab);
  }
  return 0;
}

}  // namespace

extern "C" {

rlkd_status rlkd_logprob_forward_workspace_size(const rlkd_context* context, int64_t rows, int64_t vocab,
                                                size_t* bytes) {
  return guard("rlkd_logprob_forward_workspace_size", [&] {
    const Arguments arguments(context);
    require_in_range("rows", rows, 0, INT64_MAX);
    require_in_range("vocab", vocab, 1, INT64_MAX);
    required("bytes", bytes) = forward_workspace(arguments, rows, vocab);
  });
}

rlkd_status rlkd_logprob_forward(const rlkd_context* context, const rlkd_tensor* logits_tensor,
                                 const rlkd_tensor* tokens_tensor, float temperature,
                                 rlkd_tensor* logprob_tensor, rlkd_tensor* entropy_tensor,
                                 rlkd_tensor* logsumexp_tensor, void* workspace, size_t workspace_bytes) {
  return guard("rlkd_logprob_forward", [&] {
    Arguments arguments(context);
    arguments.with_floating_type(logits_tensor, [&](auto type) {
      using T = typename decltype(type)::type;
      const auto logits =
          arguments.matrix<const T>("logits", logits_tensor, kAnyExtent, kAnyExtent, "rows", "vocab");
      const auto tokens = arguments.vector<const int64_t>("tokens", tokens_tensor, logits.rows, "rows");
      const auto logprob = arguments.vector<float>("logprob", logprob_tensor, logits.rows, "rows");
      const auto entropy = arguments.optional_vector<float>("entropy", entropy_tensor, logits.rows, "rows");
      const auto logsumexp = arguments.vector<float>("logsumexp", logsumexp_tensor, logits.rows, "rows");
      require_vocab(logits.cols);
      require_temperature(temperature);
      void* scratch = arguments.workspace(workspace, workspace_bytes,
                                          forward_workspace(arguments, logits.rows, logits.cols));
      arguments.require_no_overlap();
      if (arguments.values_on_host()) require_tokens(tokens, logits.cols);
      if constexpr (std::is_same_v<T, float>) {
        if (arguments.backend() == RLKD_BACKEND_CPU) {
          return cpu::logprob_forward(logits, tokens, temperature, logprob, entropy, logsumexp);
        }
        if (arguments.backend() == RLKD_BACKEND_REFERENCE) {
          return reference::logprob_forward(logits, tokens, temperature, logprob, entropy, logsumexp);
        }
      }
      arguments.run_on_device([&](Stream stream) {
        return cuda::logprob_forward<T>(logits, tokens, temperature, logprob, entropy, logsumexp, scratch,
                                        stream);
      });
    });
  });
}

rlkd_status rlkd_logprob_backward(const rlkd_context* context, rlkd_tensor* logits_tensor,
                                  const rlkd_tensor* tokens_tensor, float temperature,
                                  const rlkd_tensor* logsumexp_tensor, const rlkd_tensor* entropy_tensor,
                                  const rlkd_tensor* dlogprob_tensor, const rlkd_tensor* dentropy_tensor) {
  return guard("rlkd_logprob_backward", [&] {
    Arguments arguments(context);
    arguments.with_floating_type(logits_tensor, [&](auto type) {
      using T = typename decltype(type)::type;
      const auto logits =
          arguments.matrix<T>("logits", logits_tensor, kAnyExtent, kAnyExtent, "rows", "vocab");
      const auto tokens = arguments.vector<const int64_t>("tokens", tokens_tensor, logits.rows, "rows");
      const auto logsumexp =
          arguments.vector<const float>("logsumexp", logsumexp_tensor, logits.rows, "rows");
      const auto entropy =
          arguments.optional_vector<const float>("entropy", entropy_tensor, logits.rows, "rows");
      const auto dlogprob = arguments.vector<const float>("dlogprob", dlogprob_tensor, logits.rows, "rows");
      const auto dentropy =
          arguments.optional_vector<const float>("dentropy", dentropy_tensor, logits.rows, "rows");
      require_vocab(logits.cols);
      if (dentropy_tensor != nullptr && entropy_tensor == nullptr) {
        invalid("entropy is NULL, expected the entropy of the forward pass because dentropy is given");
      }
      require_temperature(temperature);
      arguments.require_no_overlap();
      if (arguments.values_on_host()) require_tokens(tokens, logits.cols);
      if constexpr (std::is_same_v<T, float>) {
        if (arguments.backend() == RLKD_BACKEND_CPU) {
          return cpu::logprob_backward(logits, tokens, temperature, logsumexp, entropy, dlogprob, dentropy);
        }
        if (arguments.backend() == RLKD_BACKEND_REFERENCE) {
          return reference::logprob_backward(logits, tokens, temperature, logsumexp, entropy, dlogprob,
                                             dentropy);
        }
      }
      arguments.run_on_device([&](Stream stream) {
        return cuda::logprob_backward<T>(logits, tokens, temperature, logsumexp, entropy, dlogprob, dentropy,
                                         stream);
      });
    });
  });
}

}  // extern "C"
