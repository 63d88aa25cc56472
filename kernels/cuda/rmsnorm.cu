/*
 * rmsnorm on a device.
 *
 *   x = input (+ residual)     r = 1 / sqrt(mean_j x_j^2 + epsilon)     output_j = x_j r weight_j
 *   dinput_j  = r weight_j doutput_j - x_j r^3 / cols * sum_k x_k weight_k doutput_k
 *   dweight_j = sum_i doutput_ij x_ij r_i
 *
 * All sums are float: of squares, which cannot cancel, over a thread's few elements and then as a tree, so a mean errs
 * by a few units in the last place; one rounding at the end. A sum with a residual is rounded to T first and
 * normalised as stored, so that the backward pass sees the same x.
 *
 * Forward: a block for each row (a warp for short rows). The row is read once and kept in shared memory for the
 * second pass. Traffic: reads 1 (2 with a residual) and writes 1 (2) elements; 4 flops each: bound by memory.
 *
 * Backward: each block walks every blocks-th row, reads it for the dot product and again, from cache, for dinput, and
 * adds doutput x r to sums of its own in shared memory, at most kWideBlocks (kNarrowBlocks) times cols of them, which a
 * second kernel adds up: no atomics, the same bits in every run. Traffic: reads 2 and writes 1 elements, plus 8 bytes
 * for each of those sums; 12 flops an element.
 */
#include "device/columns.cuh"
#include "device/launch.cuh"
#include "device/reduce.cuh"
#include "rlkd/kernels/rmsnorm.h"

namespace rlkd::kernels::cuda {

namespace {

// A row of at most this many columns gets a warp, a wider one a block.
constexpr int64_t kNarrow = 1024;
constexpr int kWideThreads = 256;
// Blocks of the backward pass: about two waves of a large device, whatever the device is, since the order of dweight's
// sums depends on it.
constexpr int64_t kWideBlocks = 512;
constexpr int64_t kNarrowBlocks = 2048;
// More shared memory for a row would leave no room for a second block beside it.
constexpr int64_t kSharedLimit = 48 * 1024;

template <class T, int kThreads>
__global__ void __launch_bounds__(kThreads)
    forward_kernel(Matrix<const T> input, Matrix<const T> residual, const T* weight, float epsilon,
                   Matrix<T> sum, Matrix<T> output, float* inverse_rms, Columns columns, bool keep) {
  __shared__ float scratch[kThreads / kWarp];
  const int64_t row = blockIdx.x;
  T* const kept = keep ? dynamic_shared<T>() : nullptr;

  float squares = 0;
  for_each_unit<T>(columns, threadIdx.x, kThreads, [&](auto count, int64_t j) {
    float x[count];
    load_floats(input.row(row) + j, x);
    if (residual) {
      float y[count];
      load_floats(residual.row(row) + j, y);
#pragma unroll
      for (int i = 0; i < count; ++i) x[i] = to_float(round_to<T>(x[i] + y[i]));
      store_floats(sum.row(row) + j, x);
    }
    if (keep) store_floats(kept + j, x);
#pragma unroll
    for (int i = 0; i < count; ++i) squares = fmaf(x[i], x[i], squares);
  });
  squares = block_reduce<kThreads>(squares, Sum{}, scratch);
  const float r = 1 / sqrtf(squares / static_cast<float>(input.cols) + epsilon);
  if (threadIdx.x == 0 && inverse_rms != nullptr) inverse_rms[row] = r;

  // A thread reads back what it wrote itself.
  const T* const source = keep ? kept : residual ? sum.row(row) : input.row(row);
  for_each_unit<T>(columns, threadIdx.x, kThreads, [&](auto count, int64_t j) {
    float x[count], w[count];
    load_floats(source + j, x);
    load_floats(weight + j, w);
#pragma unroll
    for (int i = 0; i < count; ++i) x[i] = x[i] * r * w[i];
    store_floats(output.row(row) + j, x);
  });
}

/**
 * Where a column's sum stands among the sums of a block: element i of all packs together, so that a warp's accesses
 * touch every bank once.
 */
template <class T>
struct SumOrder {
  Columns columns;

