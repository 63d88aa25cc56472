/*
 * structure_alignment on a device.
 *
 *   prefix    sum_{i <= min(n,L)} (a_11 a_22 .. a_ii) w_ii
 *   monotone  V(1,1), V(i,j) = max( a_ij (w_ij + V(i+1,j+1)), gap_decay V(i+1,j), gap_decay V(i,j+1) )
 *
 * along every root-to-leaf path of the teacher; w_ij = 2^(q_ij + v_ij - 2). A warp scores a pair, thousands of
 * pairs a launch; warps wait for nothing but themselves.
 *
 * Prefix: a lane climbs from a leaf to the root, score <- a (w + score), the sum in Horner's form. Monotone: the
 * warp works on one path after another, a lane on a column j of V; at a time t the lanes stand on an
 * anti-diagonal, so that V(i, j+1) and V(i+1, j+1) come from the right neighbour by a shuffle and V(i+1, j) is the
 * lane's own. Paths longer than a warp are cut into tiles of 32 columns, from the last on; the first column of a
 * tile goes to the next one through memory.
 *
 * Embeddings: the warp computes the squared norms and the products of the cells that the alignment asks for (all
 * n m of them, or one a node under prefix) and keeps three bits a cell. Nothing of it leaves the block's shared
 * memory unless a pair may need more than kSharedBytes; then it is kept in the workspace.
 *
 * Numerics: fp64 throughout, as on the CPU; products of floats are exact. A product and the norms add the same
 * elements in the same order, and sqrt(x x) = x, so that the cosine of equal embeddings is 1 exactly.
 *
 * Traffic: judged, 12 n m bytes a pair and 3 n m additions (monotone about 40 fp64 flops a cell and path, most of
 * them the exponential); embeddings, 3 (n + m) dim sizeof(T) bytes a pair, less where pairs share a teacher, and
 * 6 n m dim flops (prefix: 6 m dim).
 */
#include "device/launch.cuh"
#include "device/reduce.cuh"
#include "device/vector_access.cuh"
#include "rlkd/kernels/structure_alignment.h"

namespace rlkd::kernels::cuda {

namespace {

constexpr int kThreads = 128;
constexpr int kWarps = kThreads / kWarp;
constexpr int64_t kMaxBlocks = 1024;        // bounds the workspace; more pairs are taken in turns
constexpr size_t kSharedBytes = 12 * 1024;  // a warp: 48 KiB a block are free for the asking
constexpr int kFields = 3;                  // meta-reasoning, query, answer

/** Memory of one warp, for pairs of up to options.max_* steps and nodes. */
struct Layout {
  bool monotone;
  bool embeddings;
  int64_t steps;
  int64_t nodes;

  Layout(const StructureAlignmentOptions& options, bool with_embeddings)
      : monotone(options.alignment == Alignment::monotone),
        embeddings(with_embeddings),
        steps(options.max_student_steps),
        nodes(options.max_teacher_nodes) {}

  __host__ __device__ int64_t column_size() const { return monotone ? steps + 1 : 0; }
  __host__ __device__ int64_t norms_size() const { return embeddings ? kFields * (steps + nodes) : 0; }
  __host__ __device__ int64_t path_size() const { return monotone ? nodes : 0; }
  __host__ __device__ int64_t words() const { return (nodes + kWarp - 1) / kWarp; }
  __host__ __device__ int64_t verdicts_size() const {
    return embeddings ? (monotone ? steps * nodes : nodes) : 0;
  }
  __host__ __device__ int64_t bytes() const {
    const int64_t total = (column_size() + norms_size()) * 8 + (path_size() + words()) * 4 + verdicts_size();
    return (total + 15) / 16 * 16;
  }
};

struct Scratch {
  double* column;           // V of a tile's first column, [steps + 1]
  double* squared_norms;    // [fields, steps + nodes]
  int32_t* path;            // nodes from the root to a leaf
  unsigned* inner;          // a bit a node: it has children
  unsigned char* verdicts;  // of cells, see Compared

  __device__ Scratch(unsigned char* memory, const Layout& layout) {
    column = reinterpret_cast<double*>(memory);
    squared_norms = column + layout.column_size();
    path = reinterpret_cast<int32_t*>(squared_norms + layout.norms_size());
    inner = reinterpret_cast<unsigned*>(path + layout.path_size());
    verdicts = reinterpret_cast<unsigned char*>(inner + layout.words());
  }
};

/** The paths of a pair. */
struct Pair {
  int64_t steps;
  int64_t nodes;
  const int32_t* parents;

