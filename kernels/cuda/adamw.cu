/*
 * adamw and the gradients' global norm on a device, over many tensors in one launch.
 *
 *   norm = sqrt(sum g^2)      g = grad min(1, max_grad_norm / (norm + 1e-6))
 *   m = m + (1 - beta1) (g - m)      v = beta2 v + (1 - beta2) g g
 *   p = p (1 - lr decay) - lr / (1 - beta1^step) m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon)
 *
 * How the list of tensors gets there: as a kernel argument, by value (Batch). Descriptors are copied when the kernel
 * is launched or captured, so there is neither an allocation nor a copy from host memory that would have to stay valid
 * while a graph is replayed. Kernel arguments hold 4 KB on every driver; a longer list takes several launches of some
 * 70 (adamw) or 170 (grad_norm) tensors each, in order on the stream.
 *
 * A tensor is cut into pieces of kPiece elements, a block each; a block finds its tensor by bisection. The norm is a
 * sum of squares in fp64 (squares of floats are exact there, nothing overflows). Each block leaves the sum of its
 * piece in the workspace, and the last block to arrive adds these in order: the order depends on the sizes alone, not
 * on addresses or timing.
 *
 * The update reads the norm from device memory; a norm that is not finite changes nothing and sets *skipped. State and
 * arithmetic are fp32 in the CPU kernel's order of operations (divisions and roots correctly rounded, no contraction),
 * so that float weights get the bits that the CPU gives. Weights of 16 bits are rounded from their fp32 masters, which
 * alone are updated: an update below half a unit in the last place of a weight is not lost.
 *
 * Traffic: grad_norm reads sizeof(Grad) bytes an element, 2 fp64 flops. adamw reads grad, master, m and v and writes
 * weight, master, m and v: 28 bytes an element for float, 28 (30) for 16-bit weights with 16-bit (float) gradients;
 * about 15 flops, a root and two divisions. Bound by memory.
 */
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "device/last_block.cuh"
#include "device/launch.cuh"
#include "device/reduce.cuh"
#include "device/vector_access.cuh"
#include "rlkd/kernels/adamw.h"

namespace rlkd::kernels::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int64_t kPiece = 16384;
constexpr size_t kArgumentBytes = 4096 - 128;  // what a batch may take; the rest is for the other arguments

int64_t pieces_of(int64_t size) { return (size + kPiece - 1) / kPiece; }

/** Some tensors of a list, as a kernel argument. Tensor has `size`. */
template <class Tensor>
struct Batch {
  static constexpr int kMax = static_cast<int>((kArgumentBytes - 16) / (sizeof(Tensor) + sizeof(unsigned)));

  Tensor tensors[kMax];
  unsigned first_block[kMax];  // of each tensor, rising
  int count;
  unsigned blocks;

  /** The piece of a block. */
  struct Piece {
    const Tensor& tensor;
    int64_t begin;
    int64_t end;
  };

  __device__ __forceinline__ Piece piece(unsigned block) const {
    int low = 0;
    int high = count;
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (first_block[middle] <= block ? low : high) = middle;
    }
    const int64_t begin = (block - first_block[low]) * kPiece;
    return {tensors[low], begin, min(begin + kPiece, tensors[low].size)};
  }
};

/** Calls run(batch) for the tensors that are not empty, in order, in batches; at least once. */
template <class Tensor, class Source, class Convert, class Run>
DeviceStatus in_batches(const Source* sources, int64_t count, Convert convert, Run run) {
  Batch<Tensor> batch{};
  bool ran = false;
  for (int64_t t = 0; t < count; ++t) {
    const Tensor tensor = convert(sources[t]);
    if (tensor.size > 0) {
      batch.tensors[batch.count] = tensor;
      batch.first_block[batch.count++] = batch.blocks;
      batch.blocks += static_cast<unsigned>(pieces_of(tensor.size));
    }
    const bool last = t + 1 == count;
    if (batch.count == Batch<Tensor>::kMax || (last && batch.count > 0)) {
      const DeviceStatus status = run(batch);
      if (!status) return status;
      ran = true;
      batch.count = 0;
      batch.blocks = 0;
    }
  }
  return ran ? DeviceStatus{} : run(batch);
}

