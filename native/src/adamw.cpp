#include "rlkd/kernels/adamw.h"

#include <string>
#include <vector>

#include "arguments.h"

using namespace rlkd::native;
namespace cpu = rlkd::kernels::cpu;
namespace reference = rlkd::kernels::reference;

namespace {

std::string element(const char* name, int64_t i) { return std::string(name) + "[" + std::to_string(i) + "]"; }

}  // namespace

extern "C" {

rlkd_status rlkd_grad_norm(const rlkd_context* context, const rlkd_tensor* grads, int64_t count,
                           rlkd_tensor* norm_tensor) {
  return guard("rlkd_grad_norm", [&] {
    Arguments arguments(context);
    require_in_range("count", count, 0, INT64_MAX);
    if (count > 0) required("grads", grads);
    std::vector<rlkd::kernels::Vector<const float>> views;
    for (int64_t t = 0; t < count; ++t) {
      views.push_back(arguments.compact<const float>(element("grads", t).c_str(), grads + t));
    }
    const auto norm = arguments.vector<float>("norm", norm_tensor, 1);
    arguments.require_no_overlap();
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        norm[0] = cpu::grad_norm(views.data(), count);
        return;
      case RLKD_BACKEND_REFERENCE:
        norm[0] = reference::grad_norm(views.data(), count);
        return;
      default:
        arguments.unsupported_backend();
    }
  });
}

rlkd_status rlkd_adamw(const rlkd_context* context, rlkd_tensor* params, const rlkd_tensor* grads,
                       rlkd_tensor* exp_avg, rlkd_tensor* exp_avg_sq, const double* weight_decay,
                       int64_t count, const rlkd_adamw_options* options_pointer,
                       const rlkd_tensor* norm_tensor, int32_t* skipped) {
  return guard("rlkd_adamw", [&] {
    Arguments arguments(context);
    const rlkd_adamw_options& options = required("options", options_pointer);
    require_in_range("options.learning_rate", options.learning_rate, 0, 1e30);
    require_in_range("options.beta1", options.beta1, 0, 1 - 1e-12);
    require_in_range("options.beta2", options.beta2, 0, 1 - 1e-12);
    require_in_range("options.epsilon", options.epsilon, 0, 1e30);
    if (std::isnan(options.max_grad_norm))
      invalid("options.max_grad_norm is nan, expected a number (<= 0: off)");
    require_in_range("options.step", options.step, 1, INT64_MAX);
    require_in_range("count", count, 0, INT64_MAX);
    required("skipped", skipped);
    if (count > 0) {
      required("params", params);
      required("grads", grads);
      required("exp_avg", exp_avg);
      required("exp_avg_sq", exp_avg_sq);
      required("weight_decay", weight_decay);
    }
    std::vector<rlkd::kernels::AdamwTensor> tensors;
    for (int64_t t = 0; t < count; ++t) {
      const auto param = arguments.compact<float>(element("params", t).c_str(), params + t);
      const auto grad = arguments.compact<const float>(element("grads", t).c_str(), grads + t, param.size);
      const auto m = arguments.compact<float>(element("exp_avg", t).c_str(), exp_avg + t, param.size);
      const auto v = arguments.compact<float>(element("exp_avg_sq", t).c_str(), exp_avg_sq + t, param.size);
      require_in_range(element("weight_decay", t).c_str(), weight_decay[t], 0, 1e30);
      tensors.push_back({param.data, grad.data, m.data, v.data, param.size, weight_decay[t]});
    }
    const auto norm = arguments.vector<const float>("norm", norm_tensor, 1);
    arguments.require_no_overlap();
    const rlkd::kernels::AdamwOptions kernel_options{options.learning_rate, options.beta1,
                                                     options.beta2,         options.epsilon,
                                                     options.max_grad_norm, options.step};
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        *skipped = !cpu::adamw(tensors.data(), count, kernel_options, norm[0]);
        return;
      case RLKD_BACKEND_REFERENCE:
        *skipped = !reference::adamw(tensors.data(), count, kernel_options, norm[0]);
        return;
      default:
        arguments.unsupported_backend();
    }
  });
}

}  // extern "C"
