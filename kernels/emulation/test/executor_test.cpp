/* The executor runs kernels as CUDA would, and reports the mistakes that a device would punish at random. */
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <numeric>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "device/launch.cuh"
#include "device/reduce.cuh"
#include "rlkd/kernels/device.h"

namespace rlkd::kernels::cuda {
namespace {

class ExecutorTest : public ::testing::Test {
 protected:
  ~ExecutorTest() override {
    emulation::reset();
    unsetenv("RLKD_EMULATION_ORDER");
  }
  /** The launch failed and its report has every part. */
  ::testing::AssertionResult faulted(const DeviceStatus& status, std::initializer_list<const char*> parts) {
    const std::string report = emulation::report();
    if (status.error != emulation::kLaunchFailure) {
      return ::testing::AssertionFailure() << "error " << status.error << " (" << report << "), expected 719";
    }
    for (const char* part : parts) {
      if (report.find(part) == std::string::npos) {
        return ::testing::AssertionFailure() << "\"" << report << "\" does not say \"" << part << "\"";
      }
    }
    return ::testing::AssertionSuccess();
  }
};

__global__ void count_threads(int* counts) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  ++counts[block * blockDim.x * blockDim.y * blockDim.z + thread];
}

TEST_F(ExecutorTest, every_thread_of_every_block_runs_once) {
  std::vector<int> counts(2 * 3 * 2 * 8 * 4 * 2, 0);
  ASSERT_TRUE(launch("count", count_threads, {dim3(2, 3, 2), dim3(8, 4, 2)}, nullptr, counts.data()));
  EXPECT_EQ(counts, std::vector<int>(counts.size(), 1));
}

__global__ void reverse_in_block(float* values) {
  __shared__ float buffer[64];
  buffer[threadIdx.x] = values[blockIdx.x * 64 + threadIdx.x];
  __syncthreads();
  values[blockIdx.x * 64 + threadIdx.x] = buffer[63 - threadIdx.x];
}

__global__ void reverse_without_barrier(float* values) {
  __shared__ float buffer[64];
  buffer[threadIdx.x] = values[threadIdx.x];
  values[threadIdx.x] = buffer[63 - threadIdx.x];
}

TEST_F(ExecutorTest, a_barrier_makes_shared_memory_visible_in_every_order) {
  for (const char* seed : {"", "1", "2", "3"}) {
    setenv("RLKD_EMULATION_ORDER", seed, 1);
    std::vector<float> values(3 * 64);
    std::iota(values.begin(), values.end(), 0.0f);
    ASSERT_TRUE(launch("reverse", reverse_in_block, {3, 64}, nullptr, values.data())) << emulation::report();
    for (int i = 0; i < 3 * 64; ++i) {
      EXPECT_EQ(values[static_cast<size_t>(i)], static_cast<float>(i / 64 * 64 + 63 - i % 64));
    }
  }
}

#if !RLKD_RACE_CHECKED
TEST_F(ExecutorTest, a_missing_barrier_shows_in_the_results) {
  std::vector<float> values(64);
  std::iota(values.begin(), values.end(), 0.0f);
  ASSERT_TRUE(launch("reverse", reverse_without_barrier, {1, 64}, nullptr, values.data()));
  EXPECT_NE(values[0], 63);
}

// Works in the natural order by luck: each thread reads what its left neighbour wrote just before.
__global__ void prefix_by_luck(int* sums) {
  sums[threadIdx.x] = threadIdx.x == 0 ? 1 : sums[threadIdx.x - 1] + 1;
}

TEST_F(ExecutorTest, a_permuted_order_shows_what_the_natural_order_hides) {
  std::vector<int> sums(32, 0);
  ASSERT_TRUE(launch("prefix", prefix_by_luck, {1, 32}, nullptr, sums.data()));
  EXPECT_EQ(sums[31], 32);
  setenv("RLKD_EMULATION_ORDER", "7", 1);
  sums.assign(32, 0);
  ASSERT_TRUE(launch("prefix", prefix_by_luck, {1, 32}, nullptr, sums.data()));
  EXPECT_NE(sums[31], 32);
}
#endif

__global__ void warp_operations(int* out) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  int* mine = out + threadIdx.x * 8;
  mine[0] = __shfl_sync(kFullWarp, lane * 10, 5);
  mine[1] = __shfl_xor_sync(kFullWarp, lane, 3);
  mine[2] = __shfl_down_sync(kFullWarp, lane, 4);
  mine[3] = __shfl_up_sync(kFullWarp, lane, 4);
  mine[4] = __shfl_xor_sync(kFullWarp, lane, 5, 8);
  mine[5] = static_cast<int>(__ballot_sync(kFullWarp, lane % 3 == 0));
  mine[6] = __any_sync(kFullWarp, lane == 31) + 2 * __all_sync(kFullWarp, lane < 32) +
            4 * __all_sync(kFullWarp, lane < 31);
  mine[7] = lane < 16 ? __shfl_sync(0xFFFFu, lane, 2) : __shfl_sync(0xFFFF0000u, lane, 18);
}