  template <int kCount>
  __device__ __forceinline__ int64_t slot(int64_t j, int i) const {
    return kCount == 1 ? j : i * columns.packs + j / Pack<T>::kSize;
  }
  __device__ __forceinline__ int64_t column(int64_t slot) const {
    const int64_t in_packs = columns.packs * Pack<T>::kSize;
    return slot < in_packs ? slot % columns.packs * Pack<T>::kSize + slot / columns.packs : slot;
  }
};

/** partial: [blocks, cols] sums for dweight, in SumOrder; null where dweight is not wanted. */
template <class T, int kThreads>
__global__ void __launch_bounds__(kThreads)
    backward_kernel(Matrix<const T> input, const T* weight, const float* inverse_rms, Matrix<const T> doutput,
                    Matrix<T> dinput, float* partial, Columns columns, bool in_shared) {
  __shared__ float scratch[kThreads / kWarp];
  const SumOrder<T> order{columns};
  float* const own = partial == nullptr ? nullptr : partial + blockIdx.x * input.cols;
  float* const sums = in_shared ? dynamic_shared<float>() : own;
  const bool with_dinput = static_cast<bool>(dinput);

  for (int64_t row = blockIdx.x; row < input.rows; row += gridDim.x) {
    const float r = inverse_rms[row];
    float dot = 0;
    if (with_dinput) {
      for_each_unit<T>(columns, threadIdx.x, kThreads, [&](auto count, int64_t j) {
        float x[count], w[count], dy[count];
        load_floats(input.row(row) + j, x);
        load_floats(weight + j, w);
        load_floats(doutput.row(row) + j, dy);
#pragma unroll
        for (int i = 0; i < count; ++i) dot = fmaf(x[i] * w[i], dy[i], dot);
      });
      dot = block_reduce<kThreads>(dot, Sum{}, scratch);
    }
    const float along = r * r * r * (dot / static_cast<float>(input.cols));
    const bool first = row == blockIdx.x;
    for_each_unit<T>(columns, threadIdx.x, kThreads, [&](auto count, int64_t j) {
      float x[count], dy[count];
      load_floats(input.row(row) + j, x);
      load_floats(doutput.row(row) + j, dy);
      if (partial != nullptr) {
#pragma unroll
        for (int i = 0; i < count; ++i) {
          float& sum = sums[order.template slot<count>(j, i)];
          const float term = dy[i] * x[i] * r;
          sum = first ? term : sum + term;
        }
      }
      if (with_dinput) {
        float w[count];
        load_floats(weight + j, w);
#pragma unroll
        for (int i = 0; i < count; ++i) x[i] = r * (w[i] * dy[i]) - x[i] * along;
        store_floats(dinput.row(row) + j, x);
      }
    });
  }
  if (!in_shared) return;
  for_each_unit<T>(columns, threadIdx.x, kThreads, [&](auto count, int64_t j) {
#pragma unroll
    for (int i = 0; i < count; ++i) {
      const int64_t slot = order.template slot<count>(j, i);
      own[slot] = sums[slot];
    }
  });
}

constexpr int kSumColumns = kWarp;  // a warp reads neighbouring columns
constexpr int kSumSlices = 8;

template <class T>
__global__ void __launch_bounds__(kSumColumns* kSumSlices)
    dweight_kernel(const float* partial, int64_t blocks, Vector<float> dweight, Columns columns) {
  __shared__ float slices[kSumSlices][kSumColumns];
  const int lane = static_cast<int>(threadIdx.x) % kSumColumns;
  const int slice = static_cast<int>(threadIdx.x) / kSumColumns;
  const int64_t slot = int64_t{blockIdx.x} * kSumColumns + lane;
  float total = 0;
  if (slot < dweight.size) {
    for (int64_t block = slice; block < blocks; block += kSumSlices) {
      total += partial[block * dweight.size + slot];
    }
  }
  slices[slice][lane] = total;
  __syncthreads();
  if (slice != 0 || slot >= dweight.size) return;
#pragma unroll
  for (int i = 1; i < kSumSlices; ++i) total += slices[i][lane];
  dweight[SumOrder<T>{columns}.column(slot)] = total;
}

int64_t backward_blocks(int64_t rows, int64_t cols) {
  return min(rows, cols <= kNarrow ? kNarrowBlocks : kWideBlocks);
}

}  // namespace

template <class T>
DeviceStatus rmsnorm_forward(Matrix<const T> input, Matrix<const T> residual, Vector<const T> weight,
                             float epsilon, Matrix<T> sum, Matrix<T> output, Vector<float> inverse_rms,
                             Stream stream) {
  const Columns columns = columns_of<T>(input.cols, input, residual, weight.data, sum, output);
  const int64_t row_bytes = input.cols * static_cast<int64_t>(sizeof(T));
  const bool keep = row_bytes <= kSharedLimit;
  const bool narrow = input.cols <= kNarrow;
  const LaunchShape shape{dim3(static_cast<unsigned>(input.rows)), dim3(narrow ? kWarp : kWideThreads),
                          keep ? static_cast<size_t>(row_bytes) : 0};
  return launch("rmsnorm_forward", narrow ? forward_kernel<T, kWarp> : forward_kernel<T, kWideThreads>, shape,
                stream, input, residual, weight.data, epsilon, sum, output, inverse_rms.data, columns, keep);
}

size_t rmsnorm_backward_workspace_size(int64_t rows, int64_t cols) {
  return static_cast<size_t>(backward_blocks(rows, cols) * cols) * sizeof(float);
}

template <class T>
DeviceStatus rmsnorm_backward(Matrix<const T> input, Vector<const T> weight, Vector<const float> inverse_rms,
                              Matrix<const T> doutput, Matrix<T> dinput, Vector<float> dweight,
                              void* workspace, Stream stream) {
  const int64_t blocks = backward_blocks(input.rows, input.cols);
  const Columns columns = columns_of<T>(input.cols, input, weight.data, doutput, dinput);
  auto* partial = dweight ? static_cast<float*>(workspace) : nullptr;
  const int64_t sum_bytes = input.cols * static_cast<int64_t>(sizeof(float));
  const bool in_shared = dweight && sum_bytes <= kSharedLimit;
  const bool narrow = input.cols <= kNarrow;
  const LaunchShape shape{dim3(static_cast<unsigned>(blocks)), dim3(narrow ? kWarp : kWideThreads),
                          in_shared ? static_cast<size_t>(sum_bytes) : 0};
  const DeviceStatus status =
      launch("rmsnorm_backward", narrow ? backward_kernel<T, kWarp> : backward_kernel<T, kWideThreads>, shape,
             stream, input, weight.data, inverse_rms.data, doutput, dinput, partial, columns, in_shared);
  if (!status || !dweight) return status;
  const int64_t sum_blocks = (dweight.size + kSumColumns - 1) / kSumColumns;
  return launch("rmsnorm_dweight", dweight_kernel<T>,
                {dim3(static_cast<unsigned>(sum_blocks)), dim3(kSumColumns * kSumSlices)}, stream, partial,
                blocks, dweight, columns);
}

#define RLKD_INSTANTIATE(T)                                                                          \
  template DeviceStatus rmsnorm_forward<T>(Matrix<const T>, Matrix<const T>, Vector<const T>, float, \
                                           Matrix<T>, Matrix<T>, Vector<float>, Stream);             \
  template DeviceStatus rmsnorm_backward<T>(Matrix<const T>, Vector<const T>, Vector<const float>,   \
                                            Matrix<const T>, Matrix<T>, Vector<float>, void*, Stream);
RLKD_INSTANTIATE(float)
RLKD_INSTANTIATE(bfloat16)
RLKD_INSTANTIATE(float16)

}  // namespace rlkd::kernels::cuda
