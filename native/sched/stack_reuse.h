// Stacks of coroutines that are over, left as they are, with the frames they have: the next coroutine continues in those. So
// one costs two switches, and neither a new stack nor an entry into JavaScript.
//
//   running --add--> resting --take--> running, as the next coroutine
//                    resting --dropAll, or a take of another size--> back in the pool of stacks
#pragma once

#include <cstddef>
#include <cstdint>

#include "../engine/engine.h"
#include "../stack/stack_memory.h"
#include "coroutine.h"

namespace stackful::sched {

class StackReuse {
 public:
  // As many as may be spawned and finish in one go without parking in between, and few enough for a scavenge to walk them
  // (1.2 us each until they have rested for three).
  static constexpr uint32_t kMost = 32;

  // Both must outlive this.
  StackReuse(engine::Engine& engine, stack::StackPool& stacks) noexcept : engine_(engine), stacks_(stacks) {}
  StackReuse(const StackReuse&) = delete;
  StackReuse& operator=(const StackReuse&) = delete;

  // Whether there is room for the stack of `c`; all that rest are of one size.
  bool mayAdd(const Coroutine& c) const noexcept {
    return length_ < kMost && (!newest_ || newest_->execution.stack.size() == c.execution.stack.size());
  }
  // To be asked once a coroutine could be added. False for one of kRestsBeforeRenewal, which is to end for good.
  bool isWorthIt() noexcept {
    if (--untilRenewal_ > 0) return true;
    untilRenewal_ = kRestsBeforeRenewal;
    return false;
  }
  // `c` is over, and its stack is about to be left.
  void add(Coroutine& c) noexcept;
  // A coroutine that has not begun, on a stack of that size. Null where none rests: if a stack of another size is asked
  // for, one of these is given up.
  Coroutine* take(size_t stackBytes) noexcept;
  // Gives them all up, so that their memory can go.
  void dropAll() noexcept {
    while (newest_) dropNewest();
  }

 private:
  // One in so many ends for good, so that its successor runs the newest code of what lies on the stack.
  static constexpr uint32_t kRestsBeforeRenewal = 1024;

  void dropNewest() noexcept;

  engine::Engine& engine_;
  stack::StackPool& stacks_;
  Coroutine* newest_ = nullptr;  // linked by `next`
  uint32_t length_ = 0;
  uint32_t untilRenewal_ = kRestsBeforeRenewal;
};

}  // namespace stackful::sched
