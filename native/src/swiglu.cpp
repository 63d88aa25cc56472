#include "rlkd/kernels/swiglu.h"

#include "arguments.h"

using namespace rlkd::native;
using rlkd::kernels::Stream;
namespace cpu = rlkd::kernels::cpu;
namespace cuda = rlkd::kernels::cuda;
namespace reference = rlkd::kernels::reference;

extern "C" {

rlkd_status rlkd_swiglu_forward(const rlkd_context* context, const rlkd_tensor* gate_tensor,
                                const rlkd_tensor* up_tensor, rlkd_tensor* output_tensor) {
  return guard("rlkd_swiglu_forward", [&] {
    Arguments arguments(context);
    arguments.with_floating_type(gate_tensor, [&](auto type) {
      using T = typename decltype(type)::type;
      const auto gate = arguments.matrix<const T>("gate", gate_tensor);
      const auto up =
          arguments.matrix<const T>("up", up_tensor, gate.rows, gate.cols, "rows of gate", "cols of gate");
      const auto output =
          arguments.matrix<T>("output", output_tensor, gate.rows, gate.cols, "rows of gate", "cols of gate");
      arguments.require_no_overlap();
      if constexpr (std::is_same_v<T, float>) {
        if (arguments.backend() == RLKD_BACKEND_CPU) return cpu::swiglu_forward(gate, up, output);
        if (arguments.backend() == RLKD_BACKEND_REFERENCE) return reference::swiglu_forward(gate, up, output);
      }
      arguments.run_on_device(
          [&](Stream stream) { return cuda::swiglu_forward<T>(gate, up, output, stream); });
    });
  });
}

rlkd_status rlkd_swiglu_backward(const rlkd_context* context, const rlkd_tensor* gate_tensor,
                                 const rlkd_tensor* up_tensor, const rlkd_tensor* doutput_tensor,
                                 rlkd_tensor* dgate_tensor, rlkd_tensor* dup_tensor) {
  return guard("rlkd_swiglu_backward", [&] {
    Arguments arguments(context);
    arguments.with_floating_type(gate_tensor, [&](auto type) {
      using T = typename decltype(type)::type;
      const auto dgate = arguments.matrix<T>("dgate", dgate_tensor);
      const auto dup =
          arguments.matrix<T>("dup", dup_tensor, dgate.rows, dgate.cols, "rows of dgate", "cols of dgate");
      const auto gate =
          arguments.matrix_in_place<T>("gate", gate_tensor, dgate, "rows of dgate", "cols of dgate");
      const auto up = arguments.matrix_in_place<T>("up", up_tensor, dup, "rows of dgate", "cols of dgate");
      const auto doutput = arguments.matrix<const T>("doutput", doutput_tensor, dgate.rows, dgate.cols,
                                                     "rows of dgate", "cols of dgate");
      arguments.require_no_overlap();
      if constexpr (std::is_same_v<T, float>) {
        if (arguments.backend() == RLKD_BACKEND_CPU) {
          return cpu::swiglu_backward(gate, up, doutput, dgate, dup);
        }
        if (arguments.backend() == RLKD_BACKEND_REFERENCE) {
          return reference::swiglu_backward(gate, up, doutput, dgate, dup);
        }
      }
      arguments.run_on_device(
          [&](Stream stream) { return cuda::swiglu_backward<T>(gate, up, doutput, dgate, dup, stream); });
    });
  });
}

}  // extern "C"