TEST_F(ExecutorTest, warp_operations_follow_the_programming_guide) {
  for (const char* seed : {"", "4"}) {
    setenv("RLKD_EMULATION_ORDER", seed, 1);
    std::vector<int> out(64 * 8, -1);
    ASSERT_TRUE(launch("warp", warp_operations, {1, 64}, nullptr, out.data()));
    unsigned thirds = 0;
    for (unsigned i = 0; i < 32; i += 3) thirds |= 1u << i;
    for (int t = 0; t < 64; ++t) {
      const int lane = t % 32;
      const int* mine = &out[static_cast<size_t>(t) * 8];
      EXPECT_EQ(mine[0], 50);
      EXPECT_EQ(mine[1], lane ^ 3);
      EXPECT_EQ(mine[2], lane + 4 < 32 ? lane + 4 : lane);
      EXPECT_EQ(mine[3], lane >= 4 ? lane - 4 : lane);
      EXPECT_EQ(mine[4], lane ^ 5);
      EXPECT_EQ(static_cast<unsigned>(mine[5]), thirds);
      EXPECT_EQ(mine[6], 3);
      EXPECT_EQ(mine[7], lane < 16 ? 2 : 18);
    }
  }
}

__global__ void reductions(const double* values, double* sums, double* largest) {
  __shared__ double scratch[4];
  const double value = values[blockIdx.x * 128 + threadIdx.x];
  const double sum = block_reduce<128>(value, Sum{}, scratch);
  const double most = block_reduce<128>(value, Max{}, scratch);
  if (threadIdx.x == 77) {
    sums[blockIdx.x] = sum;
    largest[blockIdx.x] = most;
  }
}

TEST_F(ExecutorTest, block_reductions_reach_every_thread_and_nan_wins_a_maximum) {
  std::vector<double> values(2 * 128), sums(2), largest(2);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i * 37 % 101);
  values[128 + 40] = NAN;
  ASSERT_TRUE(
      launch("reductions", reductions, {2, 128}, nullptr, values.data(), sums.data(), largest.data()));
  EXPECT_EQ(sums[0], std::accumulate(values.begin(), values.begin() + 128, 0.0));
  EXPECT_EQ(largest[0], *std::max_element(values.begin(), values.begin() + 128));
  EXPECT_TRUE(std::isnan(largest[1]));
}

__global__ void add_atomically(int* total, unsigned long long* bits) {
  atomicAdd(total, 1);
  atomicOr(bits, 1ull << threadIdx.x);
}

TEST_F(ExecutorTest, atomics_lose_nothing) {
  int total = 0;
  unsigned long long bits = 0;
  ASSERT_TRUE(launch("atomics", add_atomically, {5, 64}, nullptr, &total, &bits));
  EXPECT_EQ(total, 5 * 64);
  EXPECT_EQ(bits, ~0ull);
}

#if !RLKD_RACE_CHECKED
__global__ void read_fresh_memory(float* out) { out[threadIdx.x] = dynamic_shared<float>()[threadIdx.x]; }

TEST_F(ExecutorTest, dynamic_shared_memory_starts_as_poison) {
  std::vector<float> out(32, 0);
  ASSERT_TRUE(launch("fresh", read_fresh_memory, {1, 32, 32 * sizeof(float)}, nullptr, out.data()));
  for (const float value : out) EXPECT_TRUE(std::isnan(value));
}
#endif

