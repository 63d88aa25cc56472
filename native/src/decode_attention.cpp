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
template <class T>
void require_blocks_in_range(const kernels::DecodeAttention<T>& inputs, int64_t blocks) {
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

// Reads the tensors of the prefixes, block_table and lengths, which have been checked: for host memory.
template <class T>
void require_shared_prefixes(const kernels::DecodeAttention<T>& inputs) {
  const auto& [offsets, prefix_lengths] = inputs.prefixes;
  if (!offsets) return;
  if (offsets[0] != 0) invalid("group_offsets[0] is %" PRId64 ", expected 0", offsets[0]);
  for (int64_t g = 0; g < prefix_lengths.size; ++g) {
    if (offsets[g + 1] < offsets[g] || offsets[g + 1] > inputs.query.rows) {
      invalid("group_offsets[%" PRId64 "] is %" PRId64 ", expected an integer in [%" PRId64 ", %" PRId64
              "] (the offset before it, rows of query)",
              g + 1, offsets[g + 1], offsets[g], inputs.query.rows);
    }
    const int64_t prefix = prefix_lengths[g];
    if (prefix < 0) {
      invalid("prefix_lengths[%" PRId64 "] is %" PRId64 ", expected an integer >= 0", g, prefix);
    }
    for (int64_t r = offsets[g]; r < offsets[g + 1]; ++r) {
      if (prefix > inputs.lengths[r]) {
        invalid("prefix_lengths[%" PRId64 "] is %" PRId64 ", expected at most lengths[%" PRId64
                "] = %" PRId64,
                g, prefix, r, inputs.lengths[r]);
      }
      for (int64_t i = 0; i * inputs.block_size < prefix; ++i) {
        const int64_t expected = inputs.block_table(offsets[g], i);
        if (inputs.block_table(r, i) != expected) {
          invalid("block_table[%" PRId64 "][%" PRId64 "] is %" PRId64 ", expected %" PRId64
                  ", the block of row %" PRId64 " that starts its group",
                  r, i, inputs.block_table(r, i), expected, offsets[g]);
        }
      }
    }
  }
  if (offsets[prefix_lengths.size] != inputs.query.rows) {
    invalid("group_offsets[%" PRId64 "] is %" PRId64 ", expected %" PRId64 " (rows of query)",
            prefix_lengths.size, offsets[prefix_lengths.size], inputs.query.rows);
  }
}

size_t workspace_size(const Arguments& arguments, int64_t rows, int64_t heads, int64_t head_dim,
                      int64_t max_length) {
  if constexpr (kDeviceBackend != kNone) {
    if (arguments.on_device()) {
      return kernels::cuda::decode_attention_workspace_size(rows, heads, head_dim, max_length);
    }
  }
  return 0;
}

}  // namespace
}  // namespace rlkd::native

extern "C" rlkd_status rlkd_decode_attention_workspace_size(const rlkd_context* context, int64_t rows,
                                                            int64_t heads, int64_t head_dim,
                                                            int64_t max_length, size_t* bytes) {
  using namespace rlkd;
  using namespace rlkd::native;
  return guard("rlkd_decode_attention_workspace_size", [&] {
    const Arguments arguments(context);
    require_in_range("rows", rows, 0, int64_t{1} << 20);
    require_in_range("heads", heads, 1, int64_t{1} << 12);
    require_in_range("head_dim", head_dim, 1, kernels::kDecodeAttentionMaxHeadDim);
    require_in_range("max_length", max_length, 1, int64_t{1} << 24);
    required("bytes", bytes) = workspace_size(arguments, rows, heads, head_dim, max_length);
  });
}

extern "C" rlkd_status rlkd_decode_attention(const rlkd_context* context,
                                             const rlkd_decode_attention_inputs* inputs_pointer, float scale,
                                             rlkd_tensor* output_tensor, void* workspace,
                                             size_t workspace_bytes) {
  using namespace rlkd;
  using namespace rlkd::native;
  return guard("rlkd_decode_attention", [&] {
    Arguments arguments(context);
    const rlkd_decode_attention_inputs& tensors = required("inputs", inputs_pointer);
    const CacheShape cache = cache_shape(tensors.key_cache);
    require_in_range("scale", static_cast<double>(scale), -1e30, 1e30);
    arguments.with_floating_type(tensors.query, [&](auto type) {
      using T = typename decltype(type)::type;
      kernels::DecodeAttention<T> inputs{};
      inputs.block_size = cache.block_size;
      inputs.kv_heads = cache.kv_heads;
      inputs.head_dim = cache.head_dim;
      inputs.scale = scale;
      inputs.query = arguments.matrix<const T>("query", tensors.query);
      if (inputs.query.cols == 0 || inputs.query.cols % (cache.kv_heads * cache.head_dim) != 0) {
        invalid("query.shape[1] is %" PRId64
                ", expected a positive multiple of kv_heads * head_dim = %" PRId64,
                inputs.query.cols, cache.kv_heads * cache.head_dim);
      }
      inputs.keys = arguments.compact<const T>("key_cache", tensors.key_cache);
      inputs.values = arguments.compact<const T>("value_cache", tensors.value_cache, inputs.keys.size);
      inputs.block_table = arguments.matrix<const int64_t>(
          "block_table", tensors.block_table, inputs.query.rows, kAnyExtent, "rows of query", "max_blocks");
      inputs.lengths =
          arguments.vector<const int64_t>("lengths", tensors.lengths, inputs.query.rows, "rows of query");
      if ((tensors.group_offsets == nullptr) != (tensors.prefix_lengths == nullptr)) {
        invalid("%s is NULL and the other is not, expected both or neither",
                tensors.group_offsets == nullptr ? "group_offsets" : "prefix_lengths");
      }
      if (tensors.group_offsets != nullptr) {
        inputs.prefixes.prefix_lengths =
            arguments.vector<const int64_t>("prefix_lengths", tensors.prefix_lengths);
        inputs.prefixes.group_offsets = arguments.vector<const int64_t>(
            "group_offsets", tensors.group_offsets, inputs.prefixes.prefix_lengths.size + 1,
            "size of prefix_lengths + 1");
      }
      const auto output = arguments.matrix<T>("output", output_tensor, inputs.query.rows, inputs.query.cols,
                                              "rows of query", "columns of query");
      void* scratch =
          arguments.workspace(workspace, workspace_bytes,
                              workspace_size(arguments, inputs.query.rows, inputs.query.cols / cache.head_dim,
                                             cache.head_dim, inputs.block_table.cols * cache.block_size));
      arguments.require_no_overlap();
      if (arguments.values_on_host()) {
        require_blocks_in_range(inputs, cache.blocks);
        require_shared_prefixes(inputs);
      }
      if constexpr (std::is_same_v<T, float>) {
        if (arguments.backend() == RLKD_BACKEND_CPU) return kernels::cpu::decode_attention(inputs, output);
        if (arguments.backend() == RLKD_BACKEND_REFERENCE) {
          return kernels::reference::decode_attention(inputs, output);
        }
      }
      arguments.run_on_device([&](kernels::Stream stream) {
        return kernels::cuda::decode_attention<T>(inputs, output, scratch, stream);
      });
    });
  });
}
