/*
 * The functions that g++ -fsanitize=thread calls at every memory access, in place of ThreadSanitizer's: they
 * hand the access to the race check. Programs that link this file run with the race check on.
 */
#include "emulation/race_check.h"

namespace {

using rlkd::emulation::observed_read;
using rlkd::emulation::observed_write;

struct Watch {
  Watch() { rlkd::emulation::observe(&check); }
  ~Watch() { rlkd::emulation::observe(nullptr); }
  rlkd::emulation::RaceCheck check;
} watch;

}  // namespace

#define RLKD_ACCESS(size)                                                             \
  void __tsan_read##size(void* address) { observed_read(address, size); }             \
  void __tsan_write##size(void* address) { observed_write(address, size); }           \
  void __tsan_unaligned_read##size(void* address) { observed_read(address, size); }   \
  void __tsan_unaligned_write##size(void* address) { observed_write(address, size); } \
  void __tsan_volatile_read##size(void* address) { observed_read(address, size); }    \
  void __tsan_volatile_write##size(void* address) { observed_write(address, size); }

extern "C" {

RLKD_ACCESS(1)
RLKD_ACCESS(2)
RLKD_ACCESS(4)
RLKD_ACCESS(8)
RLKD_ACCESS(16)

void __tsan_read_range(void* address, unsigned long size) { observed_read(address, size); }
void __tsan_write_range(void* address, unsigned long size) { observed_write(address, size); }
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit(void) {}
void __tsan_init(void) {}

}  // extern "C"
