// Runs coroutines one step at a time, the next one chosen by the caller or by a seeded generator, on a clock that only moves
// when none is ready: the same choices, or the same seed, give the same run.
//
// While one lives, every coroutine that is spawned belongs to it, and no other one runs: those that are woken wait for
// its end. Nothing of the outside world reaches its coroutines, because there is no poll. Main stack only.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "scheduler.h"

namespace stackful::sched {

class Simulation {
 public:
  Simulation(Scheduler& scheduler, uint32_t seed) noexcept;
  // Those that are not done by then never run again. Their stacks are kept, because others may still refer to them.
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // Those that are ready, in the order in which they have become ready.
  const std::deque<Coroutine*>& gather() noexcept;
  // Takes the one at `index` of them, which must be run then (Scheduler::runTurn).
  Coroutine* take(uint32_t index) noexcept;
  // Lets time pass until a timer has fired; false when there is none.
  bool advance() noexcept;
  // Lets time pass up to `now`, and fires what is due by then.
  void advanceTo(Deadline now) noexcept;
  // A number below `limit`, of the seeded generator.
  uint32_t random(uint32_t limit) noexcept;

  uint64_t steps() const noexcept { return steps_; }

 private:
  Scheduler& scheduler_;
  uint64_t random_;
  uint64_t steps_ = 0;
  Timers timers_{0, 0};
  std::deque<Coroutine*> ready_;
  std::vector<Coroutine*> others_;  // ready, but not ours
  Scheduler::PollHook hook_;
  std::unique_ptr<Policy> policy_;
  Scheduler::KnownPolicy known_;
  uint32_t externalWaits_;
};

}  // namespace stackful::sched