/** kCount consecutive elements from an address of whole packs. */
template <int kCount, class T>
__device__ __forceinline__ void load(const T* address, float (&values)[kCount]) {
#pragma unroll
  for (int k = 0; k < kCount; k += Pack<T>::kSize) {
    const Pack<T> pack = load_pack(address + k);
#pragma unroll
    for (int i = 0; i < Pack<T>::kSize; ++i) values[k + i] = to_float(pack.element[i]);
  }
}

template <int kCount, class T>
__device__ __forceinline__ void store(T* address, const float (&values)[kCount]) {
#pragma unroll
  for (int k = 0; k < kCount; k += Pack<T>::kSize) {
    Pack<T> pack;
#pragma unroll
    for (int i = 0; i < Pack<T>::kSize; ++i) pack.element[i] = round_to<T>(values[k + i]);
    store_pack_global(address + k, pack);
  }
}

/* ---- grad_norm ----------------------------------------------------------------------------------------------- */

template <class T>
struct Gradient {
  const T* data;
  int64_t size;
};

struct NormWorkspace {
  Arrivals* arrivals;
  double* squares;  // of each block

  explicit NormWorkspace(void* memory)
      : arrivals(static_cast<Arrivals*>(memory)),
        squares(reinterpret_cast<double*>(static_cast<char*>(memory) + 64)) {}
};

