#include "rlkd/kernels/adamw.h"

#include <string>
#include <vector>

#include "arguments.h"

using namespace rlkd::native;
using rlkd::kernels::AdamwOptions;
using rlkd::kernels::Stream;
using rlkd::kernels::Vector;
namespace cpu = rlkd::kernels::cpu;
namespace cuda = rlkd::kernels::cuda;
namespace reference = rlkd::kernels::reference;

namespace {

std::string element(const char* name, int64_t i) { return std::string(name) + "[" + std::to_string(i) + "]"; }

size_t norm_workspace(const Arguments& arguments, int64_t elements, int64_t count) {
  if constexpr (kDeviceBackend != kNone) {
    if (arguments.on_device()) return cuda::grad_norm_workspace_size(elements, count);
  }
  return 0;
}

AdamwOptions checked_options(const rlkd_adamw_options& options) {
  require_in_range("options.learning_rate", options.learning_rate, 0, 1e30);
  require_in_range("options.beta1", options.beta1, 0, 1 - 1e-12);
  require_in_range("options.beta2", options.beta2, 0, 1 - 1e-12);
  require_in_range("options.epsilon", options.epsilon, 0, 1e30);
  if (std::isnan(options.max_grad_norm)) {
    invalid("options.max_grad_norm is nan, expected a number (<= 0: off)");
  }
  require_in_range("options.step", options.step, 1, INT64_MAX);
  return {options.learning_rate, options.beta1,         options.beta2,
          options.epsilon,       options.max_grad_norm, options.step};
}

/** The arrays of one call. */
struct Tensors {
  const rlkd_tensor* params;
  const rlkd_tensor* masters;  // null: params are float
  const rlkd_tensor* grads;
  const rlkd_tensor* exp_avg;
  const rlkd_tensor* exp_avg_sq;
  const double* weight_decay;
  int64_t count;

  void require_arrays() const {
    if (count == 0) return;
    required("params", params);
    required("grads", grads);
    required("exp_avg", exp_avg);
    required("exp_avg_sq", exp_avg_sq);
    required("weight_decay", weight_decay);
  }

  template <class Weight, class Grad>
  std::vector<cuda::AdamwTensor<Weight, Grad>> checked(Arguments& arguments) const {
    constexpr bool kFloat = std::is_same_v<Weight, float>;
    if (kFloat && masters != nullptr) {
      invalid("masters is given, expected NULL for float32 params, which need none");
    }
    if (!kFloat && count > 0) required("masters", masters);
    std::vector<cuda::AdamwTensor<Weight, Grad>> result;
    for (int64_t t = 0; t < count; ++t) {
      const auto param = arguments.compact<Weight>(element("params", t).c_str(), params + t);
      const auto state = [&](const char* name, const rlkd_tensor* tensors) {
        return arguments.compact<float>(element(name, t).c_str(), tensors + t, param.size).data;
      };
      float* master = kFloat ? nullptr : state("masters", masters);
      const auto grad = arguments.compact<const Grad>(element("grads", t).c_str(), grads + t, param.size);
      require_in_range(element("weight_decay", t).c_str(), weight_decay[t], 0, 1e30);
      result.push_back({param.data, master, grad.data, state("exp_avg", exp_avg),
                        state("exp_avg_sq", exp_avg_sq), param.size, weight_decay[t]});
    }
    return result;
  }
};

/** For cpu and reference: the same tensors without masters. */
std::vector<rlkd::kernels::AdamwTensor> of_host(const std::vector<cuda::AdamwTensor<float, float>>& tensors) {
  std::vector<rlkd::kernels::AdamwTensor> result;
  for (const auto& t : tensors) {
    result.push_back({t.param, t.grad, t.exp_avg, t.exp_avg_sq, t.size, t.weight_decay});
  }
  return result;
}

template <class Weight, class Grad>
void run(Arguments& arguments, const Tensors& tensors, const AdamwOptions& options,
         const rlkd_tensor* norm_tensor, int32_t* skipped) {
  const auto list = tensors.checked<Weight, Grad>(arguments);
  const auto norm = arguments.vector<const float>("norm", norm_tensor, 1);
  arguments.require_no_overlap();
  if constexpr (std::is_same_v<Weight, float>) {
    if (arguments.backend() == RLKD_BACKEND_CPU) {
      *skipped = !cpu::adamw(of_host(list).data(), tensors.count, options, norm[0]);
      return;
    }
    if (arguments.backend() == RLKD_BACKEND_REFERENCE) {
      *skipped = !reference::adamw(of_host(list).data(), tensors.count, options, norm[0]);
      return;
    }
  }
  arguments.run_on_device([&](Stream stream) {
    return cuda::adamw(list.data(), tensors.count, options, norm.data, skipped, stream);
  });
}

}  // namespace

