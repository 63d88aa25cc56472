/*
 * Fibers: stacks of their own, switched by hand within one operating-system thread. Switching costs a few
 * nanoseconds; AddressSanitizer is told about every switch.
 */
#pragma once

#include <cstddef>

namespace rlkd::emulation {

/** A place to switch to: the saved stack pointer of whoever is not running. */
struct Context {
  void* stack_pointer = nullptr;
  void* stack_low = nullptr;  // of the stack it runs on, for AddressSanitizer
  size_t stack_size = 0;
  void* fake_stack = nullptr;
};

/** Stores the running context in `from` and goes on in `to`. */
void switch_context(Context& from, Context& to);

/** Stacks for `count` fibers with an unmapped page below each; memory is taken from the system when touched. */
class FiberStacks {
 public:
  FiberStacks() = default;
  FiberStacks(const FiberStacks&) = delete;
  FiberStacks& operator=(const FiberStacks&) = delete;
  ~FiberStacks();

  /** Grows to at least `count` stacks; existing fibers are gone then. Throws std::bad_alloc. */
  void require(size_t count);

  /** A context on stack `index` that starts in `entry`, which must never return. */
  Context start(size_t index, void (*entry)()) const;

 private:
  void* memory_ = nullptr;
  size_t count_ = 0;
};

/** To be the first statement of a fiber's entry function; `switcher` is who switched to it first. */
void entered_fiber(Context& switcher);

}  // namespace rlkd::emulation