/** Sum of squares of the thread's elements of a piece; which those are does not depend on the address. */
template <class T>
__device__ double sum_of_squares(const T* data, int64_t begin, int64_t end) {
  constexpr int kWidth = Pack<T>::kSize;
  const bool aligned = aligned_for_packs(data);
  double even = 0;  // two sums hide the latency of the addition
  double odd = 0;
  for (int64_t i = begin + threadIdx.x * kWidth; i < end; i += kThreads * kWidth) {
    float values[kWidth];
    if (aligned && i + kWidth <= end) {
      load(data + i, values);
    } else {
#pragma unroll
      for (int k = 0; k < kWidth; ++k) values[k] = i + k < end ? to_float(data[i + k]) : 0;
    }
#pragma unroll
    for (int k = 0; k < kWidth; k += 2) {
      even += static_cast<double>(values[k]) * values[k];
      odd += static_cast<double>(values[k + 1]) * values[k + 1];
    }
  }
  return even + odd;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    grad_norm_kernel(Batch<Gradient<T>> batch, unsigned first_block, unsigned all_blocks,
                     NormWorkspace workspace, float* norm) {
  __shared__ double scratch[kThreads / kWarp];
  __shared__ bool last_scratch;
  double sum = 0;
  if (batch.count > 0) {
    const auto piece = batch.piece(blockIdx.x);
    sum = sum_of_squares(piece.tensor.data, piece.begin, piece.end);
  }
  sum = block_reduce<kThreads>(sum, Sum{}, scratch);
  if (threadIdx.x == 0) workspace.squares[first_block + blockIdx.x] = sum;

  if (!last_to_arrive(workspace.arrivals, all_blocks, &last_scratch)) return;
  double total = 0;
  for (unsigned block = threadIdx.x; block < all_blocks; block += kThreads) total += workspace.squares[block];
  total = block_reduce<kThreads>(total, Sum{}, scratch);
  if (threadIdx.x == 0) *norm = static_cast<float>(sqrt(total));
}

/* ---- adamw --------------------------------------------------------------------------------------------------- */

/** One tensor as the kernel takes it. */
template <class Weight, class Grad>
struct Update {
  Weight* param;
  float* master;  // null: param itself
  const Grad* grad;
  float* exp_avg;
  float* exp_avg_sq;
  int64_t size;
  float decay;  // 1 - learning_rate weight_decay
};

/** What every element is multiplied with, in float as PyTorch does. */
struct Factors {
  float max_grad_norm;  // <= 0: no clipping
  float one_minus_beta1;
  float beta2;
  float one_minus_beta2;
  float correction2_root;  // sqrt(1 - beta2^step)
  float epsilon;
  float negative_step_size;  // -learning_rate / (1 - beta1^step)
};

Factors factors_of(const AdamwOptions& options) {
  const auto steps = static_cast<double>(options.step);
  return {static_cast<float>(options.max_grad_norm),
          static_cast<float>(1 - options.beta1),
          static_cast<float>(options.beta2),
          static_cast<float>(1 - options.beta2),
          static_cast<float>(std::sqrt(1 - std::pow(options.beta2, steps))),
          static_cast<float>(options.epsilon),
          static_cast<float>(-options.learning_rate / (1 - std::pow(options.beta1, steps)))};
}

/** One element: its gradient in, its weight and moments changed. */
__device__ __forceinline__ void step_element(float grad, float clip, float decay, const Factors& f,
                                             float& weight, float& exp_avg, float& exp_avg_sq) {
  const float g = grad * clip;
  // torch.lerp: from the nearer end
  exp_avg = f.one_minus_beta1 < 0.5f ? exp_avg + f.one_minus_beta1 * (g - exp_avg)
                                     : g - (g - exp_avg) * (1.0f - f.one_minus_beta1);
  exp_avg_sq = exp_avg_sq * f.beta2 + (f.one_minus_beta2 * g) * g;
  const float denominator = sqrtf(exp_avg_sq) / f.correction2_root + f.epsilon;
  weight = weight * decay + (f.negative_step_size * exp_avg) / denominator;
}

template <class Weight, class Grad>
__device__ __forceinline__ bool aligned(const Update<Weight, Grad>& tensor) {
  return aligned_for_packs(tensor.param) && aligned_for_packs(tensor.master) &&
         aligned_for_packs(tensor.grad) && aligned_for_packs(tensor.exp_avg) &&
         aligned_for_packs(tensor.exp_avg_sq);
}

/** Elements [begin, end) of a tensor, by the whole block. */
template <class Weight, class Grad>
__device__ void step_piece(const Update<Weight, Grad>& tensor, int64_t begin, int64_t end, float clip,
                           const Factors& factors) {
  constexpr bool kOwnMaster = std::is_same_v<Weight, float>;
  constexpr int kWidth = Pack<Weight>::kSize;
  float* master;
  if constexpr (kOwnMaster) {
    master = tensor.param;
  } else {
    master = tensor.master;
  }
  const int64_t packed_end = aligned(tensor) ? begin + (end - begin) / kWidth * kWidth : begin;
  for (int64_t i = begin + threadIdx.x * kWidth; i < packed_end; i += kThreads * kWidth) {
    float grad[kWidth], weight[kWidth], exp_avg[kWidth], exp_avg_sq[kWidth];
    load(tensor.grad + i, grad);
    load(master + i, weight);
    load(tensor.exp_avg + i, exp_avg);
    load(tensor.exp_avg_sq + i, exp_avg_sq);
#pragma unroll
    for (int k = 0; k < kWidth; ++k) {
      step_element(grad[k], clip, tensor.decay, factors, weight[k], exp_avg[k], exp_avg_sq[k]);
    }
    store(master + i, weight);
    store(tensor.exp_avg + i, exp_avg);
    store(tensor.exp_avg_sq + i, exp_avg_sq);
    if constexpr (!kOwnMaster) store(tensor.param + i, weight);
  }
  for (int64_t i = packed_end + threadIdx.x; i < end; i += kThreads) {
    float weight = master[i];
    step_element(to_float(tensor.grad[i]), clip, tensor.decay, factors, weight, tensor.exp_avg[i],
                 tensor.exp_avg_sq[i]);
    master[i] = weight;
    if constexpr (!kOwnMaster) tensor.param[i] = round_to<Weight>(weight);
  }
}

template <class Weight, class Grad>
__global__ void __launch_bounds__(kThreads, 3)
    adamw_kernel(Batch<Update<Weight, Grad>> batch, Factors factors, const float* norm, int32_t* skipped) {
  const float norm_value = *norm;
  const bool finite = isfinite(norm_value);
  if (blockIdx.x == 0 && threadIdx.x == 0) *skipped = !finite;
  if (!finite || batch.count == 0) return;
  const float scale = factors.max_grad_norm / (norm_value + 1e-6f);
  const float clip = factors.max_grad_norm > 0 && scale < 1 ? scale : 1;
  const auto piece = batch.piece(blockIdx.x);
  step_piece(piece.tensor, piece.begin, piece.end, clip, factors);
}

}  // namespace

