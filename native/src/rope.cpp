#include "rlkd/kernels/rope.h"

#include <cinttypes>

#include "arguments.h"

using namespace rlkd::native;
using rlkd::kernels::Matrix;
using rlkd::kernels::Stream;
using rlkd::kernels::Vector;
namespace cpu = rlkd::kernels::cpu;
namespace cuda = rlkd::kernels::cuda;
namespace reference = rlkd::kernels::reference;

namespace {

/** The arguments of either direction; only their names differ. */
template <class T>
struct Rotation {
  Rotation(Arguments& arguments, const char* from, const rlkd_tensor* from_tensor,
           const rlkd_tensor* positions_tensor, const rlkd_tensor* cosine_tensor,
           const rlkd_tensor* sine_tensor, const char* to, rlkd_tensor* to_tensor)
      : output(arguments.matrix<T>(to, to_tensor)),
        input(arguments.matrix_in_place<T>(from, from_tensor, output, "rows of the output",
                                           "cols of the output")),
        positions(arguments.vector<const int64_t>("positions", positions_tensor, output.rows,
                                                  "rows of the output")),
        cosine(arguments.matrix<const float>("cosine", cosine_tensor)),
        sine(arguments.matrix<const float>("sine", sine_tensor, cosine.rows, cosine.cols, "rows of cosine",
                                           "cols of cosine")) {
    require_in_range("cosine.shape[1] (half of the head dimension)", cosine.cols, 1, INT64_MAX / 2);
    if (output.cols % (2 * cosine.cols) != 0) {
      invalid("%s.shape[1] is %" PRId64
              ", expected a multiple of the head dimension, 2 * cosine.shape[1] = %" PRId64,
              to, output.cols, 2 * cosine.cols);
    }
    arguments.require_no_overlap();
    if (arguments.values_on_host()) {
      require_entries_in_range("positions", positions, 0, cosine.rows - 1, "rows of cosine - 1");
    }
  }

  Matrix<T> output;
  Matrix<const T> input;
  Vector<const int64_t> positions;
  Matrix<const float> cosine;
  Matrix<const float> sine;
};

}  // namespace

extern "C" {

rlkd_status rlkd_rope_forward(const rlkd_context* context, const rlkd_tensor* input,
                              const rlkd_tensor* positions, const rlkd_tensor* cosine,
                              const rlkd_tensor* sine, rlkd_tensor* output) {
  return guard("rlkd_rope_forward", [&] {
    Arguments arguments(context);
    arguments.with_floating_type(input, [&](auto type) {
      using T = typename decltype(type)::type;
      const Rotation<T> r(arguments, "input", input, positions, cosine, sine, "output", output);
      if constexpr (std::is_same_v<T, float>) {
        if (arguments.backend() == RLKD_BACKEND_CPU) {
          return cpu::rope_forward(r.input, r.positions, r.cosine, r.sine, r.output);
        }
        if (arguments.backend() == RLKD_BACKEND_REFERENCE) {
          return reference::rope_forward(r.input, r.positions, r.cosine, r.sine, r.output);
        }
      }
      arguments.run_on_device([&](Stream stream) {
        return cuda::rope_forward<T>(r.input, r.positions, r.cosine, r.sine, r.output, stream);
      });
    });
  });
}

rlkd_status rlkd_rope_backward(const rlkd_context* context, const rlkd_tensor* doutput,
                               const rlkd_tensor* positions, const rlkd_tensor* cosine,
                               const rlkd_tensor* sine, rlkd_tensor* dinput) {
  return guard("rlkd_rope_backward", [&] {
    Arguments arguments(context);
    arguments.with_floating_type(doutput, [&](auto type) {
      using T = typename decltype(type)::type;
      const Rotation<T> r(arguments, "doutput", doutput, positions, cosine, sine, "dinput", dinput);
      if constexpr (std::is_same_v<T, float>) {
        if (arguments.backend() == RLKD_BACKEND_CPU) {
          return cpu::rope_backward(r.input, r.positions, r.cosine, r.sine, r.output);
        }
        if (arguments.backend() == RLKD_BACKEND_REFERENCE) {
          return reference::rope_backward(r.input, r.positions, r.cosine, r.sine, r.output);
        }
      }
      arguments.run_on_device([&](Stream stream) {
        return cuda::rope_backward<T>(r.input, r.positions, r.cosine, r.sine, r.output, stream);
      });
    });
  });
}

}  // extern "C"