__global__ void skip_barrier(int last) {
  if (static_cast<int>(threadIdx.x) < last) __syncthreads();
}

TEST_F(ExecutorTest, a_barrier_that_not_all_threads_reach_is_a_deadlock_with_places) {
  EXPECT_TRUE(launch("skip_barrier", skip_barrier, {1, 96}, nullptr, 96));
  EXPECT_TRUE(
      faulted(launch("skip_barrier", skip_barrier, {2, 96}, nullptr, 90),
              {"skip_barrier", "block (0,0,0)", "deadlock",
               "90 threads at the barrier at executor_test.cpp:", "6 threads returned (first (90,0,0))"}));
}

__global__ void two_barriers() {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

TEST_F(ExecutorTest, a_barrier_met_at_two_places_is_reported) {
  EXPECT_TRUE(
      faulted(launch("two_barriers", two_barriers, {1, 64}, nullptr),
              {"waits at the barrier at executor_test.cpp:", "waits at the one at executor_test.cpp:"}));
}

__global__ void lose_a_lane(int* out) {
  if (threadIdx.x != 9) *out = __shfl_sync(kFullWarp, 1, 0);
}

TEST_F(ExecutorTest, a_warp_operation_that_a_lane_of_its_mask_misses_is_a_deadlock) {
  int out = 0;
  EXPECT_TRUE(faulted(launch("lose_a_lane", lose_a_lane, {1, 32}, nullptr, &out),
                      {"deadlock", "31 threads at the warp operation", "1 thread returned (first (9,0,0))"}));
}

__global__ void stray_lane() { __syncwarp(0x0000FFFFu); }

TEST_F(ExecutorTest, a_lane_outside_of_the_mask_is_reported) {
  EXPECT_TRUE(faulted(launch("stray_lane", stray_lane, {1, 32}, nullptr), {"mask does not have its lane"}));
}

__global__ void shuffle_from_outside(int* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_sync(0xFFFFu, 1, 20);
}

TEST_F(ExecutorTest, a_shuffle_from_a_lane_outside_of_the_mask_is_reported) {
  int out[16];
  EXPECT_TRUE(faulted(launch("outside", shuffle_from_outside, {1, 32}, nullptr, out),
                      {"not in the mask", "thread ("}));
}

TEST_F(ExecutorTest, a_failure_sticks_until_it_is_reset) {
  std::vector<int> counts(32, 0);
  ASSERT_FALSE(launch("skip_barrier", skip_barrier, {1, 32}, nullptr, 3));
  const std::string report = emulation::report();
  EXPECT_TRUE(faulted(launch("count", count_threads, {1, 32}, nullptr, counts.data()), {"skip_barrier"}));
  EXPECT_EQ(emulation::report(), report);
  EXPECT_TRUE(device_lost());
  emulation::reset();
  EXPECT_TRUE(launch("count", count_threads, {1, 32}, nullptr, counts.data()));
  EXPECT_EQ(counts, std::vector<int>(32, 1));
}

TEST_F(ExecutorTest, a_launch_that_no_device_takes_is_refused) {
  int* none = nullptr;
  for (const unsigned threads : {0u, 33u, 1056u}) {
    const DeviceStatus status = launch("count", count_threads, {1, threads}, nullptr, none);
    EXPECT_EQ(status.error, emulation::kInvalidConfiguration) << threads;
  }
  const LaunchShape tall{dim3(1, 65536), 32}, greedy{1, 32, 100 * 1024};
  EXPECT_EQ(launch("count", count_threads, tall, nullptr, none).error, emulation::kInvalidConfiguration);
  EXPECT_EQ(launch("count", count_threads, greedy, nullptr, none).error, emulation::kInvalidConfiguration);
  EXPECT_FALSE(device_lost());
  EXPECT_TRUE(launch("count", count_threads, {0, 32}, nullptr, none)) << "an empty grid is no launch";
}

__global__ void copy_asynchronously(const uint4* in, uint4* early, uint4* out) {
  auto* buffer = dynamic_shared<uint4>();
  buffer[threadIdx.x] = uint4{9, 9, 9, 9};
  emulation::async_copy(&buffer[threadIdx.x], &in[threadIdx.x], sizeof(uint4));
  emulation::async_commit();
  early[threadIdx.x] = buffer[threadIdx.x];
  emulation::async_wait(0);
  out[threadIdx.x] = buffer[threadIdx.x];
}

TEST_F(ExecutorTest, an_asynchronous_copy_has_not_happened_before_the_wait) {
  std::vector<uint4> in(32), early(32), out(32);
  for (unsigned i = 0; i < 32; ++i) in[i] = {i, i + 1, i + 2, i + 3};
  ASSERT_TRUE(launch("copy", copy_asynchronously, {1, 32, 32 * sizeof(uint4)}, nullptr, in.data(),
                     early.data(), out.data()));
  for (unsigned i = 0; i < 32; ++i) {
    EXPECT_EQ(early[i].x, 9u);
    EXPECT_EQ(out[i].w, i + 3);
  }
}

__global__ void forget_the_wait(const uint4* in) {
  emulation::async_copy(&dynamic_shared<uint4>()[threadIdx.x], &in[threadIdx.x], sizeof(uint4));
  emulation::async_commit();
}

TEST_F(ExecutorTest, a_copy_that_nobody_waits_for_is_reported) {
  const std::vector<uint4> in(32);
  EXPECT_TRUE(faulted(launch("forget", forget_the_wait, {1, 32, 32 * sizeof(uint4)}, nullptr, in.data()),
                      {"asynchronous copies"}));
}

#if defined(__SANITIZE_ADDRESS__)
__global__ void write_behind_dynamic_memory() { dynamic_shared<float>()[threadIdx.x + 1] = 1; }

TEST_F(ExecutorTest, address_sanitizer_sees_a_write_behind_dynamic_shared_memory) {
  EXPECT_DEATH(launch("behind", write_behind_dynamic_memory, {1, 32, 32 * sizeof(float)}, nullptr),
               "heap-buffer-overflow");
}

__global__ void write_behind_static_memory(int index, float* out) {
  __shared__ float buffer[32];
  buffer[threadIdx.x + static_cast<unsigned>(index)] = 1;
  out[threadIdx.x] = buffer[threadIdx.x];
}

TEST_F(ExecutorTest, address_sanitizer_sees_a_write_behind_static_shared_memory) {
  float out[32];
  ASSERT_TRUE(launch("behind", write_behind_static_memory, {1, 32}, nullptr, 0, out));
  // UBSan's bounds check and AddressSanitizer's red zone both know the end of an array.
  EXPECT_DEATH(launch("behind", write_behind_static_memory, {1, 32}, nullptr, 1, out),
               "global-buffer-overflow|out of bounds");
}

__global__ void misaligned_pack(const float* in, float* out) {
  *reinterpret_cast<uint4*>(out) = *reinterpret_cast<const uint4*>(in + 1);
}

TEST_F(ExecutorTest, undefined_behaviour_sanitizer_sees_a_misaligned_128_bit_load) {
  alignas(16) float in[8] = {}, out[8] = {};
  EXPECT_DEATH(launch("misaligned", misaligned_pack, {1, 32}, nullptr, in, out), "misaligned address");
}
#endif

/* ---- Races ------------------------------------------------------------------------------------------------------ */

#if RLKD_RACE_CHECKED

TEST_F(ExecutorTest, a_missing_barrier_is_a_race_or_a_read_of_unwritten_memory) {
  std::vector<float> values(64);
  EXPECT_TRUE(faulted(launch("reverse", reverse_without_barrier, {1, 64}, nullptr, values.data()),
                      {"reads shared memory that no thread of its block has written"}));
}

__global__ void overwrite_before_all_have_read(float* out) {
  __shared__ float buffer[64];
  for (int round = 0; round < 2; ++round) {
    buffer[threadIdx.x] = static_cast<float>(round);
    __syncthreads();
    out[threadIdx.x] = buffer[63 - threadIdx.x];
    // a second barrier is missing here
  }
}

TEST_F(ExecutorTest, a_missing_second_barrier_of_a_loop_is_a_race) {
  std::vector<float> out(64);
  EXPECT_TRUE(faulted(launch("overwrite", overwrite_before_all_have_read, {1, 64}, nullptr, out.data()),
                      {"race", "of shared memory", "is not ordered after the"}));
}

__global__ void neighbours(float* out, bool synchronised) {
  __shared__ float buffer[32];
  buffer[threadIdx.x] = static_cast<float>(threadIdx.x);
  if (synchronised) {
    __syncwarp();
  } else {
    __shfl_sync(kFullWarp, 0, 0);  // meets, but orders no memory
  }
  out[threadIdx.x] = buffer[(threadIdx.x + 1) % 32];
}

TEST_F(ExecutorTest, within_a_warp_syncwarp_orders_memory_and_a_shuffle_does_not) {
  std::vector<float> out(32);
  EXPECT_TRUE(launch("neighbours", neighbours, {1, 32}, nullptr, out.data(), true));
  EXPECT_TRUE(faulted(launch("neighbours", neighbours, {1, 32}, nullptr, out.data(), false), {"race"}));
}

__global__ void every_block_writes(int* out) { *out = static_cast<int>(blockIdx.x); }

TEST_F(ExecutorTest, two_writers_of_one_address_are_a_race_within_and_across_blocks) {
  int out = 0;
  EXPECT_TRUE(
      faulted(launch("writers", every_block_writes, {1, 32}, nullptr, &out), {"race", "global memory"}));
}

__global__ void leaders_write(int* out) {
  if (threadIdx.x == 0) *out = static_cast<int>(blockIdx.x);
}

TEST_F(ExecutorTest, blocks_are_not_ordered) {
  int out = 0;
  EXPECT_TRUE(launch("leaders", leaders_write, {1, 32}, nullptr, &out));
  EXPECT_TRUE(faulted(launch("leaders", leaders_write, {2, 32}, nullptr, &out), {"race", "of block"}));
}

enum Fence { kBefore, kAfter, kNone };

__global__ void last_block_sums(const float* values, float* partial, int* done, float* total, int fence) {
  __shared__ float scratch[1];
  __shared__ bool last;
  const float sum = block_reduce<32>(values[blockIdx.x * 32 + threadIdx.x], Sum{}, scratch);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = sum;
    if (fence == kBefore) __threadfence();
    last = atomicAdd(done, 1) == static_cast<int>(gridDim.x) - 1;
    if (fence == kAfter) __threadfence();
  }
  __syncthreads();
  if (!last || threadIdx.x != 0) return;
  float all = 0;
  for (unsigned b = 0; b < gridDim.x; ++b) all += partial[b];
  *total = all;
}

