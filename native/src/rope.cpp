#include "rlkd/kernels/rope.h"

#include "arguments.h"

using namespace rlkd::native;
namespace cpu = rlkd::kernels::cpu;
namespace reference = rlkd::kernels::reference;

namespace {

/** The arguments of either direction; only their names differ. */
struct Rotation {
  Rotation(Arguments& arguments, const char* from, const rlkd_tensor* from_tensor,
           const rlkd_tensor* positions_tensor, const rlkd_tensor* cosine_tensor,
           const rlkd_tensor* sine_tensor, const char* to, rlkd_tensor* to_tensor)
      : output(arguments.matrix<float>(to, to_tensor)),
        input(arguments.matrix_in_place<float>(from, from_tensor, output, "rows of the output",
                                               "cols of the output")),
        positions(arguments.vector<const int64_t>("positions", positions_tensor, output.rows,
                                                  "rows of the output")),
        cosine(arguments.matrix<const float>("cosine", cosine_tensor)),
        sine(arguments.matrix<const float>("sine", sine_tensor, cosine.rows, cosine.cols, "rows of cosine",
                                           "cols of cosine")) {
    require_in_range("cosine.shape[1] (half of the head dimension)", cosine.cols, 1, INT64_MAX / 2);
    if (output.cols % (2 * cosine.cols) != 0) {
      invalid("%s.shape[1] is %lld, expected a multiple of the head dimension, 2 * cosine.shape[1] = %lld",
              to, static_cast<long long>(output.cols), static_cast<long long>(2 * cosine.cols));
    }
    arguments.require_no_overlap();
    if (arguments.backend() != RLKD_BACKEND_CUDA) {
      require_entries_in_range("positions", positions, 0, cosine.rows - 1, "rows of cosine - 1");
    }
  }

  rlkd::kernels::Matrix<float> output;
  rlkd::kernels::Matrix<const float> input;
  rlkd::kernels::Vector<const int64_t> positions;
  rlkd::kernels::Matrix<const float> cosine;
  rlkd::kernels::Matrix<const float> sine;
};

}  // namespace

extern "C" {

rlkd_status rlkd_rope_forward(const rlkd_context* context, const rlkd_tensor* input,
                              const rlkd_tensor* positions, const rlkd_tensor* cosine,
                              const rlkd_tensor* sine, rlkd_tensor* output) {
  return guard("rlkd_rope_forward", [&] {
    Arguments arguments(context);
    const Rotation r(arguments, "input", input, positions, cosine, sine, "output", output);
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        return cpu::rope_forward(r.input, r.positions, r.cosine, r.sine, r.output);
      case RLKD_BACKEND_REFERENCE:
        return reference::rope_forward(r.input, r.positions, r.cosine, r.sine, r.output);
      default:
        arguments.unsupported_backend();
    }
  });
}

rlkd_status rlkd_rope_backward(const rlkd_context* context, const rlkd_tensor* doutput,
                               const rlkd_tensor* positions, const rlkd_tensor* cosine,
                               const rlkd_tensor* sine, rlkd_tensor* dinput) {
  return guard("rlkd_rope_backward", [&] {
    Arguments arguments(context);
    const Rotation r(arguments, "doutput", doutput, positions, cosine, sine, "dinput", dinput);
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        return cpu::rope_backward(r.input, r.positions, r.cosine, r.sine, r.output);
      case RLKD_BACKEND_REFERENCE:
        return reference::rope_backward(r.input, r.positions, r.cosine, r.sine, r.output);
      default:
        arguments.unsupported_backend();
    }
  });
}

}  // extern "C"
