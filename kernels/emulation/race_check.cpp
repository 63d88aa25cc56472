#include "emulation/race_check.h"

#include <link.h>

#include <cstdio>
#include <string>

namespace rlkd::emulation {

namespace {

struct Module {
  uintptr_t inside;  // an address within the module
  uintptr_t begin = 0;
  uintptr_t end = 0;  // of its writable segment
};

/** Constants with addresses in them lie at the start of the segment, read-only once they are relocated. */
uintptr_t end_of_relocated_constants(const dl_phdr_info& info, uintptr_t begin, uintptr_t end) {
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info.dlpi_phdr[i];
    if (segment.p_type != PT_GNU_RELRO) continue;
    const uintptr_t last = info.dlpi_addr + segment.p_vaddr + segment.p_memsz;
    if (last > begin && last <= end) return last;
  }
  return begin;
}

int find_writable_segment(dl_phdr_info* info, size_t, void* argument) {
  auto& module = *static_cast<Module*>(argument);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) == 0) continue;
    const uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
    const uintptr_t end = begin + segment.p_memsz;
    if (module.inside < begin || module.inside >= end) continue;
    module.begin = end_of_relocated_constants(*info, begin, end);
    module.end = end;
    return 1;
  }
  return 0;
}

}  // namespace

RaceCheck::RaceCheck() {
  Module module{reinterpret_cast<uintptr_t>(&current)};
  dl_iterate_phdr(find_writable_segment, &module);
  static_begin_ = module.begin;
  static_end_ = module.end;
}

void RaceCheck::begin_block(const Moment& now, const void* dynamic_shared, size_t size) {
  if (now.launch != launch_) {
    launch_ = now.launch;
    pages_.clear();
    fenced_.clear();
    released_.clear();
    acquired_.clear();
    clock_ = 1;
  }
  // The memory of an earlier block's buffer may be in use again, as that of this one or for something else.
  for (uintptr_t address = dynamic_begin_; address < dynamic_end_; ++address) cell(address) = {};
  dynamic_begin_ = reinterpret_cast<uintptr_t>(dynamic_shared);
  dynamic_end_ = dynamic_begin_ + size;
}

RaceCheck::Cell& RaceCheck::cell(uintptr_t address) {
  std::unique_ptr<Page>& page = pages_[address / kPage];
  if (!page) page = std::make_unique<Page>();
  return (*page)[address % kPage];
}

bool RaceCheck::is_shared(uintptr_t address) const {
  return (address >= dynamic_begin_ && address < dynamic_end_) ||
         (address >= static_begin_ && address < static_end_);
}

bool RaceCheck::unordered(const Access& earlier, const Access& now, bool shared) const {
  if (earlier.kind == Kind::none) return false;
  if (earlier.kind == Kind::read && now.kind == Kind::read) return false;
  if (earlier.kind == Kind::atomic && now.kind == Kind::atomic) return false;
  if (earlier.block != now.block) {
    if (shared) return false;  // another block's memory in the same place
    const auto released = released_.find(earlier.block);
    const auto acquired = acquired_.find(now.block);
    const bool ordered = released != released_.end() && acquired != acquired_.end() &&
                         released->second.fence > earlier.stamp && acquired->second > released->second.at;
    return !ordered;
  }
  if (earlier.thread == now.thread || earlier.block_barriers != now.block_barriers) return false;
  const bool same_warp = earlier.thread / kWarpSize == now.thread / kWarpSize;
  return !(same_warp && earlier.warp_barriers < now.warp_barriers);
}

void RaceCheck::report(const Access& earlier, const Access& now, uintptr_t address, bool shared) const {
  const auto verb = [](Kind kind) {
    return kind == Kind::read ? "read" : kind == Kind::write ? "write" : "atomic operation";
  };
  char text[256];
  std::snprintf(text, sizeof text,
                "race: its %s of %s memory at %#zx is not ordered after the %s by thread %u of block %u",
                verb(now.kind), shared ? "shared" : "global", static_cast<size_t>(address),
                verb(earlier.kind), earlier.thread, earlier.block);
  fault_in_access(text);
}

void RaceCheck::access(const Moment& now, const void* address, size_t size, Kind kind) {
  const Access access{now.block, now.thread, now.block_barriers, now.warp_barriers, clock_, kind};
  const uintptr_t begin = reinterpret_cast<uintptr_t>(address);
  const bool shared = is_shared(begin);
  for (uintptr_t byte = begin; byte < begin + size; ++byte) {
    Cell& known = cell(byte);
    if (shared && kind == Kind::read && (known.write.kind == Kind::none || known.write.block != now.block)) {
      fault_in_access("reads shared memory that no thread of its block has written");
    }
    if (unordered(known.write, access, shared)) report(known.write, access, byte, shared);
    if (kind == Kind::read) {
      Access& slot = known.reads[0].kind == Kind::none || known.reads[0].block != now.block ||
                             known.reads[0].thread == now.thread ||
                             known.reads[0].block_barriers != now.block_barriers
                         ? known.reads[0]
                         : known.reads[1];
      slot = access;
    } else {
      for (const Access& read : known.reads) {
        if (unordered(read, access, shared)) report(read, access, byte, shared);
      }
      known = {access, {}};
    }
  }
}

void RaceCheck::read(const Moment& now, const void* address, size_t size) {
  if (address != &current) access(now, address, size, Kind::read);
}

void RaceCheck::write(const Moment& now, const void* address, size_t size) {
  access(now, address, size, Kind::write);
}

void RaceCheck::atomic(const Moment& now, const void* address, size_t size) {
  access(now, address, size, Kind::atomic);
  const auto fenced = fenced_.find(now.block);
  if (fenced != fenced_.end()) released_[now.block] = {fenced->second, ++clock_};
  acquired_[now.block] = ++clock_;
}

void RaceCheck::fence(const Moment& now) { fenced_[now.block] = ++clock_; }

}  // namespace rlkd::emulation
