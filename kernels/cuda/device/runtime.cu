/* The device backend as a whole: is there one, wait for it, say what went wrong. */
#include "device/platform.cuh"
#include "rlkd/kernels/device.h"

namespace rlkd::kernels::cuda {

#if defined(__CUDACC__)

const char* device_backend_name() { return "cuda"; }

bool device_available(const char** reason) {
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error == cudaSuccess && devices > 0) return true;
  int driver = 0;
  cudaDriverGetVersion(&driver);
  cudaGetLastError();  // having asked is no failure of later calls
  *reason = driver == 0            ? "no NVIDIA driver is installed"
            : error == cudaSuccess ? "the CUDA driver finds no device"
                                   : cudaGetErrorString(error);
  return false;
}

int device_count() {
  int devices = 0;
  return cudaGetDeviceCount(&devices) == cudaSuccess ? devices : 0;
}

DeviceStatus select_device(int index, int* previous) {
  if (previous != nullptr) {
    const cudaError_t error = cudaGetDevice(previous);
    if (error != cudaSuccess) return {error, "cudaGetDevice"};
  }
  return {cudaSetDevice(index), "cudaSetDevice"};
}

DeviceStatus synchronize(Stream stream) {
  return {cudaStreamSynchronize(static_cast<cudaStream_t>(stream)), "cudaStreamSynchronize"};
}

const char* error_text(const DeviceStatus& status) {
  return cudaGetErrorString(static_cast<cudaError_t>(status.error));
}

bool device_lost() {
  cudaGetLastError();  // an error that does not stick is over with this
  return cudaFree(nullptr) != cudaSuccess;
}

#else

const char* device_backend_name() { return "emulated"; }

bool device_available(const char**) { return true; }

int device_count() { return 1; }

DeviceStatus select_device(int, int* previous) {
  if (previous != nullptr) *previous = 0;
  return {};
}

DeviceStatus synchronize(Stream) { return {}; }

const char* error_text(const DeviceStatus&) { return emulation::report(); }

bool device_lost() { return emulation::failed(); }

#endif

}  // namespace rlkd::kernels::cuda
