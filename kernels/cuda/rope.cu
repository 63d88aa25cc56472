/*
 * rope on a device.
 *
 *   output_i = input_i c - input_{i+D/2} s     output_{i+D/2} = input_{i+D/2} c + input_i s
 *
 * A rotation: its norm is 1 (or the factor in the tables), so errors do not grow. Products and sum in float, the
 * tables float as well, whatever T is: a bfloat16 cosine would be off by 2^-9. One rounding at the end.
 *
 * Traffic: reads and writes each element once; a row's cosines and sines (8 bytes a pair) are read once from memory
 * and for every further head from L1. 6 flops a pair: bound by memory. A thread turns one pack of pairs (16 bytes of
 * each half), or one pair where something is not aligned for packs. A pair is read before it is written, so input and
 * output may be the same.
 */
#include "device/columns.cuh"
#include "device/launch.cuh"
#include "rlkd/kernels/rope.h"

namespace rlkd::kernels::cuda {

namespace {

constexpr int kThreads = 128;

template <class T, int kPairs>
__global__ void __launch_bounds__(kThreads)
    rotate_kernel(Matrix<const T> input, const int64_t* positions, Matrix<const float> cosine,
                  Matrix<const float> sine, float direction, Matrix<T> output) {
  const int64_t row = blockIdx.x;
  const int64_t half = cosine.cols;
  const int64_t units_of_head = half / kPairs;
  const int64_t units = input.cols / 2 / kPairs;
  const int64_t position = positions[row];
  for (int64_t unit = int64_t{blockIdx.y} * kThreads + threadIdx.x; unit < units;
       unit += int64_t{gridDim.y} * kThreads) {
    const int64_t head = unit / units_of_head;
    const int64_t i = (unit - head * units_of_head) * kPairs;
    const int64_t j = head * 2 * half + i;
    float a[kPairs], b[kPairs], c[kPairs], s[kPairs];
    load_floats(input.row(row) + j, a);
    load_floats(input.row(row) + j + half, b);
    load_floats(cosine.row(position) + i, c);
    load_floats(sine.row(position) + i, s);
#pragma unroll
    for (int k = 0; k < kPairs; ++k) {
      const float turn = direction * s[k];
      const float turned = a[k] * c[k] - b[k] * turn;
      b[k] = b[k] * c[k] + a[k] * turn;
      a[k] = turned;
    }
    store_floats(output.row(row) + j, a);
    store_floats(output.row(row) + j + half, b);
  }
}

template <class T>
DeviceStatus rotate(const char* name, Matrix<const T> input, Vector<const int64_t> positions,
                    Matrix<const float> cosine, Matrix<const float> sine, float direction, Matrix<T> output,
                    Stream stream) {
  const auto aligned = [](const auto& m) { return aligned_for_packs(m.data, m.rows > 1 ? m.row_stride : 0); };
  const bool packed = cosine.cols % Pack<T>::kSize == 0 && aligned(input) && aligned(output) &&
                      aligned(cosine) && aligned(sine);
  const int64_t units = input.cols / 2 / (packed ? Pack<T>::kSize : 1);
  const int64_t blocks = min((units + kThreads - 1) / kThreads, int64_t{65535});
  const LaunchShape shape{dim3(static_cast<unsigned>(input.rows), static_cast<unsigned>(blocks)), kThreads};
  return launch(name, packed ? rotate_kernel<T, Pack<T>::kSize> : rotate_kernel<T, 1>, shape, stream, input,
                positions.data, cosine, sine, direction, output);
}

}  // namespace

template <class T>
DeviceStatus rope_forward(Matrix<const T> input, Vector<const int64_t> positions, Matrix<const float> cosine,
                          Matrix<const float> sine, Matrix<T> output, Stream stream) {
  return rotate("rope_forward", input, positions, cosine, sine, 1, output, stream);
}

template <class T>
DeviceStatus rope_backward(Matrix<const T> doutput, Vector<const int64_t> positions,
                           Matrix<const float> cosine, Matrix<const float> sine, Matrix<T> dinput,
                           Stream stream) {
  return rotate("rope_backward", doutput, positions, cosine, sine, -1, dinput, stream);
}

#define RLKD_INSTANTIATE(T)                                                                           \
  template DeviceStatus rope_forward<T>(Matrix<const T>, Vector<const int64_t>, Matrix<const float>,  \
                                        Matrix<const float>, Matrix<T>, Stream);                      \
  template DeviceStatus rope_backward<T>(Matrix<const T>, Vector<const int64_t>, Matrix<const float>, \
                                         Matrix<const float>, Matrix<T>, Stream);
RLKD_INSTANTIATE(float)
RLKD_INSTANTIATE(bfloat16)
RLKD_INSTANTIATE(float16)

}  // namespace rlkd::kernels::cuda
