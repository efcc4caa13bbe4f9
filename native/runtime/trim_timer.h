// When StackTrimmer works: passes from a timer of the loop, on the main stack, that does not keep the process alive.
//
// Nothing is recorded while coroutines run. A stack cannot deepen without page faults of this thread, which the kernel
// counts: as long as there were few since the last pass there is nothing to look for, and without batches the timer stops.
#pragma once

#include <uv.h>

#include "../sched/scheduler.h"
#include "../stack/stack_trimmer.h"

namespace stackful::runtime {

class TrimTimer {
 public:
  TrimTimer(stack::StackPool& pool, sched::Scheduler& scheduler) noexcept;
  void open(uv_loop_t* loop) noexcept;
  uv_handle_t* handle() noexcept { return reinterpret_cast<uv_handle_t*>(&timer_); }

  // To be called after every batch.
  void noteBatch() noexcept {
    batches_ = true;
    if (!ticking_) [[unlikely]]
      start(kRestMs);
  }

 private:
  // How long a stack stays shallow before its pages go: one to two of these.
  static constexpr uint64_t kRestMs = 250;
  // Parts of the thread's time that a pass under way and passes in the long run may take: 1/10 and 1/50.
  static constexpr uint64_t kStepShare = 10, kPassShare = 50;
  // A pass is worth its while when there is a megabyte to find, or 1/32 of a page per stack.
  static constexpr uint64_t kLeastFaults = 256, kStacksPerFault = 32;

  void start(uint64_t ms) noexcept;
  void tick() noexcept;
  bool worthPass() noexcept;

  stack::StackPool& pool_;
  sched::Scheduler& scheduler_;
  stack::StackTrimmer trimmer_;
  uv_timer_t timer_;
  bool ticking_ = false;
  bool batches_ = false;  // since the last tick
  bool inPass_ = false;
  uint64_t passNs_ = 0;
  uint64_t faults_ = 0;  // of this thread when the last pass began
};

}  // namespace stackful::runtime
