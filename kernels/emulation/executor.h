/*
 * The executor: runs one grid after another on the calling thread. The blocks of a grid run one by one, the
 * threads of a block as fibers that run until they wait: at a barrier, at a warp operation, or at their end.
 *
 * RLKD_EMULATION_ORDER=SEED permutes the order of blocks, and of threads anew after every barrier: what works
 * in the natural order by luck alone fails then.
 *
 * Faults end the launch with kLaunchFailure and a report: a barrier that not all threads of the block reach
 * or that they reach at different places, a warp operation that not all lanes of its mask reach, and what an
 * AccessObserver objects to. As on a device the failure sticks: later launches fail with the same report
 * until reset().
 *
 * Stricter than a device, to keep the kernels portable: blocks are whole warps, and a thread may not return
 * while others of its block still meet barriers.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace rlkd::emulation {

struct Extent {
  unsigned x = 1, y = 1, z = 1;
  size_t count() const { return static_cast<size_t>(x) * y * z; }
};

struct Index {
  unsigned x = 0, y = 0, z = 0;
};

/** Where in a kernel's source an operation stands. */
struct Site {
  const char* file;
  int line;
};

/** What kernel code sees of itself; `current` is the running thread's. */
struct ThreadView {
  Index thread_index;
  Index block_index;
  Extent block_extent;
  Extent grid_extent;
};
extern ThreadView* current;

/** CUDA's numbers. */
inline constexpr int kInvalidConfiguration = 9;  // cudaErrorInvalidConfiguration
inline constexpr int kLaunchFailure = 719;       // cudaErrorLaunchFailure

/** Limits of sm_80 to sm_120 that a launch must keep. */
inline constexpr size_t kMaxThreadsPerBlock = 1024;
inline constexpr size_t kMaxDynamicShared = 99 * 1024;  // sm_120, the smallest
inline constexpr unsigned kWarpSize = 32;

struct Launch {
  const char* kernel;
  Extent grid;
  Extent block;
  size_t dynamic_shared;
  void (*body)(const void* arguments);
  const void* arguments;
};

/** Runs the grid to its end. Returns 0 or a CUDA error number; report() says more. Any thread may call; one
 * launch runs at a time. */
int run(const Launch& launch);

/** What the last failing launch met. */
const char* report();

/** Whether a failure sticks. */
bool failed();

/** Forgets a failure that sticks. */
void reset();

/* ---- Called by kernel code, through emulation/cuda.h -------------------------------------------------------- */

void barrier(Site site);
/** Barrier of the lanes in `mask`, ordering their memory accesses. */
void warp_barrier(unsigned mask, Site site);

/** Gives `value` to the other lanes of `mask`, which all call this at the same place: element i of the result
 * is lane i's value (zeros for lanes outside of the mask), valid until the lane's next warp operation. */
struct WarpValues {
  static constexpr size_t kMaxSize = 64;
  alignas(16) unsigned char lane[kWarpSize][kMaxSize];
};
const WarpValues& warp_exchange(unsigned mask, const void* value, size_t size, Site site);
unsigned lane();

void* dynamic_shared_memory();
void thread_fence();

/** cp.async: the copy takes place when a wait says that it has; `source` null writes zeros. */
void async_copy(void* destination, const void* source, size_t size);
void async_commit();
/** Waits until at most `pending` of the thread's latest groups are unfinished. */
void async_wait(size_t pending);

/** Ends the launch with a fault; must be called by a running kernel thread and does not return. */
[[noreturn]] void fault(const std::string& what);

/** The same for an AccessObserver: no exception may pass through a memory access, so the thread just stops. */
[[noreturn]] void fault_in_access(const std::string& what);

/** "block (1,0,0) thread (3,0,0)" of the running thread. */
std::string position();

/* ---- Observation, for the race check ------------------------------------------------------------------------- */

/** Where the running thread stands in the order of the grid's events. */
struct Moment {
  uint64_t launch;          // number of the launch in this process
  uint32_t block;           // linear index
  uint32_t thread;          // linear index in the block
  uint32_t block_barriers;  // passed by the block
  uint32_t warp_barriers;   // passed by the thread
};

class AccessObserver {
 public:
  virtual ~AccessObserver() = default;
  virtual void read(const Moment& now, const void* address, size_t size) = 0;
  virtual void write(const Moment& now, const void* address, size_t size) = 0;
  virtual void atomic(const Moment& now, const void* address, size_t size) = 0;
  virtual void fence(const Moment& now) = 0;
  virtual void begin_block(const Moment& now, const void* dynamic_shared, size_t size) = 0;
};

/** Null to stop. The observer must outlive the launches it watches. */
void observe(AccessObserver* observer);

/** To be called by the instrumentation; nothing happens outside of a running kernel thread or for the thread's
 * own stack. */
void observed_read(const void* address, size_t size);
void observed_write(const void* address, size_t size);
void observed_atomic(const void* address, size_t size);

}  // namespace rlkd::emulation
