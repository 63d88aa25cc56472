/*
 * logprob on a device.
 *
 *   z_j = logits_j / temperature      logprob = z_token - log sum_j exp z_j      entropy = -sum_j p_j log p_j
 *
 * Forward, one pass. A thread keeps the running maximum m of its logits and two sums relative to it,
 *
 *   total = sum exp(d_j),  weighted = sum exp(d_j) d_j,  d_j = (logits_j - m) / temperature <= 0,
 *
 * and rescales both when m grows (online softmax: Milakov and Gimelshein, arXiv 1805.02867), so that no
 * exponential overflows, no second pass finds the maximum, and the difference is taken before the division.
 * entropy = log total - weighted / total. A row is cut into chunks of kChunk logits, one block each; their
 * statistics are merged in order. Few rows of a large vocabulary then occupy the device as many rows do
 * (split rows), and a row's result is the same bits whatever stands beside it. A row of one chunk is finished
 * by its block.
 *
 * Backward, in place: p_j = exp(logits_j / temperature - logsumexp); the quotient is taken as a product with
 * 1 / temperature in two floats, fused, so that logits of magnitude 1e4 lose nothing.
 *
 * Traffic: forward reads rows * vocab * sizeof(T) bytes; backward reads and writes as much. About 6 (10)
 * flops and one exponential a logit: bound by memory on every device. Measured on an H100, of the rate of a copy:
 * forward 78 % at 1024 rows of 152k bfloat16 logits (split rows, two launches), 98 % at 65536 of 32k; backward 98 to
 * 102 %.
 */
#include "device/columns.cuh"
#include "device/launch.cuh"
#include "device/reduce.cuh"
#include "device/softmax.cuh"
#include "device/vector_access.cuh"
#include "rlkd/kernels/logprob.h"

namespace rlkd::kernels::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int64_t kChunk = 16384;
constexpr int kBatch = 4;  // packs of a thread that are read together

int64_t chunks_of(int64_t vocab) { return (vocab + kChunk - 1) / kChunk; }

