#include "rlkd/kernels/rows.h"

#include "arguments.h"

using namespace rlkd::native;
using rlkd::kernels::Matrix;
using rlkd::kernels::Vector;
namespace cpu = rlkd::kernels::cpu;
namespace reference = rlkd::kernels::reference;

namespace {

void require_backend(const Arguments& arguments) {
  if (arguments.on_device()) {
    fail(RLKD_UNSUPPORTED,
         "a device backend does not implement this function, expected CPU or REFERENCE; on a GPU use a "
         "library's index_select and index_copy");
  }
}

}  // namespace

extern "C" {

rlkd_status rlkd_rows_gather(const rlkd_context* context, const rlkd_tensor* input_tensor,
                             const rlkd_tensor* indices_tensor, rlkd_tensor* output_tensor) {
  return guard("rlkd_rows_gather", [&] {
    Arguments arguments(context);
    require_backend(arguments);
    const auto indices = arguments.vector<const int64_t>("indices", indices_tensor);
    const auto input = arguments.matrix<const float>("input", input_tensor);
    const auto output = arguments.matrix<float>("output", output_tensor, indices.size, input.cols,
                                                "size of indices", "cols of input");
    arguments.require_no_overlap();
    require_entries_in_range("indices", indices, 0, input.rows - 1, "the rows of input");
    if (arguments.backend() == RLKD_BACKEND_CPU) return cpu::rows_gather(input, indices, output);
    reference::rows_gather(input, indices, output);
  });
}

rlkd_status rlkd_rows_scatter(const rlkd_context* context, const rlkd_tensor* input_tensor,
                              const rlkd_tensor* indices_tensor, rlkd_tensor* output_tensor) {
  return guard("rlkd_rows_scatter", [&] {
    Arguments arguments(context);
    require_backend(arguments);
    const auto indices = arguments.vector<const int64_t>("indices", indices_tensor);
    const auto input = arguments.matrix<const float>("input", input_tensor, indices.size, kAnyExtent,
                                                     "size of indices", "cols");
    const auto output =
        arguments.matrix<float>("output", output_tensor, kAnyExtent, input.cols, "rows", "cols of input");
    arguments.require_no_overlap();
    require_entries_in_range("indices", indices, 0, output.rows - 1, "the rows of output");
    if (arguments.backend() == RLKD_BACKEND_CPU) return cpu::rows_scatter(input, indices, output);
    reference::rows_scatter(input, indices, output);
  });
}

}  // extern "C"