TEST_F(ExecutorTest, a_last_block_that_gathers_needs_the_fence) {
  const std::vector<float> values(4 * 32, 1);
  std::vector<float> partial(4);
  for (const char* seed : {"", "5"}) {
    setenv("RLKD_EMULATION_ORDER", seed, 1);
    int done = 0;
    float total = 0;
    ASSERT_TRUE(launch("gather", last_block_sums, {4, 32}, nullptr, values.data(), partial.data(), &done,
                       &total, static_cast<int>(kBefore)));
    EXPECT_EQ(total, 128);
  }
  for (const int late : {static_cast<int>(kAfter), static_cast<int>(kNone)}) {
    emulation::reset();
    int done = 0;
    float total = 0;
    EXPECT_TRUE(faulted(launch("gather", last_block_sums, {4, 32}, nullptr, values.data(), partial.data(),
                               &done, &total, late),
                        {"race", "read of global memory"}));
  }
}

__global__ void read_anothers_copy(const uint4* in, unsigned* out) {
  auto* buffer = dynamic_shared<uint4>();
  emulation::async_copy(&buffer[threadIdx.x], &in[threadIdx.x], sizeof(uint4));
  emulation::async_commit();
  emulation::async_wait(0);
  out[threadIdx.x] = buffer[31 - threadIdx.x].x;  // waits order one's own copies alone
}

TEST_F(ExecutorTest, an_asynchronous_copy_by_another_thread_needs_a_barrier) {
  const std::vector<uint4> in(32);
  std::vector<unsigned> out(32);
  EXPECT_TRUE(faulted(
      launch("copies", read_anothers_copy, {1, 32, 32 * sizeof(uint4)}, nullptr, in.data(), out.data()),
      {"shared memory"}));
}

#endif

}  // namespace
}  // namespace rlkd::kernels::cuda
