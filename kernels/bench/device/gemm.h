/* The rate that NVIDIA's own library reaches on a matrix product: what linear_logprob is measured against. */
#pragma once

#include <cstdint>
#include <string>

namespace rlkd::kernels::bench {

/**
 * Seconds of the bfloat16 product [rows, inner] x [cols, inner]^T -> [rows, cols], float accumulators, by cuBLAS,
 * median; 0 where no cuBLAS is found, and then *reason says why.
 *
 * cuBLAS is opened at run time, not linked: the machines that are measured have it in a toolkit, in PyTorch's
 * wheels (on LD_LIBRARY_PATH), or nowhere.
 */
double cublas_gemm_seconds(int64_t rows, int64_t cols, int64_t inner, std::string* reason);

}  // namespace rlkd::kernels::bench
