/*
 * What every launcher of the device backend takes and returns. The device backend is namespace
 * rlkd::kernels::cuda: its sources (cuda/NAME.cu) are compiled by nvcc for a GPU or, in test builds without
 * nvcc, by the C++ compiler under emulation/; a build has one of the two.
 *
 * A launcher puts its kernels on the stream and returns. Pointers are device memory, and must stay valid
 * until the stream has passed the work.
 */
#pragma once

namespace rlkd::kernels {

/** A cudaStream_t; null is the default stream. The emulation takes null alone and has finished on return. */
using Stream = void*;

/** Outcome of a launch: a cudaError_t and the kernel or runtime call that met it. 0 is success. */
struct DeviceStatus {
  int error = 0;
  const char* where = "";

  explicit operator bool() const { return error == 0; }
};

namespace cuda {

/** "cuda" or "emulated". */
const char* device_backend_name();

/** Whether a device can run kernels of this build now; if not, *reason says why (static storage). */
bool device_available(const char** reason);

/** Devices that this process sees; the emulation is one. */
int device_count();

/** Makes `index` the calling thread's device; *previous, if not null, becomes the one before. */
DeviceStatus select_device(int index, int* previous);

/** Waits until the stream has finished; reports what its kernels met. */
DeviceStatus synchronize(Stream stream);

/** CUDA's text for the failure or, emulated, the report of the executor. Valid until the next launch. */
const char* error_text(const DeviceStatus& status);

/** After a failure: whether every later call will fail, because a kernel broke the process's context. */
bool device_lost();

}  // namespace cuda

}  // namespace rlkd::kernels
