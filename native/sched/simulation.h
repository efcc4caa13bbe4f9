// Runs coroutines one step at a time, the next one chosen by a seeded generator, on a clock that only moves when none
// is ready: the same seed gives the same run.
//
// While one lives, every coroutine that is spawned belongs to it, and no other one runs: those that are woken wait for
// its end. Nothing of the outside world reaches its coroutines, because there is no poll. Main stack only.
#pragma once

#include <cstdint>
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

  // Chooses which one runs next; nullptr when none is ready.
  Coroutine* choose() noexcept;
  // Takes the chosen one, which must be run then (Scheduler::runTurn).
  void take() noexcept;
  // Lets time pass until a timer has fired; false when there is none.
  bool advance() noexcept;
  // True once in `times`, by the same generator.
  bool sometimes(uint32_t times) noexcept { return random(times) == 0; }

  uint64_t steps() const noexcept { return steps_; }

 private:
  // A number below `limit`.
  uint32_t random(uint32_t limit) noexcept;

  Scheduler& scheduler_;
  uint64_t random_;
  uint64_t steps_ = 0;
  Timers timers_{0, 0};
  std::vector<Coroutine*> ready_;
  std::vector<Coroutine*> others_;  // ready, but not ours
  Scheduler::PollHook hook_;
  std::unique_ptr<Policy> policy_;
  Chosen* chosen_;
  BorrowedVirtualTime* borrowed_;
  ShortestRemaining* shortest_;
  uint32_t externalWaits_;
};

}  // namespace stackful::sched
