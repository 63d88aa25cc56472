/*
 * decode_attention - grouped-query attention of one new token of each sequence over its cached keys and
 * values: the attention of a decoding step. Plan of the paged cache: Kwon et al., "Efficient Memory
 * Management for Large Language Model Serving with PagedAttention" (arXiv 2309.06180).
 *
 *   group = heads / kv_heads, h = query head, g = h / group, T = lengths[r]
 *   slot(r, t)    = block_table[r, t / block_size] * block_size + t % block_size
 *   s[t]          = scale * sum_d query[r, h, d] * keys[slot(r, t), g, d]            t = 0 .. T-1
 *   output[r,h,:] = sum_t softmax(s)[t] * values[slot(r, t), g, :]
 *
 * Rows may name the same blocks: the completions of a group share the blocks of their prompt. Where the caller
 * says so (SharedPrefixes) a device reads the keys and values of that prefix once for the group instead of once
 * for each row; a CPU finds them in its cache anyway, when the rows stand next to each other.
 *
 * shapes   query, output [rows, heads * head_dim] (row stride free); keys, values [slots, kv_heads, head_dim]
 *          compact, slots = blocks * block_size; block_table [rows, max_blocks]; lengths [rows]
 * ranges   1 <= lengths[r] <= max_blocks * block_size; the first ceil(lengths[r] / block_size) entries of a
 *          row of block_table lie in [0, blocks), the others are not read; 1 <= head_dim <= 256; kv_heads
 *          divides heads
 * prefixes group g is the rows group_offsets[g] .. group_offsets[g + 1] - 1; group_offsets rises from 0 to
 *          rows; 0 <= prefix_lengths[g] <= lengths of its rows, whose first ceil(prefix_lengths[g] /
 *          block_size) blocks are the same
 * numerics float32, softmax with the running maximum (Milakov and Gimelshein, arXiv 1805.02867), cut at
 * fixed places of the sequence: a row's output depends on that row alone, bit for bit, and not on how its
 * blocks are spread over the cache. A NaN in a row's keys, values or query gives NaN in that row.
 */
#pragma once

#include <cstddef>

#include "rlkd/kernels/device.h"
#include "rlkd/kernels/dtypes.h"
#include "rlkd/kernels/views.h"

namespace rlkd::kernels {

inline constexpr int64_t kDecodeAttentionMaxHeadDim = 256;

/** Groups of rows whose sequences start with the same cached tokens. Both null: nothing is said to be shared. */
struct SharedPrefixes {
  Vector<const int64_t> group_offsets;   // [groups + 1], in rows
  Vector<const int64_t> prefix_lengths;  // [groups], in tokens
};

template <class T>
struct DecodeAttention {
  Matrix<const T> query;
  Vector<const T> keys;
  Vector<const T> values;
  Matrix<const int64_t> block_table;
  Vector<const int64_t> lengths;
  int64_t block_size;
  int64_t kv_heads;
  int64_t head_dim;
  float scale;
  SharedPrefixes prefixes;
};

namespace cpu {
void decode_attention(const DecodeAttention<float>& inputs, Matrix<float> output);
}
namespace cuda {

/** Bytes for `rows` sequences of up to max_length = block_table.cols * block_size tokens. */
size_t decode_attention_workspace_size(int64_t rows, int64_t heads, int64_t head_dim, int64_t max_length);

/**
 * As on the CPU but that the cuts lie at fixed places of the prefix and of the rest: a row's output depends on that
 * row and on the length of its prefix alone, bit for bit. T is float, bfloat16 or float16; sums are float. workspace:
 * device memory, 64-byte aligned.
 */
template <class T>
DeviceStatus decode_attention(const DecodeAttention<T>& inputs, Matrix<T> output, void* workspace,
                              Stream stream);

}  // namespace cuda

namespace reference {
void decode_attention(const DecodeAttention<float>& inputs, Matrix<float> output);
}

}  // namespace rlkd::kernels
