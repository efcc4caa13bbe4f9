// The time that libuv counts as idle, as performance.eventLoopUtilization() shows it: found in memory, because it can be
// read (uv_metrics_idle_time) but not added to.
#pragma once

#include <uv.h>

#include <cstdint>

namespace stackful::runtime {

class IdleTime {
 public:
  // To be called in a callback of the loop, after it has slept: looks for where libuv has it. What is found proves itself
  // by what uv_metrics_idle_time says once it is changed.
  bool find(uv_loop_t* loop) noexcept;
  bool found() const noexcept { return total_ != nullptr; }

  // Around a wait; `now` as by uv_hrtime. Other threads may look in the meantime.
  void begin(uint64_t now) noexcept { __atomic_store_n(since_, now, __ATOMIC_RELAXED); }
  void end(uint64_t now) noexcept {
    const uint64_t waited = now - *since_;
    __atomic_store_n(since_, 0, __ATOMIC_RELAXED);
    __atomic_store_n(total_, *total_ + waited, __ATOMIC_RELAXED);
  }

 private:
  uint64_t* since_ = nullptr;  // 0 while nothing waits
  uint64_t* total_ = nullptr;  // nanoseconds
};

}  // namespace stackful::runtime
