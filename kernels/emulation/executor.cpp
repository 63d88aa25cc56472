#include "emulation/executor.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <random>
#include <vector>

#include "emulation/fiber.h"

namespace rlkd::emulation {

ThreadView* current = nullptr;

namespace {

/** Lanes that meet for one warp operation. */
struct Rendezvous {
  unsigned mask;
  unsigned arrived = 0;
  unsigned reading = 0;  // lanes that hold the values
  size_t size;
  Site site;
  WarpValues values{};
};

struct AsyncCopy {
  void* destination;
  const void* source;
  size_t size;
};

/** Takes a thread that met a fault out of its kernel. */
struct Fault {};

enum class State { ready, at_barrier, at_warp_operation, returned };

struct Thread {
  ThreadView view;  // first, so that `current` leads back here
  Context context;
  State state = State::ready;
  uint32_t index = 0;
  uint32_t warp_barriers = 0;
  Site site{};
  Rendezvous* rendezvous = nullptr;
  std::vector<AsyncCopy> open_group;
  std::deque<std::vector<AsyncCopy>> groups;
};

std::string text(const Index& i) {
  return "(" + std::to_string(i.x) + "," + std::to_string(i.y) + "," + std::to_string(i.z) + ")";
}

std::string text(const Site& site) {
  const char* name = std::strrchr(site.file, '/');
  return std::string(name == nullptr ? site.file : name + 1) + ":" + std::to_string(site.line);
}

/** Compared at every barrier and warp operation; equal names of one file are nearly always one string. */
bool same(const Site& a, const Site& b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

Index index_at(size_t linear, const Extent& extent) {
  return {static_cast<unsigned>(linear % extent.x), static_cast<unsigned>(linear / extent.x % extent.y),
          static_cast<unsigned>(linear / extent.x / extent.y)};
}

class Executor {
 public:
  int run(const Launch& launch);

  std::mutex& mutex() { return mutex_; }
  const std::string& report() const { return report_; }
  bool failed() const { return failed_; }
  void reset() {
    failed_ = false;
    report_.clear();
  }
  void observe(AccessObserver* observer) { observer_ = observer; }
  AccessObserver* observer() const { return observer_; }

  Thread& running() const { return *reinterpret_cast<Thread*>(current); }
  void barrier(Site site);
  const WarpValues& exchange(unsigned mask, const void* value, size_t size, Site site);
  void async_wait(size_t pending);
  void* dynamic_shared() { return dynamic_shared_.get(); }
  Moment moment() const;
  [[noreturn]] void fault(const std::string& what);
  [[noreturn]] void fault_in_access(const std::string& what);
  void thread_main();

 private:
  void record_fault(const std::string& what);
  int refuse(const Launch& launch, const std::string& what);
  void require_threads(size_t count);
  void run_block(size_t block);
  void wait(State state, Site site);
  std::string deadlock() const;
  std::vector<size_t> order(size_t count);

  std::mutex mutex_;
  std::string report_;
  bool failed_ = false;
  AccessObserver* observer_ = nullptr;

  FiberStacks stacks_;
  std::deque<Thread> threads_;  // stable addresses; fibers live on from block to block
  Context scheduler_;
  std::deque<Rendezvous> rendezvous_;
  const Launch* launch_ = nullptr;
  uint64_t launches_ = 0;
  uint32_t block_ = 0;
  uint32_t block_barriers_ = 0;
  size_t threads_in_block_ = 0;
  size_t at_barrier_ = 0;
  bool reorder_ = false;
  std::optional<std::mt19937_64> permutation_;
  std::unique_ptr<unsigned char[]> dynamic_shared_;
};

/** Whether kernel code runs: accesses of the executor itself, whose instantiations of templates the linker may share
 * with instrumented code, are not the kernel's. */
bool in_kernel = false;

/** For the length of a call from kernel code into the executor. */
struct OutsideOfKernel {
  OutsideOfKernel() { in_kernel = false; }
  ~OutsideOfKernel() { in_kernel = true; }
  OutsideOfKernel(const OutsideOfKernel&) = delete;
  OutsideOfKernel& operator=(const OutsideOfKernel&) = delete;
};

Executor& executor() {
  static Executor instance;
  return instance;
}

void fiber_entry() { executor().thread_main(); }

int Executor::run(const Launch& launch) {
  if (failed_) return kLaunchFailure;
  const size_t threads = launch.block.count();
  if (threads == 0 || threads > kMaxThreadsPerBlock || threads % kWarpSize != 0) {
    return refuse(launch, "a block of " + std::to_string(threads) +
                              " threads, expected a multiple of 32 from 32 to 1024");
  }
  if (launch.grid.y > 65535 || launch.grid.z > 65535 || launch.grid.x > INT32_MAX ||
      launch.grid.count() == 0) {
    return refuse(launch, "a grid of " + text(Index{launch.grid.x, launch.grid.y, launch.grid.z}) +
                              " blocks, expected 1 to (2147483647,65535,65535)");
  }
  if (launch.dynamic_shared > kMaxDynamicShared) {
    return refuse(launch, std::to_string(launch.dynamic_shared) +
                              " bytes of dynamic shared memory, expected at most " +
                              std::to_string(kMaxDynamicShared));
  }
  const char* seed = std::getenv("RLKD_EMULATION_ORDER");
  permutation_.reset();
  if (seed != nullptr && *seed != '\0') permutation_.emplace(std::strtoull(seed, nullptr, 10));

  launch_ = &launch;
  ++launches_;
  threads_in_block_ = threads;
  require_threads(threads);
  for (const size_t block : order(launch.grid.count())) {
    run_block(block);
    if (failed_) break;
  }
  launch_ = nullptr;
  dynamic_shared_.reset();
  if (!failed_) return 0;
  threads_.clear();  // fibers stand in the middle of the kernel
  rendezvous_.clear();
  return kLaunchFailure;
}

int Executor::refuse(const Launch& launch, const std::string& what) {
  report_ = std::string("kernel ") + launch.kernel + ": " + what;
  return kInvalidConfiguration;
}

void Executor::require_threads(size_t count) {
  if (threads_.size() >= count) return;
  threads_.clear();  // growing moves the stacks
  stacks_.require(count);
  for (size_t i = 0; i < count; ++i) {
    Thread& thread = threads_.emplace_back();
    thread.index = static_cast<uint32_t>(i);
    thread.state = State::returned;
    thread.context = stacks_.start(i, fiber_entry);
  }
}

std::vector<size_t> Executor::order(size_t count) {
  std::vector<size_t> indices(count);
  std::iota(indices.begin(), indices.end(), size_t{0});
  if (permutation_) std::shuffle(indices.begin(), indices.end(), *permutation_);
  return indices;
}

void Executor::run_block(size_t block) {
  block_ = static_cast<uint32_t>(block);
  block_barriers_ = 0;
  at_barrier_ = 0;
  // New memory for each block, so that AddressSanitizer sees its bounds; poison, as a device promises nothing.
  dynamic_shared_.reset(launch_->dynamic_shared == 0 ? nullptr : new unsigned char[launch_->dynamic_shared]);
  if (dynamic_shared_) std::memset(dynamic_shared_.get(), 0xFF, launch_->dynamic_shared);
  rendezvous_.clear();
  for (size_t i = 0; i < threads_in_block_; ++i) {
    Thread& thread = threads_[i];
    thread.view = {index_at(i, launch_->block), index_at(block, launch_->grid), launch_->block,
                   launch_->grid};
    thread.state = State::ready;
    thread.warp_barriers = 0;
    thread.rendezvous = nullptr;
    thread.open_group.clear();
    thread.groups.clear();
  }
  if (observer_ != nullptr) {
    current = &threads_[0].view;
    observer_->begin_block(moment(), dynamic_shared_.get(), launch_->dynamic_shared);
    current = nullptr;
  }

  std::vector<size_t> sequence = order(threads_in_block_);
  size_t returned = 0;
  while (returned < threads_in_block_) {
    bool ran = false;
    reorder_ = false;
    for (const size_t i : sequence) {
      Thread& thread = threads_[i];
      if (thread.state != State::ready) continue;
      ran = true;
      current = &thread.view;
      switch_context(scheduler_, thread.context);
      current = nullptr;
      if (failed_) return;
      if (thread.state == State::returned) ++returned;
    }
    if (!ran) {
      failed_ = true;
      report_ = deadlock();
      return;
    }
    if (reorder_ && permutation_) sequence = order(threads_in_block_);
  }
}

void Executor::thread_main() {
  entered_fiber(scheduler_);
  for (;;) {
    Thread& thread = running();
    try {
      in_kernel = true;
      launch_->body(launch_->arguments);
      if (!thread.open_group.empty() || !thread.groups.empty()) {
        fault("returns with asynchronous copies that it has not waited for");
      }
    } catch (const Fault&) {
    }
    in_kernel = false;
    thread.state = State::returned;
    switch_context(thread.context, scheduler_);
  }
}

void Executor::wait(State state, Site site) {
  Thread& thread = running();
  thread.state = state;
  thread.site = site;
  switch_context(thread.context, scheduler_);
}

void Executor::barrier(Site site) {
  if (++at_barrier_ < threads_in_block_) {
    wait(State::at_barrier, site);
    return;
  }
  for (size_t i = 0; i < threads_in_block_; ++i) {
    const Thread& other = threads_[i];
    if (&other != &running() && !same(other.site, site)) {
      fault("waits at the barrier at " + text(site) + " while thread " + text(other.view.thread_index) +
            " of its block waits at the one at " + text(other.site));
    }
  }
  at_barrier_ = 0;
  ++block_barriers_;
  reorder_ = true;
  for (size_t i = 0; i < threads_in_block_; ++i) threads_[i].state = State::ready;
  // The last to arrive goes to the end of the queue like everyone else.
  switch_context(running().context, scheduler_);
}

const WarpValues& Executor::exchange(unsigned mask, const void* value, size_t size, Site site) {
  Thread& thread = running();
  const unsigned lane = thread.index % kWarpSize;
  const unsigned warp = thread.index / kWarpSize;
  if ((mask >> lane & 1) == 0) {
    fault("meets the warp operation at " + text(site) + ", whose mask does not have its lane");
  }
  if (thread.rendezvous != nullptr) --thread.rendezvous->reading;
  thread.rendezvous = nullptr;

  // The lanes of the mask that wait already have opened the meeting.
  Rendezvous* meeting = nullptr;
  for (unsigned i = 0; i < kWarpSize; ++i) {
    const Thread& other = threads_[warp * kWarpSize + i];
    if (other.state == State::at_warp_operation && other.rendezvous->mask == mask) {
      meeting = other.rendezvous;
      break;
    }
  }
  if (meeting == nullptr) {
    for (Rendezvous& candidate : rendezvous_) {
      if (candidate.reading == 0) meeting = &candidate;
    }
    if (meeting == nullptr) meeting = &rendezvous_.emplace_back();
    meeting->mask = mask;
    meeting->arrived = 0;
    meeting->size = size;
    meeting->site = site;
    std::memset(&meeting->values, 0, sizeof meeting->values);
  } else if (!same(meeting->site, site) || meeting->size != size) {
    fault("meets the warp operation at " + text(site) + " while lanes of its mask wait at the one at " +
          text(meeting->site));
  }
  std::memcpy(meeting->values.lane[lane], value, size);
  meeting->arrived |= 1u << lane;
  ++meeting->reading;
  thread.rendezvous = meeting;
  if (meeting->arrived != mask) {
    wait(State::at_warp_operation, site);
  } else {
    for (unsigned i = 0; i < kWarpSize; ++i) {
      Thread& other = threads_[warp * kWarpSize + i];
      if (other.rendezvous == meeting) other.state = State::ready;
    }
  }
  return meeting->values;
}

std::string Executor::deadlock() const {
  struct Place {
    State state;
    std::string where;
    size_t threads;
    std::string first;
  };
  std::vector<Place> places;
  for (size_t i = 0; i < threads_in_block_; ++i) {
    const Thread& thread = threads_[i];
    const std::string where = thread.state == State::returned ? "" : text(thread.site);
    auto place = std::find_if(places.begin(), places.end(),
                              [&](const Place& p) { return p.state == thread.state && p.where == where; });
    if (place == places.end()) {
      places.push_back({thread.state, where, 1, text(thread.view.thread_index)});
    } else {
      ++place->threads;
    }
  }
  std::string what = std::string("kernel ") + launch_->kernel + ", block " +
                     text(index_at(block_, launch_->grid)) + ": deadlock:";
  for (const Place& place : places) {
    what += place.threads == 1 ? " 1 thread " : " " + std::to_string(place.threads) + " threads ";
    switch (place.state) {
      case State::at_barrier:
        what += "at the barrier at " + place.where;
        break;
      case State::at_warp_operation:
        what += "at the warp operation at " + place.where;
        break;
      default:
        what += "returned";
    }
    what += " (first " + place.first + ")";
    if (&place != &places.back()) what += ",";
  }
  return what;
}

void Executor::record_fault(const std::string& what) {
  failed_ = true;
  report_ = std::string("kernel ") + launch_->kernel + ", " + position() + " " + what;
}

void Executor::fault(const std::string& what) {
  record_fault(what);
  throw Fault{};
}

void Executor::fault_in_access(const std::string& what) {
  record_fault(what);
  for (;;) switch_context(running().context, scheduler_);
}

Moment Executor::moment() const {
  const Thread& thread = running();
  return {launches_, block_, thread.index, block_barriers_, thread.warp_barriers};
}

void Executor::async_wait(size_t pending) {
  Thread& thread = running();
  while (thread.groups.size() > pending) {
    for (const AsyncCopy& copy : thread.groups.front()) {
      if (observer_ != nullptr) {
        if (copy.source != nullptr) observer_->read(moment(), copy.source, copy.size);
        observer_->write(moment(), copy.destination, copy.size);
      }
      if (copy.source == nullptr) {
        std::memset(copy.destination, 0, copy.size);
      } else {
        std::memcpy(copy.destination, copy.source, copy.size);
      }
    }
    thread.groups.pop_front();
  }
}

bool on_own_stack(const void* address) {
  const Context& context = executor().running().context;
  const auto* low = static_cast<const char*>(context.stack_low);
  return address >= low && address < low + context.stack_size;
}

/** The observer if an access at `address` is of interest now. */
AccessObserver* interested(const void* address) {
  if (!in_kernel) return nullptr;
  AccessObserver* observer = executor().observer();
  return observer != nullptr && !on_own_stack(address) ? observer : nullptr;
}

}  // namespace

int run(const Launch& launch) {
  const std::lock_guard<std::mutex> lock(executor().mutex());
  return executor().run(launch);
}

const char* report() { return executor().report().c_str(); }

bool failed() {
  const std::lock_guard<std::mutex> lock(executor().mutex());
  return executor().failed();
}

void reset() {
  const std::lock_guard<std::mutex> lock(executor().mutex());
  executor().reset();
}

void barrier(Site site) {
  const OutsideOfKernel outside;
  executor().barrier(site);
}

void warp_barrier(unsigned mask, Site site) {
  const OutsideOfKernel outside;
  const unsigned char nothing = 0;
  executor().exchange(mask, &nothing, sizeof nothing, site);
  ++executor().running().warp_barriers;
}

const WarpValues& warp_exchange(unsigned mask, const void* value, size_t size, Site site) {
  const OutsideOfKernel outside;
  return executor().exchange(mask, value, size, site);
}

unsigned lane() { return executor().running().index % kWarpSize; }

void* dynamic_shared_memory() { return executor().dynamic_shared(); }

void thread_fence() {
  const OutsideOfKernel outside;
  if (AccessObserver* observer = executor().observer()) observer->fence(executor().moment());
}

void async_copy(void* destination, const void* source, size_t size) {
  const OutsideOfKernel outside;
  executor().running().open_group.push_back({destination, source, size});
}

void async_commit() {
  const OutsideOfKernel outside;
  Thread& thread = executor().running();
  thread.groups.push_back(std::move(thread.open_group));
  thread.open_group.clear();
}

void async_wait(size_t pending) {
  const OutsideOfKernel outside;
  executor().async_wait(pending);
}

void fault(const std::string& what) {
  in_kernel = false;
  executor().fault(what);
}

void fault_in_access(const std::string& what) { executor().fault_in_access(what); }

std::string position() {
  return "block " + text(current->block_index) + " thread " + text(current->thread_index);
}

void observe(AccessObserver* observer) {
  const std::lock_guard<std::mutex> lock(executor().mutex());
  executor().observe(observer);
}

void observed_read(const void* address, size_t size) {
  AccessObserver* observer = interested(address);
  if (observer == nullptr) return;
  const OutsideOfKernel outside;
  observer->read(executor().moment(), address, size);
}

void observed_write(const void* address, size_t size) {
  AccessObserver* observer = interested(address);
  if (observer == nullptr) return;
  const OutsideOfKernel outside;
  observer->write(executor().moment(), address, size);
}

void observed_atomic(const void* address, size_t size) {
  AccessObserver* observer = interested(address);
  if (observer == nullptr) return;
  const OutsideOfKernel outside;
  observer->atomic(executor().moment(), address, size);
}

}  // namespace rlkd::emulation