  /** Number of nodes from the root to `node`. */
  __device__ int64_t length_to(int64_t node) const {
    int64_t length = 0;
    for (; node >= 0; node = parents[node]) ++length;
    return length;
  }
};

__device__ int lane() { return static_cast<int>(threadIdx.x) % kWarp; }

/* ---- Where agreement a and weight w of a cell come from ------------------------------------------------------ */

/** Judgements as given: [steps, nodes] row-major. */
struct Judged {
  const float* meta;
  const float* query;
  const float* answer;
  int64_t nodes;

  __device__ double agreement(int64_t step, int64_t node) const { return meta[step * nodes + node]; }
  __device__ double weight(int64_t step, int64_t node) const {
    const int64_t k = step * nodes + node;
    return 0.25 * exp2(static_cast<double>(query[k]) + answer[k]);
  }
};

/** Judgements by cosine: bit f of a verdict says that field f agrees. */
struct Compared {
  const unsigned char* verdicts;
  int64_t row_stride;  // 0: one verdict a node, for the one step that prefix compares it with

  __device__ unsigned verdict(int64_t step, int64_t node) const { return verdicts[step * row_stride + node]; }
  __device__ double agreement(int64_t step, int64_t node) const { return verdict(step, node) & 1; }
  __device__ double weight(int64_t step, int64_t node) const {
    const unsigned agreed = __popc(verdict(step, node) >> 1);
    return agreed == 2 ? 1 : agreed == 1 ? 0.5 : 0.25;
  }
};

/** The pairs of a launch, given by judgements. */
struct JudgedPairs {
  StructureAlignmentInputs inputs;

  __device__ Pair pair(int64_t p) const {
    return {inputs.student_steps[p], inputs.teacher_nodes[p], inputs.parents.data + inputs.parent_offsets[p]};
  }

  /** *scorable is false if a judgement is NaN. */
  template <Alignment>
  __device__ Judged judgements(int64_t p, const Pair& pair, const Scratch&, bool* scorable) const {
    const int64_t base = inputs.judgement_offsets[p];
    const Judged judged{inputs.meta.data + base, inputs.query.data + base, inputs.answer.data + base,
                        pair.nodes};
    bool found = false;
    for (int64_t k = lane(); k < pair.steps * pair.nodes; k += kWarp) {
      found |= isnan(judged.meta[k]) || isnan(judged.query[k]) || isnan(judged.answer[k]);
    }
    *scorable = __any_sync(kFullWarp, found) == 0;
    return judged;
  }
};

/**
 * Dot products of x with kCount rows of `dim` elements, by a warp. Lane l takes packs l, l + 32, ... whether they
 * can be loaded as such (`packed`) or not: the order of the sum depends on dim alone.
 */
template <int kCount, class T>
__device__ void dot_products(const T* x, const T* const (&y)[kCount], int64_t dim, bool packed,
                             double (&out)[kCount]) {
  for (double& sum : out) sum = 0;
  for (int64_t d = lane() * Pack<T>::kSize; d < dim; d += kWarp * Pack<T>::kSize) {
    if (packed && d + Pack<T>::kSize <= dim) {
      const Pack<T> left = load_pack(x + d);
#pragma unroll
      for (int c = 0; c < kCount; ++c) {
        const Pack<T> right = load_pack(y[c] + d);
#pragma unroll
        for (int i = 0; i < Pack<T>::kSize; ++i) {
          out[c] += static_cast<double>(to_float(left.element[i])) * to_float(right.element[i]);
        }
      }
    } else {
      const int64_t end = d + Pack<T>::kSize < dim ? d + Pack<T>::kSize : dim;
      for (int64_t i = d; i < end; ++i) {
        const double left = to_float(x[i]);
#pragma unroll
        for (int c = 0; c < kCount; ++c) out[c] += left * to_float(y[c][i]);
      }
    }
  }
#pragma unroll
  for (int c = 0; c < kCount; ++c) out[c] = warp_reduce(out[c], Sum{});
}

template <class T>
struct Field {
  Matrix<const T> student;
  Matrix<const T> teacher;
  double threshold;
};

/** The pairs of a launch, given by embeddings. */
template <class T>
struct EmbeddedPairs {
  static constexpr int kTile = 4;  // nodes that a student step is compared with at a time

