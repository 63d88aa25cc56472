/*
 * swiglu on a device.
 *
 *   s = 1 / (1 + e^-gate)     output = gate s up
 *   dgate = doutput up s (1 + gate (1 - s))     dup = doutput gate s
 *
 * Stable as it stands: where e^-gate overflows (gate < -88) s is exactly 0 and so are the results; float inside, one
 * rounding at the end.
 *
 * Traffic: forward reads 2 and writes 1 element, backward reads 3 and writes 2; about 12 (20) flops, an exponential
 * and a division an element: bound by memory. A block takes kThreads units (packs of 16 bytes, or the single elements
 * that no pack holds) of one row.
 */
#include "device/columns.cuh"
#include "device/launch.cuh"
#include "rlkd/kernels/swiglu.h"

namespace rlkd::kernels::cuda {

namespace {

constexpr int kThreads = 128;

__device__ __forceinline__ float sigmoid(float x) { return 1 / (1 + expf(-x)); }

template <class T>
__global__ void __launch_bounds__(kThreads)
    forward_kernel(Matrix<const T> gate, Matrix<const T> up, Matrix<T> output, Columns columns) {
  const int64_t row = blockIdx.x;
  const int64_t first = int64_t{blockIdx.y} * kThreads + threadIdx.x;
  for_each_unit<T>(columns, first, int64_t{gridDim.y} * kThreads, [&](auto count, int64_t j) {
    float g[count], u[count];
    load_floats(gate.row(row) + j, g);
    load_floats(up.row(row) + j, u);
#pragma unroll
    for (int i = 0; i < count; ++i) u[i] *= g[i] * sigmoid(g[i]);
    store_floats(output.row(row) + j, u);
  });
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    backward_kernel(Matrix<const T> gate, Matrix<const T> up, Matrix<const T> doutput, Matrix<T> dgate,
                    Matrix<T> dup, Columns columns) {
  const int64_t row = blockIdx.x;
  const int64_t first = int64_t{blockIdx.y} * kThreads + threadIdx.x;
  for_each_unit<T>(columns, first, int64_t{gridDim.y} * kThreads, [&](auto count, int64_t j) {
    float g[count], u[count], d[count];
    load_floats(gate.row(row) + j, g);
    load_floats(up.row(row) + j, u);
    load_floats(doutput.row(row) + j, d);
#pragma unroll
    for (int i = 0; i < count; ++i) {
      const float s = sigmoid(g[i]);
      const float slope = s * fmaf(g[i], 1 - s, 1.0f);
      const float silu = g[i] * s;
      g[i] = d[i] * u[i] * slope;
      u[i] = d[i] * silu;
    }
    store_floats(dgate.row(row) + j, g);
    store_floats(dup.row(row) + j, u);
  });
}

LaunchShape shape_of(int64_t rows, const Columns& columns) {
  const int64_t blocks = (columns.units() + kThreads - 1) / kThreads;
  return {dim3(static_cast<unsigned>(rows), static_cast<unsigned>(min(blocks, int64_t{65535}))), kThreads};
}

}  // namespace

template <class T>
DeviceStatus swiglu_forward(Matrix<const T> gate, Matrix<const T> up, Matrix<T> output, Stream stream) {
  const Columns columns = columns_of<T>(gate.cols, gate, up, output);
  return launch("swiglu_forward", forward_kernel<T>, shape_of(gate.rows, columns), stream, gate, up, output,
                columns);
}

template <class T>
DeviceStatus swiglu_backward(Matrix<const T> gate, Matrix<const T> up, Matrix<const T> doutput,
                             Matrix<T> dgate, Matrix<T> dup, Stream stream) {
  const Columns columns = columns_of<T>(gate.cols, gate, up, doutput, dgate, dup);
  return launch("swiglu_backward", backward_kernel<T>, shape_of(gate.rows, columns), stream, gate, up,
                doutput, dgate, dup, columns);
}

#define RLKD_INSTANTIATE(T)                                                                              \
  template DeviceStatus swiglu_forward<T>(Matrix<const T>, Matrix<const T>, Matrix<T>, Stream);          \
  template DeviceStatus swiglu_backward<T>(Matrix<const T>, Matrix<const T>, Matrix<const T>, Matrix<T>, \
                                           Matrix<T>, Stream);
RLKD_INSTANTIATE(float)
RLKD_INSTANTIATE(bfloat16)
RLKD_INSTANTIATE(float16)

}  // namespace rlkd::kernels::cuda
