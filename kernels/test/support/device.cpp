#include "test/support/device.h"

#include <sys/mman.h>

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

#if RLKD_CUDA

::testing::AssertionResult finished_as_graph(const std::function<DeviceStatus(Stream)>& work) {
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  DeviceStatus status{cudaStreamCreate(&stream), "cudaStreamCreate"};
  const auto then = [&status](const char* where, cudaError_t error) {
    if (status) status = {error, where};
  };
  if (status)
    then("cudaStreamBeginCapture", cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  if (status) {
    const DeviceStatus launched = work(stream);
    then("cudaStreamEndCapture", cudaStreamEndCapture(stream, &graph));
    if (!launched) status = launched;
  }
  if (status) then("cudaGraphInstantiate", cudaGraphInstantiate(&executable, graph, 0));
  if (status) then("cudaGraphLaunch", cudaGraphLaunch(executable, stream));
  if (status) status = cuda::synchronize(stream);
  if (executable != nullptr) cudaGraphExecDestroy(executable);
  if (graph != nullptr) cudaGraphDestroy(graph);
  if (stream != nullptr) cudaStreamDestroy(stream);
  return finished(status);
}

#else

::testing::AssertionResult finished_as_graph(const std::function<DeviceStatus(Stream)>& work) {
  return finished(work(nullptr));
}

#endif

#if RLKD_CUDA

SparseMemory::SparseMemory(size_t bytes) : data_(nullptr), bytes_(bytes) {
  if (cudaMallocManaged(&data_, bytes) != cudaSuccess) throw std::bad_alloc();
}

SparseMemory::~SparseMemory() { cudaFree(data_); }

#else

SparseMemory::SparseMemory(size_t bytes)
    : data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)),
      bytes_(bytes) {
  if (data_ == MAP_FAILED) throw std::bad_alloc();
}

SparseMemory::~SparseMemory() { munmap(data_, bytes_); }

#endif

::testing::AssertionResult finished(const DeviceStatus& launched) {
  const DeviceStatus status = launched ? cuda::synchronize(nullptr) : launched;
  if (status) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << status.where << ": error " << status.error << ", " << cuda::error_text(status);
}

}  // namespace rlkd::kernels::test