size_t grad_norm_workspace_size(int64_t elements, int64_t count) {
  return 64 + static_cast<size_t>(std::max(pieces_of(elements) + count, int64_t{1})) * sizeof(double);
}

template <class T>
DeviceStatus grad_norm(const Vector<const T>* grads, int64_t count, float* norm, void* memory,
                       Stream stream) {
  const NormWorkspace workspace(memory);
  const DeviceStatus cleared =
      clear_memory("grad_norm_arrivals", workspace.arrivals, sizeof(Arrivals), stream);
  if (!cleared) return cleared;
  unsigned all_blocks = 0;
  for (int64_t t = 0; t < count; ++t) all_blocks += static_cast<unsigned>(pieces_of(grads[t].size));
  all_blocks = std::max(all_blocks, 1u);
  unsigned first_block = 0;
  return in_batches<Gradient<T>>(
      grads, count,
      [](const Vector<const T>& grad) {
        return Gradient<T>{grad.data, grad.size};
      },
      [&](const Batch<Gradient<T>>& batch) {
        const unsigned blocks = std::max(batch.blocks, 1u);
        const DeviceStatus status = launch("grad_norm", grad_norm_kernel<T>, {blocks, kThreads}, stream,
                                           batch, first_block, all_blocks, workspace, norm);
        first_block += blocks;
        return status;
      });
}

template <class Weight, class Grad>
DeviceStatus adamw(const AdamwTensor<Weight, Grad>* tensors, int64_t count, const AdamwOptions& options,
                   const float* norm, int32_t* skipped, Stream stream) {
  const Factors factors = factors_of(options);
  return in_batches<Update<Weight, Grad>>(
      tensors, count,
      [&](const AdamwTensor<Weight, Grad>& tensor) {
        const auto decay = static_cast<float>(1 - options.learning_rate * tensor.weight_decay);
        return Update<Weight, Grad>{tensor.param,      tensor.master, tensor.grad, tensor.exp_avg,
                                    tensor.exp_avg_sq, tensor.size,   decay};
      },
      [&](const Batch<Update<Weight, Grad>>& batch) {
        return launch("adamw", adamw_kernel<Weight, Grad>, {std::max(batch.blocks, 1u), kThreads}, stream,
                      batch, factors, norm, skipped);
      });
}

#define RLKD_INSTANTIATE(Weight, Grad)                                                                      \
  template DeviceStatus adamw<Weight, Grad>(const AdamwTensor<Weight, Grad>*, int64_t, const AdamwOptions&, \
                                            const float*, int32_t*, Stream);
RLKD_INSTANTIATE(float, float)
RLKD_INSTANTIATE(bfloat16, bfloat16)
RLKD_INSTANTIATE(bfloat16, float)
RLKD_INSTANTIATE(float16, float16)
RLKD_INSTANTIATE(float16, float)
#undef RLKD_INSTANTIATE
#define RLKD_INSTANTIATE(T) \
  template DeviceStatus grad_norm<T>(const Vector<const T>*, int64_t, float*, void*, Stream);
RLKD_INSTANTIATE(float)
RLKD_INSTANTIATE(bfloat16)
RLKD_INSTANTIATE(float16)

}  // namespace rlkd::kernels::cuda
