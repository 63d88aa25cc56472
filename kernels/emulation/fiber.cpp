#include "emulation/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// Saves the callee-saved registers on the running stack and its pointer in *save, then restores those of
// `load`.
extern "C" void rlkd_switch_stack(void** save, void* load);

#if defined(__x86_64__)
// System V: rbx, rbp, r12-r15 and the return address.
asm(R"(
.text
.globl rlkd_switch_stack
.hidden rlkd_switch_stack
.type rlkd_switch_stack, @function
rlkd_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size rlkd_switch_stack, .-rlkd_switch_stack
)");
#elif defined(__aarch64__)
// AAPCS64: x19-x30 and the low halves of v8-v15.
asm(R"(
.text
.globl rlkd_switch_stack
.hidden rlkd_switch_stack
.type rlkd_switch_stack, %function
rlkd_switch_stack:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size rlkd_switch_stack, .-rlkd_switch_stack
)");
#else
#error \
    "the emulation of the CUDA kernels knows x86-64 and AArch64 alone; configure with -DRLKD_BUILD_TESTS=OFF"
#endif

namespace rlkd::emulation {

namespace {

constexpr size_t kPage = 4096;
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kStack = 256 * 1024;  // red zones make frames larger
#else
constexpr size_t kStack = 64 * 1024;
#endif
constexpr size_t kPitch = kStack + kPage;

}  // namespace

void switch_context(Context& from, Context& to) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&from.fake_stack, to.stack_low, to.stack_size);
#endif
  rlkd_switch_stack(&from.stack_pointer, to.stack_pointer);
#if defined(__SANITIZE_ADDRESS__)
  // Whoever was switched to switches back: its stack is known now even if it is an operating-system thread's.
  const void* low = nullptr;
  __sanitizer_finish_switch_fiber(from.fake_stack, &low, &to.stack_size);
  to.stack_low = const_cast<void*>(low);
#endif
}

void entered_fiber(Context& switcher) {
#if defined(__SANITIZE_ADDRESS__)
  const void* low = nullptr;
  __sanitizer_finish_switch_fiber(nullptr, &low, &switcher.stack_size);
  switcher.stack_low = const_cast<void*>(low);
#else
  (void)switcher;
#endif
}

FiberStacks::~FiberStacks() {
  if (memory_ != nullptr) munmap(memory_, count_ * kPitch);
}

void FiberStacks::require(size_t count) {
  if (count <= count_) return;
  void* memory = mmap(nullptr, count * kPitch, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  for (size_t i = 0; i < count; ++i) {
    if (mprotect(static_cast<char*>(memory) + i * kPitch, kPage, PROT_NONE) != 0) {
      munmap(memory, count * kPitch);
      throw std::bad_alloc();
    }
  }
  if (memory_ != nullptr) munmap(memory_, count_ * kPitch);
  memory_ = memory;
  count_ = count;
}

Context FiberStacks::start(size_t index, void (*entry)()) const {
  char* low = static_cast<char*>(memory_) + index * kPitch + kPage;
  auto* top = reinterpret_cast<void**>(low + kStack);
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(low, kStack);  // what an abandoned fiber left
#endif
  Context context;
  context.stack_low = low;
  context.stack_size = kStack;
#if defined(__x86_64__)
  // As if `entry` had been called: its return address (never used) at a 16-byte boundary minus 8.
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(entry);
  top -= 6;
#else
  top -= 20;
  top[11] = reinterpret_cast<void*>(entry);  // x30
#endif
  context.stack_pointer = top;
  return context;
}

}  // namespace rlkd::emulation
