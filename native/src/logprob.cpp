#include "rlkd/kernels/logprob.h"

#include <cfloat>

#include "arguments.h"

using namespace rlkd::native;
namespace cpu = rlkd::kernels::cpu;
namespace reference = rlkd::kernels::reference;

namespace {

void require_temperature(float temperature) {
  require_in_range("temperature", temperature, FLT_MIN, FLT_MAX);
}

void require_tokens(rlkd::kernels::Vector<const int64_t> tokens, int64_t vocab) {
  require_entries_in_range("tokens", tokens, 0, vocab - 1, "the vocabulary");
}

}  // namespace

extern "C" {

rlkd_status rlkd_logprob_forward(const rlkd_context* context, const rlkd_tensor* logits_tensor,
                                 const rlkd_tensor* tokens_tensor, float temperature,
                                 rlkd_tensor* logprob_tensor, rlkd_tensor* entropy_tensor,
                                 rlkd_tensor* logsumexp_tensor) {
  return guard("rlkd_logprob_forward", [&] {
    Arguments arguments(context);
    const auto logits =
        arguments.matrix<const float>("logits", logits_tensor, kAnyExtent, kAnyExtent, "rows", "vocab");
    const auto tokens = arguments.vector<const int64_t>("tokens", tokens_tensor, logits.rows, "rows");
    const auto logprob = arguments.vector<float>("logprob", logprob_tensor, logits.rows, "rows");
    const auto entropy = arguments.optional_vector<float>("entropy", entropy_tensor, logits.rows, "rows");
    const auto logsumexp = arguments.vector<float>("logsumexp", logsumexp_tensor, logits.rows, "rows");
    require_in_range("logits.shape[1]", logits.cols, 1, INT64_MAX);
    require_temperature(temperature);
    arguments.require_no_overlap();
    require_tokens(tokens, logits.cols);
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        return cpu::logprob_forward(logits, tokens, temperature, logprob, entropy, logsumexp);
      case RLKD_BACKEND_REFERENCE:
        return reference::logprob_forward(logits, tokens, temperature, logprob, entropy, logsumexp);
      default:
        arguments.unsupported_backend();
    }
  });
}

rlkd_status rlkd_logprob_backward(const rlkd_context* context, rlkd_tensor* logits_tensor,
                                  const rlkd_tensor* tokens_tensor, float temperature,
                                  const rlkd_tensor* logsumexp_tensor, const rlkd_tensor* entropy_tensor,
                                  const rlkd_tensor* dlogprob_tensor, const rlkd_tensor* dentropy_tensor) {
  return guard("rlkd_logprob_backward", [&] {
    Arguments arguments(context);
    const auto logits =
        arguments.matrix<float>("logits", logits_tensor, kAnyExtent, kAnyExtent, "rows", "vocab");
    const auto tokens = arguments.vector<const int64_t>("tokens", tokens_tensor, logits.rows, "rows");
    const auto logsumexp = arguments.vector<const float>("logsumexp", logsumexp_tensor, logits.rows, "rows");
    const auto entropy =
        arguments.optional_vector<const float>("entropy", entropy_tensor, logits.rows, "rows");
    const auto dlogprob = arguments.vector<const float>("dlogprob", dlogprob_tensor, logits.rows, "rows");
    const auto dentropy =
        arguments.optional_vector<const float>("dentropy", dentropy_tensor, logits.rows, "rows");
    require_in_range("logits.shape[1]", logits.cols, 1, INT64_MAX);
    if (dentropy_tensor != nullptr && entropy_tensor == nullptr) {
      invalid("entropy is NULL, expected the entropy of the forward pass because dentropy is given");
    }
    require_temperature(temperature);
    arguments.require_no_overlap();
    require_tokens(tokens, logits.cols);
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        return cpu::logprob_backward(logits, tokens, temperature, logsumexp, entropy, dlogprob, dentropy);
      case RLKD_BACKEND_REFERENCE:
        return reference::logprob_backward(logits, tokens, temperature, logsumexp, entropy, dlogprob,
                                           dentropy);
      default:
        arguments.unsupported_backend();
    }
  });
}

}  // extern "C"
