#include "rlkd/kernels/rmsnorm.h"

#include "arguments.h"

using namespace rlkd::native;
namespace cpu = rlkd::kernels::cpu;
namespace reference = rlkd::kernels::reference;

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
    const auto output = arguments.matrix<float>("output", output_tensor);
    require_in_range("output.shape[1] (cols)", output.cols, 1, INT64_MAX);
    require_in_range("epsilon", static_cast<double>(epsilon), 0, 1e30);
    const auto sum = arguments.optional_matrix<float>("sum", sum_tensor, output.rows, output.cols,
                                                      "rows of output", "cols of output");
    const auto addend = [&](const char* name, const rlkd_tensor* tensor) {
      return sum ? arguments.matrix_in_place<float>(name, tensor, sum, "rows of output", "cols of output")
                 : arguments.optional_matrix<const float>(name, tensor, output.rows, output.cols,
                                                          "rows of output", "cols of output");
    };
    required("input", input_tensor);
    const auto input = addend("input", input_tensor);
    const auto residual = addend("residual", residual_tensor);
    const auto weight = arguments.vector<const float>("weight", weight_tensor, output.cols, "cols of output");
    const auto inverse_rms =
        arguments.optional_vector<float>("inverse_rms", inverse_rms_tensor, output.rows, "rows of output");
    arguments.require_no_overlap();
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        return cpu::rmsnorm_forward(input, residual, weight, epsilon, sum, output, inverse_rms);
      case RLKD_BACKEND_REFERENCE:
        return reference::rmsnorm_forward(input, residual, weight, epsilon, sum, output, inverse_rms);
      default:
        arguments.unsupported_backend();
    }
  });
}

rlkd_status rlkd_rmsnorm_backward_workspace_size(const rlkd_context* context, int64_t rows, int64_t cols,
                                                 size_t* bytes) {
  return guard("rlkd_rmsnorm_backward_workspace_size", [&] {
    Arguments arguments(context);
    require_in_range("rows", rows, 0, INT64_MAX);
    require_in_range("cols", cols, 1, INT64_MAX);
    required("bytes", bytes);
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
      case RLKD_BACKEND_REFERENCE:
        *bytes = 0;
        return;
      default:
        arguments.unsupported_backend();
    }
  });
}

rlkd_status rlkd_rmsnorm_backward(const rlkd_context* context, const rlkd_tensor* input_tensor,
                                  const rlkd_tensor* weight_tensor, const rlkd_tensor* inverse_rms_tensor,
                                  const rlkd_tensor* doutput_tensor, rlkd_tensor* dinput_tensor,
                                  rlkd_tensor* dweight_tensor, void*, size_t) {
  return guard("rlkd_rmsnorm_backward", [&] {
    Arguments arguments(context);
    const auto input = arguments.matrix<const float>("input", input_tensor);
    require_in_range("input.shape[1] (cols)", input.cols, 1, INT64_MAX);
    const auto weight = arguments.vector<const float>("weight", weight_tensor, input.cols, "cols of input");
    const auto inverse_rms =
        arguments.vector<const float>("inverse_rms", inverse_rms_tensor, input.rows, "rows of input");
    const auto doutput = arguments.matrix<const float>("doutput", doutput_tensor, input.rows, input.cols,
                                                       "rows of input", "cols of input");
    const auto dinput = arguments.optional_matrix<float>("dinput", dinput_tensor, input.rows, input.cols,
                                                         "rows of input", "cols of input");
    const auto dweight =
        arguments.optional_vector<float>("dweight", dweight_tensor, input.cols, "cols of input");
    arguments.require_no_overlap();
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        return cpu::rmsnorm_backward(input, weight, inverse_rms, doutput, dinput, dweight);
      case RLKD_BACKEND_REFERENCE:
        return reference::rmsnorm_backward(input, weight, inverse_rms, doutput, dinput, dweight);
      default:
        arguments.unsupported_backend();
    }
  });
}

}  // extern "C"
