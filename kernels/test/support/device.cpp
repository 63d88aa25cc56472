#include "test/support/device.h"

#include <new>

#if RLKD_CUDA
#include <cuda_runtime_api.h>
#endif

namespace rlkd::kernels::test {

#if RLKD_CUDA

void* allocate_shared(size_t bytes) {
  void* memory = nullptr;
  if (cudaMallocManaged(&memory, bytes == 0 ? 1 : bytes) == cudaSuccess) return memory;
  cudaGetLastError();  // no device: the tests that need one skip
  return ::operator new (bytes, std::align_val_t{64});
}

void free_shared(void* memory) {
  cudaPointerAttributes attributes{};
  if (cudaPointerGetAttributes(&attributes, memory) == cudaSuccess &&
      attributes.type == cudaMemoryTypeManaged) {
    cudaFree(memory);
    return;
  }
  cudaGetLastError();
  ::operator delete (memory, std::align_val_t{64});
}

#else

void* allocate_shared(size_t bytes) { return ::operator new (bytes, std::align_val_t{64}); }

void free_shared(void* memory) { ::operator delete (memory, std::align_val_t{64}); }

#endif

::testing::AssertionResult finished(const DeviceStatus& launched) {
  const DeviceStatus status = launched ? cuda::synchronize(nullptr) : launched;
  if (status) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << status.where << ": error " << status.error << ", " << cuda::error_text(status);
}

}  // namespace rlkd::kernels::test