  Field<T> fields[kFields];
  Vector<const int64_t> student_offsets;
  Vector<const int64_t> student_steps;
  Vector<const int64_t> teacher_offsets;
  Vector<const int64_t> teacher_nodes;
  const int32_t* parents;
  bool packed;  // all rows are aligned for packs

  __device__ Pair pair(int64_t p) const {
    return {student_steps[p], teacher_nodes[p], parents + teacher_offsets[p]};
  }

  /** *scorable is false if an embedding has no direction. */
  template <Alignment kAlignment>
  __device__ Compared judgements(int64_t p, const Pair& pair, const Scratch& scratch, bool* scorable) const {
    constexpr bool kAllCells = kAlignment == Alignment::monotone;
    const Compared compared{scratch.verdicts, kAllCells ? pair.nodes : 0};
    *scorable = norms(p, pair, scratch.squared_norms);
    __syncwarp();
    if (!*scorable) return compared;
    if constexpr (kAllCells) {
      for (int64_t i = 0; i < pair.steps; ++i) {
        for (int64_t v = 0; v < pair.nodes; v += kTile) compare<kTile>(p, pair, i, v, scratch);
      }
    } else {
      for (int64_t v = 0; v < pair.nodes; ++v) {
        const int64_t i = pair.length_to(v) - 1;
        if (i < pair.steps) compare<1>(p, pair, i, v, scratch);
      }
    }
    __syncwarp();
    return compared;
  }

 private:
  /** Squared norms of all rows of the pair; whether all are finite and not 0. */
  __device__ bool norms(int64_t p, const Pair& pair, double* squared_norms) const {
    bool directed = true;
#pragma unroll 1
    for (int f = 0; f < kFields; ++f) {
      const Field<T>& field = fields[f];
      for (int64_t r = 0; r < pair.steps + pair.nodes; ++r) {
        const T* row = r < pair.steps ? field.student.row(student_offsets[p] + r)
                                      : field.teacher.row(teacher_offsets[p] + r - pair.steps);
        double squared[1];
        dot_products<1>(row, {row}, field.student.cols, packed, squared);
        directed &= squared[0] > 0 && isfinite(squared[0]);
        if (lane() == 0) squared_norms[f * (pair.steps + pair.nodes) + r] = squared[0];
      }
    }
    return directed;
  }

  /** Verdicts of step i and nodes v .. v + kCount - 1, as far as there are such. */
  template <int kCount>
  __device__ void compare(int64_t p, const Pair& pair, int64_t i, int64_t v, const Scratch& scratch) const {
    unsigned verdicts[kCount] = {};
#pragma unroll 1
    for (int f = 0; f < kFields; ++f) {
      const Field<T>& field = fields[f];
      const double* student_norms = scratch.squared_norms + f * (pair.steps + pair.nodes);
      const double* teacher_norms = student_norms + pair.steps;
      const T* nodes[kCount];
      int64_t index[kCount];
#pragma unroll
      for (int c = 0; c < kCount; ++c) {
        index[c] = v + c < pair.nodes ? v + c : pair.nodes - 1;
        nodes[c] = field.teacher.row(teacher_offsets[p] + index[c]);
      }
      double products[kCount];
      dot_products<kCount>(field.student.row(student_offsets[p] + i), nodes, field.student.cols, packed,
                           products);
#pragma unroll
      for (int c = 0; c < kCount; ++c) {
        const double scale = sqrt(student_norms[i] * teacher_norms[index[c]]);
        if (products[c] >= field.threshold * scale) verdicts[c] |= 1u << f;
      }
    }
    if (lane() != 0) return;
    // Under prefix (kCount 1) the verdict stands at its node, else in row i.
    unsigned char* row = scratch.verdicts + (kCount == 1 ? 0 : i * pair.nodes);
#pragma unroll
    for (int c = 0; c < kCount; ++c) {
      if (v + c < pair.nodes) row[v + c] = static_cast<unsigned char>(verdicts[c]);
    }
  }
};

/* ---- Alignment ------------------------------------------------------------------------------------------------ */

struct Best {
  double score;
  int64_t leaf;  // -1: none

