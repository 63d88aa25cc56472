#include "rlkd/kernels/decode_attention.h"

#include <cinttypes>

#include "arguments.h"

namespace rlkd::native {
namespace {

struct CacheShape {
  int64_t blocks;
  int64_t block_size;
  int64_t kv_heads;
  int64_t head_dim;
};

CacheShape cache_shape(const rlkd_tensor* tensor) {
  const rlkd_tensor& cache = required("key_cache", tensor);
  if (cache.ndim != 4) invalid("key_cache has %d dimensions, expected 4", cache.ndim);
  const int64_t* shape = &required("key_cache.shape", cache.shape);
  const CacheShape result{shape[0], shape[1], shape[2], shape[3]};
  require_in_range("key_cache.shape[1] (block_size)", result.block_size, 1, int64_t{1} << 20);
  require_in_range("key_cache.shape[2] (kv_heads)", result.kv_heads, 1, int64_t{1} << 20);
  require_in_range("key_cache.shape[3] (head_dim)", result.head_dim, 1, kernels::kDecodeAttentionMaxHeadDim);
  return result;
}

// Reads block_table and lengths: for host memory.
void require_blocks_in_range(const kernels::DecodeAttention& inputs, int64_t blocks) {
  const int64_t max_blocks = inputs.block_table.cols;
  for (int64_t r = 0; r < inputs.query.rows; ++r) {
    const int64_t length = inputs.lengths[r];
    if (length < 1 || (length - 1) / inputs.block_size >= max_blocks) {
      invalid("lengths[%" PRId64 "] is %" PRId64 ", expected an integer in [1, %" PRId64
              "] (max_blocks * block_size)",
              r, length, max_blocks * inputs.block_size);
    }
    for (int64_t i = 0; i <= (length - 1) / inputs.block_size; ++i) {
      const int64_t block = inputs.block_table(r, i);
      if (block < 0 || block >= blocks) {
        invalid("block_table[%" PRId64 "][%" PRId64 "] is %" PRId64 ", expected an integer in [0, %" PRId64
                "] (blocks of key_cache - 1)",
                r, i, block, blocks - 1);
      }
    }
  }
}

}  // namespace
}  // namespace rlkd::native

extern "C" rlkd_status rlkd_decode_attention(const rlkd_context* context,
                                             const rlkd_decode_attention_inputs* inputs_pointer, float scale,
                                             rlkd_tensor* output_tensor) {
  using namespace rlkd;
  using namespace rlkd::native;
  return guard("rlkd_decode_attention", [&] {
    Arguments arguments(context);
    const rlkd_decode_attention_inputs& tensors = required("inputs", inputs_pointer);
    const CacheShape cache = cache_shape(tensors.key_cache);
    kernels::DecodeAttention inputs{};
    inputs.block_size = cache.block_size;
    inputs.kv_heads = cache.kv_heads;
    inputs.head_dim = cache.head_dim;
    inputs.scale = scale;
    require_in_range("scale", static_cast<double>(scale), -1e30, 1e30);
    inputs.query = arguments.matrix<const float>("query", tensors.query);
    if (inputs.query.cols == 0 || inputs.query.cols % (cache.kv_heads * cache.head_dim) != 0) {
      invalid("query.shape[1] is %" PRId64 ", expected a positive multiple of kv_heads * head_dim = %" PRId64,
              inputs.query.cols, cache.kv_heads * cache.head_dim);
    }
    inputs.keys = arguments.compact<const float>("key_cache", tensors.key_cache);
    inputs.values = arguments.compact<const float>("value_cache", tensors.value_cache, inputs.keys.size);
    inputs.block_table = arguments.matrix<const int64_t>(
        "block_table", tensors.block_table, inputs.query.rows, kAnyExtent, "rows of query", "max_blocks");
    inputs.lengths =
        arguments.vector<const int64_t>("lengths", tensors.lengths, inputs.query.rows, "rows of query");
    const auto output = arguments.matrix<float>("output", output_tensor, inputs.query.rows, inputs.query.cols,
                                                "rows of query", "columns of query");
    arguments.require_no_overlap();
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        require_blocks_in_range(inputs, cache.blocks);
        return kernels::cpu::decode_attention(inputs, output);
      case RLKD_BACKEND_REFERENCE:
        require_blocks_in_range(inputs, cache.blocks);
        return kernels::reference::decode_attention(inputs, output);
      default:
        arguments.unsupported_backend();
    }
  });
}
