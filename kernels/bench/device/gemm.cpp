#include "bench/device/gemm.h"

#include <dlfcn.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "bench/device/array.h"

namespace rlkd::kernels::bench {

namespace {

// As in cublas_api.h and library_types.h of CUDA 12 and 13.
constexpr int kOpNone = 0, kOpTransposed = 1, kBfloat16 = 14, kComputeFloat = 68, kDefaultAlgorithm = -1;

class Cublas {
 public:
  Cublas() {
    for (const char* name : {"libcublas.so.13", "libcublas.so.12", "libcublas.so"}) {
      library_ = dlopen(name, RTLD_NOW | RTLD_LOCAL);
      if (library_ != nullptr) break;
    }
    if (library_ == nullptr) {
      reason_ = "no libcublas.so.13 or .12 on the loader's path";
      return;
    }
    using Create = int (*)(void**);
    const auto create = reinterpret_cast<Create>(dlsym(library_, "cublasCreate_v2"));
    gemm_ = reinterpret_cast<Gemm>(dlsym(library_, "cublasGemmEx"));
    if (create == nullptr || gemm_ == nullptr) {
      reason_ = "libcublas lacks cublasCreate_v2 or cublasGemmEx";
    } else if (const int status = create(&handle_); status != 0) {
      reason_ = "cublasCreate: status " + std::to_string(status);
    }
  }

  const std::string& reason() const { return reason_; }

  /** C [rows, cols] = A [rows, inner] B [cols, inner]^T, all row-major; column-major to cuBLAS. */
  int multiply(const bfloat16* a, const bfloat16* b, bfloat16* c, int rows, int cols, int inner) const {
    const float one = 1, zero = 0;
    return gemm_(handle_, kOpTransposed, kOpNone, cols, rows, inner, &one, b, kBfloat16, inner, a, kBfloat16,
                 inner, &zero, c, kBfloat16, cols, kComputeFloat, kDefaultAlgorithm);
  }

 private:
  using Gemm = int (*)(void*, int, int, int, int, int, const void*, const void*, int, int, const void*, int,
                       int, const void*, void*, int, int, int, int);
  void* library_ = nullptr;
  void* handle_ = nullptr;
  Gemm gemm_ = nullptr;
  std::string reason_;
};

}  // namespace

double cublas_gemm_seconds(int64_t rows, int64_t cols, int64_t inner, std::string* reason) {
  if (emulated()) {
    *reason = "emulated";
    return 0;
  }
  static const Cublas cublas;
  *reason = cublas.reason();
  if (!reason->empty()) return 0;
  DeviceArray<bfloat16> a(rows * inner), b(cols * inner), c(rows * cols);
  fill_normal(a, 1, 1);
  fill_normal(b, 1, 2);
  Stopwatch stopwatch;
  std::vector<double> seconds;
  for (int i = 0; i < 9; ++i) {
    flush_l2();
    stopwatch.start();
    const int status = cublas.multiply(a.data(), b.data(), c.data(), static_cast<int>(rows),
                                       static_cast<int>(cols), static_cast<int>(inner));
    const double elapsed = stopwatch.stop();
    if (status != 0) {
      *reason = "cublasGemmEx: status " + std::to_string(status);
      return 0;
    }
    if (i >= 2) seconds.push_back(elapsed);  // the first choose and load kernels
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

}  // namespace rlkd::kernels::bench