  /** The higher score, the lower leaf among equals. */
  __device__ Best operator()(const Best& a, const Best& b) const {
    if (a.leaf < 0 || b.leaf < 0) return a.leaf < 0 ? b : a;
    if (a.score > b.score) return a;
    return b.score > a.score || b.leaf < a.leaf ? b : a;
  }
};

__device__ double divisor(AlignmentNormalizer normalize, int64_t steps, int64_t length) {
  if (normalize == AlignmentNormalizer::none) return 1;
  const int64_t count = normalize == AlignmentNormalizer::max && steps > length ? steps : length;
  return static_cast<double>(count);
}

/** By one lane. */
template <class Judgements>
__device__ double prefix_score(const Pair& pair, const Judgements& judgements, int64_t leaf, int64_t length) {
  double score = 0;
  int64_t i = length - 1;
  for (int64_t v = leaf; v >= 0; v = pair.parents[v], --i) {
    if (i < pair.steps) score = judgements.agreement(i, v) * (judgements.weight(i, v) + score);
  }
  return score;
}

/** By a warp. */
template <class Judgements>
__device__ double monotone_score(const Pair& pair, const Judgements& judgements, int64_t leaf, int64_t length,
                                 double gap_decay, const Scratch& scratch) {
  if (lane() == 0) {
    int64_t j = length - 1;
    for (int64_t v = leaf; v >= 0; v = pair.parents[v], --j) scratch.path[j] = static_cast<int32_t>(v);
  }
  for (int64_t i = lane(); i <= pair.steps; i += kWarp) scratch.column[i] = 0;
  __syncwarp();
  for (int64_t base = (length - 1) / kWarp * kWarp; base >= 0; base -= kWarp) {
    const int last = static_cast<int>(min(length - base, int64_t{kWarp})) - 1;
    const int64_t node = lane() <= last ? scratch.path[base + lane()] : 0;
    double value = 0;     // V(i + 1, j)
    double diagonal = 0;  // V(i + 1, j + 1)
    for (int64_t t = 0; t < pair.steps + last; ++t) {
      const int64_t i = pair.steps - 1 - (t - (last - lane()));
      const bool working = lane() <= last && i >= 0 && i < pair.steps;
      double right = __shfl_down_sync(kFullWarp, value, 1);  // V(i, j + 1)
      if (lane() == last && working) right = scratch.column[i];
      if (working) {
        const double matched = judgements.agreement(i, node) * (judgements.weight(i, node) + diagonal);
        value = max(matched, gap_decay * max(value, right));
        diagonal = right;
        if (lane() == 0) scratch.column[i] = value;
      }
      __syncwarp();
    }
  }
  const double score = scratch.column[0];
  __syncwarp();
  return score;
}

/** The best of the pair's paths, by a warp; the same in all lanes. */
template <Alignment kAlignment, class Judgements>
__device__ Best best_path(const Pair& pair, const Judgements& judgements,
                          const StructureAlignmentOptions& options, const Scratch& scratch) {
  for (int64_t w = lane(); w < (pair.nodes + kWarp - 1) / kWarp; w += kWarp) scratch.inner[w] = 0;
  __syncwarp();
  for (int64_t v = lane(); v < pair.nodes; v += kWarp) {
    const int32_t parent = pair.parents[v];
    if (parent >= 0) atomicOr(&scratch.inner[parent / kWarp], 1u << parent % kWarp);
  }
  __syncwarp();
  const auto is_leaf = [&](int64_t v) { return (scratch.inner[v / kWarp] >> v % kWarp & 1) == 0; };
  Best best{0, -1};
  if constexpr (kAlignment == Alignment::prefix) {
    for (int64_t v = lane(); v < pair.nodes; v += kWarp) {
      if (!is_leaf(v)) continue;
      const int64_t length = pair.length_to(v);
      const double score = prefix_score(pair, judgements, v, length);
      best = best(best, {score / divisor(options.normalize, pair.steps, length), v});
    }
    best = warp_reduce(best, best);
  } else {
    for (int64_t v = 0; v < pair.nodes; ++v) {
      if (!is_leaf(v)) continue;
      const int64_t length = pair.length_to(v);
      const double score = monotone_score(pair, judgements, v, length, options.gap_decay, scratch);
      best = best(best, {score / divisor(options.normalize, pair.steps, length), v});
    }
  }
  __syncwarp();
  return best;
}

/** workspace null: the scratch is dynamic shared memory. */
template <Alignment kAlignment, class Pairs>
__global__ void __launch_bounds__(kThreads, 3)
    alignment_kernel(Pairs pairs, StructureAlignmentOptions options, Layout layout, unsigned char* workspace,
                     Vector<float> reward, Vector<int32_t> best_leaf) {
  const int64_t warp = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  const int64_t warps = int64_t{gridDim.x} * kWarps;
  unsigned char* memory = workspace == nullptr
                              ? dynamic_shared<unsigned char>() + warp % kWarps * layout.bytes()
                              : workspace + warp * layout.bytes();
  const Scratch scratch(memory, layout);
  for (int64_t p = warp; p < reward.size; p += warps) {
    const Pair pair = pairs.pair(p);
    bool scorable = false;
    const auto judgements = pairs.template judgements<kAlignment>(p, pair, scratch, &scorable);
    Best best{0, -1};
    if (scorable) best = best_path<kAlignment>(pair, judgements, options, scratch);
    if (lane() == 0) {
      reward[p] = best.leaf < 0 ? NAN : static_cast<float>(best.score);
      if (best_leaf) best_leaf[p] = static_cast<int32_t>(best.leaf);
    }
    __syncwarp();
  }
}

int64_t blocks_for(int64_t pairs) { return std::min((pairs + kWarps - 1) / kWarps, kMaxBlocks); }

size_t workspace_size(int64_t pairs, const Layout& layout) {
  const auto bytes = static_cast<size_t>(layout.bytes());
  return bytes <= kSharedBytes ? 0 : static_cast<size_t>(blocks_for(pairs)) * kWarps * bytes;
}

template <class Pairs>
DeviceStatus align(const char* name, const Pairs& pairs, const StructureAlignmentOptions& options,
                   const Layout& layout, Vector<float> reward, Vector<int32_t> best_leaf, void* workspace,
                   Stream stream) {
  const bool shared = workspace_size(reward.size, layout) == 0;
  const LaunchShape shape{dim3(static_cast<unsigned>(blocks_for(reward.size))), kThreads,
                          shared ? static_cast<size_t>(layout.bytes()) * kWarps : 0};
  const auto kernel = layout.monotone ? alignment_kernel<Alignment::monotone, Pairs>
                                      : alignment_kernel<Alignment::prefix, Pairs>;
  return launch(name, kernel, shape, stream, pairs, options, layout,
                shared ? nullptr : static_cast<unsigned char*>(workspace), reward, best_leaf);
}

}  // namespace

size_t structure_alignment_workspace_size(int64_t pairs, const StructureAlignmentOptions& options) {
  return workspace_size(pairs, Layout(options, false));
}

DeviceStatus structure_alignment(const StructureAlignmentInputs& inputs,
                                 const StructureAlignmentOptions& options, Vector<float> reward,
                                 Vector<int32_t> best_leaf, void* workspace, Stream stream) {
  return align("structure_alignment", JudgedPairs{inputs}, options, Layout(options, false), reward, best_leaf,
               workspace, stream);
}

size_t structure_alignment_embeddings_workspace_size(int64_t pairs,
                                                     const StructureAlignmentOptions& options) {
  return workspace_size(pairs, Layout(options, true));
}

template <class T>
DeviceStatus structure_alignment_embeddings(const StructureAlignmentEmbeddings<T>& inputs,
                                            const StructureAlignmentOptions& options,
                                            const EmbeddingThresholds& thresholds, Vector<float> reward,
                                            Vector<int32_t> best_leaf, void* workspace, Stream stream) {
  EmbeddedPairs<T> pairs{{{inputs.student.meta, inputs.teacher.meta, thresholds.meta},
                          {inputs.student.query, inputs.teacher.query, thresholds.query},
                          {inputs.student.answer, inputs.teacher.answer, thresholds.answer}},
                         inputs.student_offsets,
                         inputs.student_steps,
                         inputs.teacher_offsets,
                         inputs.teacher_nodes,
                         inputs.parents.data,
                         true};
  for (const Field<T>& field : pairs.fields) {
    pairs.packed &= aligned_for_packs(field.student.data, field.student.row_stride) &&
                    aligned_for_packs(field.teacher.data, field.teacher.row_stride);
  }
  return align("structure_alignment_embeddings", pairs, options, Layout(options, true), reward, best_leaf,
               workspace, stream);
}

#define RLKD_INSTANTIATE(T)                                                                                 \
  template DeviceStatus structure_alignment_embeddings<T>(                                                  \
      const StructureAlignmentEmbeddings<T>&, const StructureAlignmentOptions&, const EmbeddingThresholds&, \
      Vector<float>, Vector<int32_t>, void*, Stream);
RLKD_INSTANTIATE(float)
RLKD_INSTANTIATE(bfloat16)
RLKD_INSTANTIATE(float16)

}  // namespace rlkd::kernels::cuda
