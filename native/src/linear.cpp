#include "rlkd/kernels/linear.h"

#include "arguments.h"

using namespace rlkd::native;
using rlkd::kernels::LinearPart;

namespace {

constexpr int64_t kMostParts = 16;

std::string entry(const char* array, int64_t index) {
  return std::string(array) + "[" + std::to_string(index) + "]";
}

}  // namespace

extern "C" {

rlkd_status rlkd_linear(const rlkd_context* context, const rlkd_tensor* input_tensor,
                        const rlkd_tensor* weights, const rlkd_tensor* biases, rlkd_tensor* outputs,
                        int64_t count, int32_t accumulate) {
  return guard("rlkd_linear", [&] {
    Arguments arguments(context);
    if (arguments.on_device()) {
      fail(RLKD_UNSUPPORTED,
           "a device backend does not implement this function, expected CPU or REFERENCE; on a GPU use a "
           "library's matrix product (LibTorch's linear)");
    }
    const auto input =
        arguments.matrix<const float>("input", input_tensor, kAnyExtent, kAnyExtent, "rows", "in");
    require_in_range("input.shape[1]", input.cols, 1, INT32_MAX);
    require_in_range("count", count, 1, kMostParts);
    require_in_range("accumulate", int64_t{accumulate}, 0, 1);
    required("weights", weights);
    required("outputs", outputs);
    LinearPart parts[kMostParts];
    for (int64_t p = 0; p < count; ++p) {
      LinearPart& part = parts[p];
      part.weight = arguments.matrix<const float>(entry("weights", p).c_str(), &weights[p], kAnyExtent,
                                                  input.cols, "out", "input.shape[1]");
      if (biases != nullptr && biases[p].data != nullptr) {
        part.bias = arguments.vector<const float>(entry("biases", p).c_str(), &biases[p], part.weight.rows,
                                                  "rows of the weight");
      }
      part.output = arguments.matrix<float>(entry("outputs", p).c_str(), &outputs[p], input.rows,
                                            part.weight.rows, "rows of input", "rows of the weight");
    }
    arguments.require_no_overlap();
    if (arguments.backend() == RLKD_BACKEND_CPU)
      return rlkd::kernels::cpu::linear(input, parts, count, accumulate != 0);
    rlkd::kernels::reference::linear(input, parts, count, accumulate != 0);
  });
}

}  // extern "C"
