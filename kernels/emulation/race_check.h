/*
 * Finds unordered accesses: two accesses of one byte, at least one of them a write, not both atomic, by
 *   - threads of one block with neither a barrier between them nor, within a warp, a __syncwarp;
 *   - threads of different blocks (global memory), unless the first block fenced after its access and then did an
 *     atomic operation, and the second did one after that (the pattern of a last block that gathers);
 * and reads of shared memory that no thread of the block has written.
 *
 * It watches all memory but the threads' stacks. Shared memory is the dynamic buffer of the block and what
 * is static in the module that this object is linked into.
 */
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "emulation/executor.h"

namespace rlkd::emulation {

class RaceCheck final : public AccessObserver {
 public:
  RaceCheck();

  void read(const Moment& now, const void* address, size_t size) override;
  void write(const Moment& now, const void* address, size_t size) override;
  void atomic(const Moment& now, const void* address, size_t size) override;
  void fence(const Moment& now) override;
  void begin_block(const Moment& now, const void* dynamic_shared, size_t size) override;

 private:
  enum class Kind : uint8_t { none, read, write, atomic };
  struct Access {
    uint32_t block = 0;
    uint32_t thread = 0;
    uint32_t block_barriers = 0;
    uint32_t warp_barriers = 0;
    uint32_t stamp = 0;
    Kind kind = Kind::none;
  };
  /** What is known of one byte. Two readers are kept, so that one by the writer itself does not hide another. */
  struct Cell {
    Access write;
    Access reads[2];
  };
  static constexpr size_t kPage = 256;
  using Page = std::array<Cell, kPage>;

  void access(const Moment& now, const void* address, size_t size, Kind kind);
  Cell& cell(uintptr_t address);
  bool is_shared(uintptr_t address) const;
  bool unordered(const Access& earlier, const Access& now, bool shared) const;
  [[noreturn]] void report(const Access& earlier, const Access& now, uintptr_t address, bool shared) const;

  uintptr_t static_begin_ = 0;
  uintptr_t static_end_ = 0;
  uintptr_t dynamic_begin_ = 0;
  uintptr_t dynamic_end_ = 0;
  uint64_t launch_ = 0;
  uint32_t clock_ = 1;
  std::unordered_map<uintptr_t, std::unique_ptr<Page>> pages_;
  /** What a block has made visible: its accesses before the fence, to those who look after `at`. */
  struct Release {
    uint32_t fence;
    uint32_t at;  // the atomic operation that followed the fence
  };
  std::unordered_map<uint32_t, uint32_t> fenced_;  // block -> time of its last fence
  std::unordered_map<uint32_t, Release> released_;
  std::unordered_map<uint32_t, uint32_t> acquired_;  // block -> time of its last atomic operation
};

}  // namespace rlkd::emulation
