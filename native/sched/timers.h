// A hierarchical timing wheel: eleven levels of 64 slots with a bitmap each, ticks of 2^16 ns (65.536 us).
// Insert, cancel and "when is the next one" take constant time whatever the number of timers, because almost
// every timer of a server is a timeout that is cancelled. A timer never fires early; it fires at most a tick
// late (plus whatever time passes between calls of expire).
#pragma once

#include <cstddef>
#include <cstdint>

#include "clock.h"

namespace stackful::sched {

struct TimerLink {
  TimerLink* next = nullptr;
  TimerLink* prev = nullptr;
};

// Embedded in whatever waits: a frame of a parked coroutine, a connection. Must be cancelled before it goes
// away.
struct Timer : TimerLink {
  void (*fire)(Timer*) = nullptr;  // called by expire, with the timer already out of the wheel
  int64_t tick = 0;
  uint16_t place = 0;  // level * 64 + slot
  bool armed() const noexcept { return next != nullptr; }
};

class Timers {
 public:
  // Ticks of 2^tickBits ns: 0 makes it exact, for a clock that stands still between timers.
  explicit Timers(int64_t now, int tickBits = kTickBits) noexcept;
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  // `timer` must not be armed. A deadline in the past fires at the next tick. kNoDeadline is not armed at
  // all.
  void insert(Timer& timer, Deadline deadline) noexcept;
  // Does nothing when `timer` is not armed.
  void cancel(Timer& timer) noexcept;

  // No timer fires before this moment; kNoDeadline when there is none. Exact for the next 64 ticks and
  // wherever few timers share a slot, a lower bound otherwise.
  Deadline nextExpiry() const noexcept;
  // Fires everything due at `now`; returns how many. `fire` may insert and cancel timers, but not call
  // expire.
  size_t expire(int64_t now) noexcept;

  size_t size() const noexcept { return size_; }
  // By how many nanoseconds the most overdue timer missed its tick, in the last call of expire that fired any and in the
  // worst: how long the thread was kept from coming here.
  int64_t lateness() const noexcept { return lateness_; }
  int64_t worstLateness() const noexcept { return worstLateness_; }
  // Forgets every timer without firing or touching it: their memory may be gone already.
  // None of them may be cancelled afterwards.
  void clear() noexcept;

  static constexpr int kTickBits = 16;
  static constexpr int64_t kTickNs = int64_t{1} << kTickBits;

 private:
  static constexpr int kLevels = 11;  // of six bits: any moment
  static constexpr int kSlotBits = 6;
  static constexpr int kSlots = 1 << kSlotBits;

  void place(Timer& timer) noexcept;
  void unlink(Timer& timer) noexcept;
  // Start tick of the first occupied slot of the lowest occupied level. Only when size_ > 0.
  int64_t firstSlot(int& level, int& slot) const noexcept;

  const int tickBits_;
  int64_t elapsed_;  // every tick up to and including this one has been fired
  size_t size_ = 0;
  int64_t lateness_ = 0;
  int64_t worstLateness_ = 0;
  uint32_t levelsUsed_ = 0;  // bit per level
  uint64_t used_[kLevels] = {};
  TimerLink slots_[kLevels * kSlots];
};

}  // namespace stackful::sched
