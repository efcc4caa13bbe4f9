// Soft timers (Mohit Aron and Peter Druschel, "Soft timers: efficient microsecond software timer support for network processing",
// SOSP 1999): events of a microsecond's granularity that cost no interrupt, because they are run where the scheduler is anyway.
// The paper calls those places trigger states. Here they are every switch (TurnClock looks at the machine's counter), the
// beginning and the end of a batch, and every poll. When no coroutine is ready the poller's timerfd bounds the wait; for less than
// kSpinNs the poller asks the kernel again and again instead, because to sleep and be woken takes longer than that.
//
// Two kinds of waits are in the wheel: sleeps of less than kBelowNs, in the frame of the coroutine that sleeps, and events, which
// make a coroutine ready that has not begun. An event is
//   free     in the list of free ones
//   armed    in a wheel: that of this object, or that of the simulation that it was armed in
// arm: free -> armed. fire, disarm, forget, clear: armed -> free. One fires once; its coroutine may have been woken by something
// else before, or be over, and then nothing happens.
//
// An armed event keeps the host's loop alive (Scheduler::externalWaits).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "coroutine.h"
#include "timers.h"

namespace stackful::sched {

class Scheduler;

class SoftTimers {
 public:
  explicit SoftTimers(Scheduler& scheduler, int64_t now) noexcept
      : scheduler_(scheduler), wheel_(now, kTickBits) {}
  SoftTimers(const SoftTimers&) = delete;
  SoftTimers& operator=(const SoftTimers&) = delete;

  // `c`, which has not begun and is parked, becomes ready at `deadline`. The event's number, or -ENOMEM.
  int32_t arm(Coroutine* c, Deadline deadline, Timers& wheel) noexcept;
  // Whether the event `number` was armed for `c`.
  bool disarm(uint32_t number, const Coroutine* c) noexcept;
  // All events in `wheel` are gone, and were not fired.
  void forget(const Timers& wheel) noexcept;
  // As Timers::clear.
  void clear() noexcept;

  Timers& wheel() noexcept { return wheel_; }
  const Timers& wheel() const noexcept { return wheel_; }

  static constexpr int kTickBits = 10;            // 1.024 us
  static constexpr int64_t kBelowNs = 1'000'000;  // sleeps that are shorter are kept to a tick
  static constexpr int64_t kSpinNs = 20'000;

 private:
  struct Event : Timer {
    SoftTimers* owner = nullptr;
    Timers* in = nullptr;  // null while it is free
    uint32_t number = 0;
    uint32_t slot = 0, generation = 0;
    uint32_t nextFree = 0;
  };
  static constexpr uint32_t kNone = UINT32_MAX;

  void fire(Event& event) noexcept;
  void release(Event& event) noexcept;

  Scheduler& scheduler_;
  Timers wheel_;
  // They stay where they are, because the wheel links them.
  std::vector<std::unique_ptr<Event>> events_;
  uint32_t firstFree_ = kNone;
};

}  // namespace stackful::sched
