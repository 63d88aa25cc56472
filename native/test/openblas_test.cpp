#include <gtest/gtest.h>
#include <omp.h>

#include <atomic>
#include <thread>
#include <vector>

#include "rlkd.h"

namespace {

using Job = void (*)(int, void*, int);
using RunJobs = void (*)(int, Job, int, size_t, void*, int);

RunJobs installed = nullptr;

void set_callback(RunJobs callback) { installed = callback; }

/** What OpenBLAS would call. */
RunJobs runner() {
  EXPECT_EQ(rlkd_openblas_use_openmp(reinterpret_cast<void*>(&set_callback)), RLKD_OK);
  return installed;
}

struct Share {
  std::atomic<int>* arrived;
  int expected;
  int thread;
  int buffer;
  int runs;
};

/** As in a product, nobody goes on before all have come. */
void meet(int thread, void* data, int buffer) {
  Share& share = *static_cast<Share*>(data);
  share.thread = thread;
  share.buffer = buffer;
  ++share.runs;
  ++*share.arrived;
  while (*share.arrived < share.expected) std::this_thread::yield();
}

void expect_all_meet(RunJobs run, int count) {
  std::atomic<int> arrived{0};
  std::vector<Share> shares;
  for (int i = 0; i < count; ++i) shares.push_back({&arrived, count, -1, -1, 0});
  run(1, meet, count, sizeof(Share), shares.data(), 7);
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(shares[i].thread, i);
    EXPECT_EQ(shares[i].buffer, 7);
    EXPECT_EQ(shares[i].runs, 1);
  }
}

std::atomic<int> inside{0};
std::atomic<bool> overlapped{false};

void alone_with_its_number(int thread, void*, int) {
  if (thread != 0) return;
  if (++inside > 1) overlapped = true;
  std::this_thread::yield();
  --inside;
}

}  // namespace

TEST(Openblas, jobs_that_wait_for_each_other_all_run) {
  for (int count = 1; count <= 9; ++count) expect_all_meet(runner(), count);
}

TEST(Openblas, so_they_do_with_fewer_openmp_threads) {
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  expect_all_meet(runner(), 4);
  omp_set_num_threads(threads);
}

TEST(Openblas, so_they_do_inside_a_parallel_region) {
  const RunJobs run = runner();
#pragma omp parallel num_threads(2)
  expect_all_meet(run, 3);
}

TEST(Openblas, calls_of_several_threads_take_turns) {
  const RunJobs run = runner();
  std::vector<std::thread> callers;
  for (int c = 0; c < 3; ++c) {
    callers.emplace_back([run] {
      char data[2] = {};
      for (int i = 0; i < 200; ++i) run(1, alone_with_its_number, 2, 1, data, 0);
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_FALSE(overlapped);
}

TEST(Openblas, a_missing_setter_is_refused) {
  EXPECT_EQ(rlkd_openblas_use_openmp(nullptr), RLKD_INVALID_ARGUMENT);
  EXPECT_NE(std::string(rlkd_last_error()).find("openblas_set_threads_callback_function"), std::string::npos);
}