template <class T>
__global__ void __launch_bounds__(kThreads)
    forward_kernel(Matrix<const T> logits, const int64_t* tokens, float temperature, int64_t chunks,
                   Statistics* partial, LogprobOutputs outputs) {
  __shared__ Statistics scratch[kThreads / kWarp];
  const int64_t row = blockIdx.x / chunks;
  const int64_t begin = blockIdx.x % chunks * kChunk;
  const int64_t size = min(kChunk, logits.cols - begin);
  const T* data = logits.row(row) + begin;
  const float inverse_temperature = 1 / temperature;

  Statistics statistics = Statistics::none();
  const PackedRange<T> range(data, size);
  constexpr int kStep = kThreads * Pack<T>::kSize;
  int64_t j = range.head + threadIdx.x * Pack<T>::kSize;
  for (; j + (kBatch - 1) * kStep < range.packs_end; j += kBatch * kStep) {
    Pack<T> packs[kBatch];  // all on their way before the first is used
#pragma unroll
    for (int b = 0; b < kBatch; ++b) packs[b] = load_pack(data + j + b * kStep);
    float values[kBatch * Pack<T>::kSize];
#pragma unroll
    for (int b = 0; b < kBatch; ++b) {
#pragma unroll
      for (int i = 0; i < Pack<T>::kSize; ++i) {
        values[b * Pack<T>::kSize + i] = to_float(packs[b].element[i]);
      }
    }
    statistics.add(values, inverse_temperature);
  }
  for (; j < range.packs_end; j += kStep) {
    float values[Pack<T>::kSize];
    load_floats(data + j, values);
    statistics.add(values, inverse_temperature);
  }
  for (j = threadIdx.x; j < range.head + (size - range.packs_end); j += kThreads) {
    const float value[] = {to_float(data[j < range.head ? j : j - range.head + range.packs_end])};
    statistics.add(value, inverse_temperature);
  }

  statistics = block_reduce<kThreads>(statistics, MergeStatistics{inverse_temperature}, scratch);
  if (threadIdx.x != 0) return;
  if (chunks == 1) {
    outputs.finish(row, statistics, to_float(data[tokens[row]]), temperature);
  } else {
    partial[blockIdx.x] = statistics;
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    merge_kernel(Matrix<const T> logits, const int64_t* tokens, float temperature, int64_t chunks,
                 const Statistics* partial, LogprobOutputs outputs) {
  const int64_t row = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (row >= logits.rows) return;
  Statistics statistics = partial[row * chunks];
  for (int64_t chunk = 1; chunk < chunks; ++chunk) {
    statistics = MergeStatistics{1 / temperature}(statistics, partial[row * chunks + chunk]);
  }
  outputs.finish(row, statistics, to_float(logits(row, tokens[row])), temperature);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    backward_kernel(Matrix<T> logits, const int64_t* tokens, InverseTemperature inverse_temperature,
                    int64_t chunks, const float* logsumexp, const float* entropy, const float* dlogprob,
                    const float* dentropy) {
  const int64_t row = blockIdx.x / chunks;
  const int64_t begin = blockIdx.x % chunks * kChunk;
  const int64_t size = min(kChunk, logits.cols - begin);
  T* data = logits.row(row) + begin;
  const RowGradient gradient =
      RowGradient::of_row(row, inverse_temperature, logsumexp, entropy, dlogprob, dentropy);
  const bool zero = gradient.is_zero();
  const int64_t token = tokens[row] - begin;  // may lie in another chunk

  const auto changed = [&](int64_t j, T value) {
    if (zero) return round_to<T>(0);
    const float log_p = gradient.log_probability(to_float(value));
    float g = gradient.of_other(log_p, expf(log_p));
    if (j == token) g += gradient.of_token();
    return round_to<T>(g);
  };
  const PackedRange<T> range(data, size);
  for (int64_t j = range.head + threadIdx.x * Pack<T>::kSize; j < range.packs_end;
       j += kThreads * Pack<T>::kSize) {
    Pack<T> pack = load_pack(data + j);
#pragma unroll
    for (int i = 0; i < Pack<T>::kSize; ++i) pack.element[i] = changed(j + i, pack.element[i]);
    store_pack(data + j, pack);
  }
  for (int64_t i = threadIdx.x; i < range.head + (size - range.packs_end); i += kThreads) {
    const int64_t j = i < range.head ? i : i - range.head + range.packs_end;
    data[j] = changed(j, data[j]);
  }
}

dim3 one_block_each(int64_t count) { return dim3(static_cast<unsigned>(count)); }

}  // namespace

size_t logprob_forward_workspace_size(int64_t rows, int64_t vocab) {
  const int64_t chunks = chunks_of(vocab);
  return chunks <= 1 ? 0 : static_cast<size_t>(rows * chunks) * sizeof(Statistics);
}

template <class T>
DeviceStatus logprob_forward(Matrix<const T> logits, Vector<const int64_t> tokens, float temperature,
                             Vector<float> logprob, Vector<float> entropy, Vector<float> logsumexp,
                             void* workspace, Stream stream) {
  const int64_t chunks = chunks_of(logits.cols);
  auto* partial = static_cast<Statistics*>(workspace);
  const LogprobOutputs outputs{logprob.data, entropy.data, logsumexp.data};
  const DeviceStatus status =
      launch("logprob_forward", forward_kernel<T>, {one_block_each(logits.rows * chunks), kThreads}, stream,
             logits, tokens.data, temperature, chunks, partial, outputs);
  if (!status || chunks == 1) return status;
  return launch("logprob_merge", merge_kernel<T>,
                {one_block_each((logits.rows + kThreads - 1) / kThreads), kThreads}, stream, logits,
                tokens.data, temperature, chunks, partial, outputs);
}

template <class T>
DeviceStatus logprob_backward(Matrix<T> logits, Vector<const int64_t> tokens, float temperature,
                              Vector<const float> logsumexp, Vector<const float> entropy,
                              Vector<const float> dlogprob, Vector<const float> dentropy, Stream stream) {
  const int64_t chunks = chunks_of(logits.cols);
  return launch("logprob_backward", backward_kernel<T>, {one_block_each(logits.rows * chunks), kThreads},
                stream, logits, tokens.data, InverseTemperature(temperature), chunks, logsumexp.data,
                entropy.data, dlogprob.data, dentropy.data);
}

#define RLKD_INSTANTIATE(T)                                                                                \
  template DeviceStatus logprob_forward<T>(Matrix<const T>, Vector<const int64_t>, float, Vector<float>,   \
                                           Vector<float>, Vector<float>, void*, Stream);                   \
  template DeviceStatus logprob_backward<T>(Matrix<T>, Vector<const int64_t>, float, Vector<const float>,  \
                                            Vector<const float>, Vector<const float>, Vector<const float>, \
                                            Stream);
RLKD_INSTANTIATE(float)
RLKD_INSTANTIATE(bfloat16)
RLKD_INSTANTIATE(float16)

}  // namespace rlkd::kernels::cuda
