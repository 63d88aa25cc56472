/*
 * OpenBLAS on the OpenMP pool of librlkd: see rlkd.h. OpenBLAS's level-3 driver has its jobs wait for each other's
 * packed panels, so all jobs of a call must run at the same time, each on a thread of its own.
 */
#include <omp.h>

#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "error.h"

namespace {

// openblas/cblas.h: openblas_dojob_callback, openblas_threads_callback.
using Job = void (*)(int thread, void* data, int buffer);
using RunJobs = void (*)(int sync, Job job, int count, size_t data_size, void* data, int buffer);
using SetRunJobs = void (*)(RunJobs);

void on_own_threads(Job job, int count, size_t data_size, char* data, int buffer) {
  std::vector<std::thread> threads;
  for (int i = 1; i < count; ++i) threads.emplace_back(job, i, data + i * data_size, buffer);
  job(0, data, buffer);
  for (std::thread& thread : threads) thread.join();
}

void run_jobs(int /*sync*/, Job job, int count, size_t data_size, void* all_data, int buffer) {
  // A job's number is that of the scratch memory it works in: calls from several threads take turns.
  static std::mutex turn;
  const std::lock_guard<std::mutex> lock(turn);
  char* data = static_cast<char*>(all_data);
  bool done = false;
  if (omp_in_parallel() == 0) {
#pragma omp parallel num_threads(count)
    if (omp_get_num_threads() == count) {
      const int i = omp_get_thread_num();
      job(i, data + i * data_size, buffer);
      if (i == 0) done = true;
    }
  }
  if (!done) on_own_threads(job, count, data_size, data, buffer);  // nested, or a limit on OpenMP's threads
}

}  // namespace

extern "C" rlkd_status rlkd_openblas_use_openmp(void* set_threads_callback) {
  return rlkd::native::guard("rlkd_openblas_use_openmp", [&] {
    if (set_threads_callback == nullptr) {
      rlkd::native::invalid(
          "set_threads_callback is NULL, expected the address of openblas_set_threads_callback_function");
    }
    reinterpret_cast<SetRunJobs>(set_threads_callback)(run_jobs);
  });
}
