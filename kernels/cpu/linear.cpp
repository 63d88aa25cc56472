/*
 * linear on CPUs: panels of weight rows over threads, a panel in cpu/vector/linear.cpp. A panel fits the
 * second-level cache beside a few rows of the input.
 */
#include "rlkd/kernels/linear.h"

#include <omp.h>

#include <algorithm>

#include "cpu/vector/kernels.h"

namespace rlkd::kernels::cpu {

namespace {

constexpr int64_t kPanelElements = 48 << 10;
constexpr int64_t kPanelRows = 4;  // a panel's rows are a multiple, of which the inner loop is made
constexpr int64_t kPanelsPerThread = 4;
// Below this many products starting the threads costs more than they save.
constexpr int64_t kParallelProducts = 1 << 17;

/** Rows of a panel: all of the cache's share, but enough panels for every thread. */
int64_t panel_rows(int64_t outs, int64_t in, int64_t threads) {
  const int64_t by_cache = kPanelElements / in;
  const int64_t by_threads = outs / (threads * kPanelsPerThread);
  const int64_t rows = std::min(by_cache, by_threads) / kPanelRows * kPanelRows;
  return std::max(rows, kPanelRows);
}

}  // namespace

void linear(Matrix<const float> input, const LinearPart* parts, int64_t count, bool accumulate) {
  const VectorKernels& kernels = vector_kernels();
  const int64_t in = input.cols;
  int64_t outs = 0;
  for (int64_t p = 0; p < count; ++p) outs += parts[p].weight.rows;
  if (input.rows == 0) return;
  const bool parallel = input.rows * in * outs >= kParallelProducts;
  const int64_t rows = panel_rows(outs, in, parallel ? omp_get_max_threads() : 1);
  const auto panels_of = [&](const LinearPart& part) { return (part.weight.rows + rows - 1) / rows; };
  int64_t panels = 0;
  for (int64_t p = 0; p < count; ++p) panels += panels_of(parts[p]);
#pragma omp parallel for schedule(dynamic) if (parallel)
  for (int64_t panel = 0; panel < panels; ++panel) {
    const LinearPart* part = parts;
    int64_t index = panel;
    for (; index >= panels_of(*part); ++part) index -= panels_of(*part);
    const int64_t first = index * rows;
    kernels.linear_panel({input.data, part->weight.row(first), part->bias ? part->bias.data + first : nullptr,
                          part->output.data + first, input.rows, std::min(rows, part->weight.rows - first),
                          in, input.row_stride, part->weight.row_stride, part->output.row_stride,
                          accumulate});
  }
}

}  // namespace rlkd::kernels::cpu
