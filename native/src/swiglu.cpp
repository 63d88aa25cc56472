#include "rlkd/kernels/swiglu.h"

#include "arguments.h"

using namespace rlkd::native;
namespace cpu = rlkd::kernels::cpu;
namespace reference = rlkd::kernels::reference;

extern "C" {

rlkd_status rlkd_swiglu_forward(const rlkd_context* context, const rlkd_tensor* gate_tensor,
                                const rlkd_tensor* up_tensor, rlkd_tensor* output_tensor) {
  return guard("rlkd_swiglu_forward", [&] {
    Arguments arguments(context);
    const auto gate = arguments.matrix<const float>("gate", gate_tensor);
    const auto up =
        arguments.matrix<const float>("up", up_tensor, gate.rows, gate.cols, "rows of gate", "cols of gate");
    const auto output = arguments.matrix<float>("output", output_tensor, gate.rows, gate.cols, "rows of gate",
                                                "cols of gate");
    arguments.require_no_overlap();
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        return cpu::swiglu_forward(gate, up, output);
      case RLKD_BACKEND_REFERENCE:
        return reference::swiglu_forward(gate, up, output);
      default:
        arguments.unsupported_backend();
    }
  });
}

rlkd_status rlkd_swiglu_backward(const rlkd_context* context, const rlkd_tensor* gate_tensor,
                                 const rlkd_tensor* up_tensor, const rlkd_tensor* doutput_tensor,
                                 rlkd_tensor* dgate_tensor, rlkd_tensor* dup_tensor) {
  return guard("rlkd_swiglu_backward", [&] {
    Arguments arguments(context);
    const auto dgate = arguments.matrix<float>("dgate", dgate_tensor);
    const auto dup =
        arguments.matrix<float>("dup", dup_tensor, dgate.rows, dgate.cols, "rows of dgate", "cols of dgate");
    const auto gate =
        arguments.matrix_in_place<float>("gate", gate_tensor, dgate, "rows of dgate", "cols of dgate");
    const auto up = arguments.matrix_in_place<float>("up", up_tensor, dup, "rows of dgate", "cols of dgate");
    const auto doutput = arguments.matrix<const float>("doutput", doutput_tensor, dgate.rows, dgate.cols,
                                                       "rows of dgate", "cols of dgate");
    arguments.require_no_overlap();
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        return cpu::swiglu_backward(gate, up, doutput, dgate, dup);
      case RLKD_BACKEND_REFERENCE:
        return reference::swiglu_backward(gate, up, doutput, dgate, dup);
      default:
        arguments.unsupported_backend();
    }
  });
}

}  // extern "C"