extern "C" {

rlkd_status rlkd_grad_norm_workspace_size(const rlkd_context* context, int64_t elements, int64_t count,
                                          size_t* bytes) {
  return guard("rlkd_grad_norm_workspace_size", [&] {
    const Arguments arguments(context);
    require_in_range("elements", elements, 0, INT64_MAX / 8);
    require_in_range("count", count, 0, INT64_MAX / 16);
    required("bytes", bytes) = norm_workspace(arguments, elements, count);
  });
}

rlkd_status rlkd_grad_norm(const rlkd_context* context, const rlkd_tensor* grads, int64_t count,
                           rlkd_tensor* norm_tensor, void* workspace, size_t workspace_bytes) {
  return guard("rlkd_grad_norm", [&] {
    Arguments arguments(context);
    require_in_range("count", count, 0, INT64_MAX / 16);
    if (count > 0) required("grads", grads);
    arguments.with_floating_type(count > 0 ? grads : nullptr, [&](auto type) {
      using T = typename decltype(type)::type;
      std::vector<Vector<const T>> views;
      int64_t elements = 0;
      for (int64_t t = 0; t < count; ++t) {
        views.push_back(arguments.compact<const T>(element("grads", t).c_str(), grads + t));
        elements += views.back().size;
      }
      const auto norm = arguments.vector<float>("norm", norm_tensor, 1);
      void* scratch =
          arguments.workspace(workspace, workspace_bytes, norm_workspace(arguments, elements, count));
      arguments.require_no_overlap();
      if constexpr (std::is_same_v<T, float>) {
        if (arguments.backend() == RLKD_BACKEND_CPU) {
          norm[0] = cpu::grad_norm(views.data(), count);
          return;
        }
        if (arguments.backend() == RLKD_BACKEND_REFERENCE) {
          norm[0] = reference::grad_norm(views.data(), count);
          return;
        }
      }
      arguments.run_on_device(
          [&](Stream stream) { return cuda::grad_norm(views.data(), count, norm.data, scratch, stream); });
    });
  });
}

rlkd_status rlkd_adamw(const rlkd_context* context, rlkd_tensor* params, rlkd_tensor* masters,
                       const rlkd_tensor* grads, rlkd_tensor* exp_avg, rlkd_tensor* exp_avg_sq,
                       const double* weight_decay, int64_t count, const rlkd_adamw_options* options_pointer,
                       const rlkd_tensor* norm, int32_t* skipped) {
  return guard("rlkd_adamw", [&] {
    Arguments arguments(context);
    const AdamwOptions options = checked_options(required("options", options_pointer));
    require_in_range("count", count, 0, INT64_MAX / 16);
    required("skipped", skipped);
    const Tensors tensors{params, masters, grads, exp_avg, exp_avg_sq, weight_decay, count};
    tensors.require_arrays();
    const rlkd_tensor* first_param = count > 0 ? params : nullptr;
    const rlkd_tensor* first_grad = count > 0 ? grads : nullptr;
    arguments.with_floating_type(first_param, [&](auto weight_type) {
      using Weight = typename decltype(weight_type)::type;
      arguments.with_floating_type(first_grad, [&](auto grad_type) {
        using Grad = typename decltype(grad_type)::type;
        // A 16-bit gradient of another type than the weight is refused as such a weight's gradient would be.
        using Accepted = std::conditional_t<std::is_same_v<Grad, float>, float, Weight>;
        run<Weight, Accepted>(arguments, tensors, options, norm, skipped);
      });
    });
  });
}

}  // extern "C"
