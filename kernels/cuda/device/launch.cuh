/*
 * launch("logprob_forward", kernel<float>, {grid, block, shared}, stream, arguments...): the only way a kernel
 * is launched, on a device or emulated. Arguments are converted to the kernel's parameter types.
 */
#pragma once

#include <tuple>
#include <utility>

#include "device/platform.cuh"
#include "rlkd/kernels/device.h"

namespace rlkd::kernels::cuda {

struct LaunchShape {
  dim3 grid;
  dim3 block;
  size_t shared_bytes = 0;  // dynamic
};

namespace detail {

#if defined(__CUDACC__)

// What a kernel may use without asking; more is a limit of the device that has to be raised.
inline constexpr size_t kDefaultSharedLimit = 48 * 1024;

template <class... Parameters, size_t... I>
DeviceStatus launch(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape, Stream stream,
                    std::tuple<Parameters...> arguments, std::index_sequence<I...>) {
  if (shape.shared_bytes > kDefaultSharedLimit) {
    const cudaError_t raised = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                    static_cast<int>(shape.shared_bytes));
    if (raised != cudaSuccess) return {raised, name};
  }
  void* pointers[] = {static_cast<void*>(&std::get<I>(arguments))...};
  return {cudaLaunchKernel(reinterpret_cast<const void*>(kernel), shape.grid, shape.block, pointers,
                           shape.shared_bytes, static_cast<cudaStream_t>(stream)),
          name};
}

#else

template <class... Parameters, size_t... I>
DeviceStatus launch(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape, Stream,
                    std::tuple<Parameters...> arguments, std::index_sequence<I...>) {
  struct Call {
    void (*kernel)(Parameters...);
    const std::tuple<Parameters...>* arguments;
  } const call{kernel, &arguments};
  const auto extent = [](const dim3& d) { return emulation::Extent{d.x, d.y, d.z}; };
  return {emulation::run({name, extent(shape.grid), extent(shape.block), shape.shared_bytes,
                          [](const void* argument) {
                            const auto& c = *static_cast<const Call*>(argument);
                            c.kernel(std::get<I>(*c.arguments)...);
                          },
                          &call}),
          name};
}

#endif

}  // namespace detail

/** Of the current device: how many blocks fill it. No result may depend on it. */
inline int multiprocessors() {
#if defined(__CUDACC__)
  int device = 0;
  int count = 1;
  if (cudaGetDevice(&device) != cudaSuccess) return count;
  cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device);
  return count;
#else
  return 2;  // few, so that small grids take the ways of large ones
#endif
}

/** Nothing is launched for a grid without blocks. */
template <class... Parameters, class... Arguments>
DeviceStatus launch(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape, Stream stream,
                    Arguments&&... arguments) {
  if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0) return {};
  return detail::launch(name, kernel, shape, stream,
                        std::tuple<Parameters...>(std::forward<Arguments>(arguments)...),
                        std::index_sequence_for<Parameters...>{});
}

}  // namespace rlkd::kernels::cuda
