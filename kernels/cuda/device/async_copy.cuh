/*
 * Asynchronous copies from global to shared memory (cp.async). A thread's copies since its last async_commit()
 * are one group; a group's bytes may be read by the thread after an async_wait that covers it, by others after a
 * barrier that follows.
 */
#pragma once

#include "device/platform.cuh"

namespace rlkd::kernels::cuda {

/**
 * Starts a copy of 16 bytes, past the L1 cache: the first `valid` (0 to 16) are read, the others become 0.
 * `shared` and `global` are 16-byte aligned; where valid is 0 nothing is read, wherever
 * `global` points.
 */
__device__ __forceinline__ void async_copy_16(void* shared, const void* global, int valid) {
#if defined(__CUDACC__)
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global), "r"(valid)
               : "memory");
#else
  if (reinterpret_cast<uintptr_t>(shared) % 16 != 0 || reinterpret_cast<uintptr_t>(global) % 16 != 0) {
    ::rlkd::emulation::fault(
        "starts an asynchronous copy of 16 bytes at addresses that are not multiples of 16");
  }
  if (valid < 0 || valid > 16) ::rlkd::emulation::fault("starts a copy of 16 bytes with fewer or more valid");
  const auto count = static_cast<size_t>(valid);
  if (count > 0) ::rlkd::emulation::async_copy(shared, global, count);
  if (count < 16) ::rlkd::emulation::async_copy(static_cast<char*>(shared) + count, nullptr, 16 - count);
#endif
}

/** async_copy_16 where `condition` holds, else nothing; without a branch. */
__device__ __forceinline__ void async_copy_16_if(bool condition, void* shared, const void* global,
                                                 int valid) {
#if defined(__CUDACC__)
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  asm volatile(
      "{ .reg .pred p; setp.ne.b32 p, %3, 0; @p cp.async.cg.shared.global [%0], [%1], 16, %2; }" ::"r"(
          address),
      "l"(global), "r"(valid), "r"(static_cast<int>(condition))
      : "memory");
#else
  if (condition) async_copy_16(shared, global, valid);
#endif
}

/** Ends the thread's group of copies; a group may be empty. */
__device__ __forceinline__ void async_commit() {
#if defined(__CUDACC__)
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  ::rlkd::emulation::async_commit();
#endif
}

/** Waits until at most kPending of the thread's latest groups are unfinished. */
template <int kPending>
__device__ __forceinline__ void async_wait() {
#if defined(__CUDACC__)
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#else
  ::rlkd::emulation::async_wait(kPending);
#endif
}

}  // namespace rlkd::kernels::cuda
