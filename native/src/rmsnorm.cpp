#include "rlkd/kernels/rmsnorm.h"

#include "arguments.h"

using namespace rlkd::native;
using rlkd::kernels::Stream;
namespace cpu = rlkd::kernels::cpu;
namespace cuda = rlkd::kernels::cuda;
namespace reference = rlkd::kernels::reference;

namespace {

size_t backward_workspace(const Arguments& arguments, int64_t rows, int64_t cols) {
  if constexpr (kDeviceBackend != kNone) {
    if (arguments.on_device()) return cuda::rmsnorm_backward_workspace_size(rows, cols);
  }
  return 0;
}

}  // namespace

extern "C" {

rlkd_status rlkd_rmsnorm_forward(const rlkd_context* context, const rlkd_tensor* input_tensor,
                                 const rlkd_tensor* residual_tensor, const rlkd_tensor* weight_tensor,
                                 float epsilon, rlkd_tensor* sum_tensor, rlkd_tensor* output_tensor,
                                 rlkd_tensor* inverse_rms_tensor) {
  return guard("rlkd_rmsnorm_forward", [&] {
    Arguments arguments(context);
    if ((residual_tensor == nullptr) != (sum_tensor == nullptr)) {
      invalid("%s is NULL and %s is not, expected both or neither",
              sum_tensor == nullptr ? "sum" : "residual", sum_tensor == nullptr ? "residual" : "sum");
    }
    required("input", input_tensor);
    require_in_range("epsilon", static_cast<double>(epsilon), 0, 1e30);
    arguments.with_floating_type(input_tensor, [&](auto type) {
      using T = typename decltype(type)::type;
      const auto output = arguments.matrix<T>("output", output_tensor);
      require_in_range("output.shape[1] (cols)", output.cols, 1, INT64_MAX);
      const auto sum = arguments.optional_matrix<T>("sum", sum_tensor, output.rows, output.cols,
                                                    "rows of output", "cols of output");
      const auto addend = [&](const char* name, const rlkd_tensor* tensor) {
        return sum ? arguments.matrix_in_place<T>(name, tensor, sum, "rows of output", "cols of output")
                   : arguments.optional_matrix<const T>(name, tensor, output.rows, output.cols,
                                                        "rows of output", "cols of output");
      };
      const auto input = addend("input", input_tensor);
      const auto residual = addend("residual", residual_tensor);
      const auto weight = arguments.vector<const T>("weight", weight_tensor, output.cols, "cols of output");
      const auto inverse_rms =
          arguments.optional_vector<float>("inverse_rms", inverse_rms_tensor, output.rows, "rows of output");
      arguments.require_no_overlap();
      if constexpr (std::is_same_v<T, float>) {
        if (arguments.backend() == RLKD_BACKEND_CPU) {
          return cpu::rmsnorm_forward(input, residual, weight, epsilon, sum, output, inverse_rms);
        }
        if (arguments.backend() == RLKD_BACKEND_REFERENCE) {
          return reference::rmsnorm_forward(input, residual, weight, epsilon, sum, output, inverse_rms);
        }
      }
      arguments.run_on_device([&](Stream stream) {
        return cuda::rmsnorm_forward<T>(input, residual, weight, epsilon, sum, output, inverse_rms, stream);
      });
    });
  });
}

rlkd_status rlkd_rmsnorm_backward_workspace_size(const rlkd_context* context, int64_t rows, int64_t cols,
                                                 size_t* bytes) {
  return guard("rlkd_rmsnorm_backward_workspace_size", [&] {
    const Arguments arguments(context);
    require_in_range("rows", rows, 0, INT64_MAX);
    require_in_range("cols", cols, 1, int64_t{1} << 40);
    required("bytes", bytes) = backward_workspace(arguments, rows, cols);
  });
}

rlkd_status rlkd_rmsnorm_backward(const rlkd_context* context, const rlkd_tensor* input_tensor,
                                  const rlkd_tensor* weight_tensor, const rlkd_tensor* inverse_rms_tensor,
                                  const rlkd_tensor* doutput_tensor, rlkd_tensor* dinput_tensor,
                                  rlkd_tensor* dweight_tensor, void* workspace, size_t workspace_bytes) {
  return guard("rlkd_rmsnorm_backward", [&] {
    Arguments arguments(context);
    arguments.with_floating_type(input_tensor, [&](auto type) {
      using T = typename decltype(type)::type;
      const auto input = arguments.matrix<const T>("input", input_tensor);
      require_in_range("input.shape[1] (cols)", input.cols, 1, INT64_MAX);
      const auto weight = arguments.vector<const T>("weight", weight_tensor, input.cols, "cols of input");
      const auto inverse_rms =
          arguments.vector<const float>("inverse_rms", inverse_rms_tensor, input.rows, "rows of input");
      const auto doutput = arguments.matrix<const T>("doutput", doutput_tensor, input.rows, input.cols,
                                                     "rows of input", "cols of input");
      const auto dinput = arguments.optional_matrix<T>("dinput", dinput_tensor, input.rows, input.cols,
                                                       "rows of input", "cols of input");
      const auto dweight =
          arguments.optional_vector<float>("dweight", dweight_tensor, input.cols, "cols of input");
      void* scratch = arguments.workspace(
          workspace, workspace_bytes, dweight ? backward_workspace(arguments, input.rows, input.cols) : 0);
      arguments.require_no_overlap();
      if constexpr (std::is_same_v<T, float>) {
        if (arguments.backend() == RLKD_BACKEND_CPU) {
          return cpu::rmsnorm_backward(input, weight, inverse_rms, doutput, dinput, dweight);
        }
        if (arguments.backend() == RLKD_BACKEND_REFERENCE) {
          return reference::rmsnorm_backward(input, weight, inverse_rms, doutput, dinput, dweight);
        }
      }
      arguments.run_on_device([&](Stream stream) {
        return cuda::rmsnorm_backward<T>(input, weight, inverse_rms, doutput, dinput, dweight, scratch,
                                         stream);
      });
    });
  });
}

}  // extern "C"
