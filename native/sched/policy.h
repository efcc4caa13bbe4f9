// Which coroutine runs next. First in, first out is built into the scheduler, where it costs nothing;
// everything else is a Policy, which takes over the ready coroutines and can be exchanged while they run.
#pragma once

#include <cstdint>
#include <memory>

#include "run_queue.h"
#include "upcoming.h"

namespace stackful::sched {

class Scheduler;

// The numbers are those that JavaScript passes (lib/schedule/policy_in_force.ts).
enum class PolicyKind : uint8_t {
  kFifo,
  kPriority,
  kConnections,
  kAccept,
  kBorrowedVirtualTime,
  kShortestRemaining
};

class Policy {
 public:
  virtual ~Policy() = default;
  // `c` has become ready. What it last parked on is still in its record (kNone before its first run).
  virtual void push(Coroutine* c) noexcept = 0;
  // The next to run, which is no longer the policy's then; nullptr when it has none.
  virtual Coroutine* pop() noexcept = 0;
  // What pop returned last has stopped, and the scheduler runs none now: the host's time is nobody's.
  virtual void leave() noexcept {}
  // Which one pop would most likely return, so that its memory can be prefetched; nullptr: not known.
  virtual const Coroutine* first() const noexcept { return nullptr; }
  // The first `room` in the order in which pop would return them if nothing else became ready; how many that are.
  virtual size_t upcoming(Upcoming* into, size_t room) const noexcept = 0;
};

// nullptr for kFifo, for those that Scheduler::borrowVirtualTime and runShortestFirst put in force, and when there is no memory.
std::unique_ptr<Policy> makePolicy(PolicyKind kind) noexcept;

// Several queues, the first of which goes before all others; first in, first out within each. So that a queue
// is never forgotten, every kPatience-th time its turn comes to the last one that is not empty.
class Levels : public Policy {
 public:
  using LevelOf = uint8_t (*)(const Coroutine*);
  // `levelOf` returns less than kMost.
  explicit Levels(LevelOf levelOf) noexcept : levelOf_(levelOf) {}
  void push(Coroutine* c) noexcept override;
  Coroutine* pop() noexcept override;
  const Coroutine* first() const noexcept override;
  size_t upcoming(Upcoming* into, size_t room) const noexcept override;

  static constexpr uint8_t kMost = 8;
  static constexpr uint32_t kPatience = 64;

 private:
  LevelOf levelOf_;
  uint32_t used_ = 0;  // a bit for each queue that is not empty
  uint32_t turns_ = 0;
  RunQueue queues_[kMost];
};

// A policy of the application: decided by a coroutine of its own, the chooser, which is resumed whenever one has
// to be chosen. It takes what has become ready and answers with one of those it has taken.
class Chosen : public Policy {
 public:
  explicit Chosen(Coroutine* chooser) noexcept : chooser_(chooser) {}
  void push(Coroutine* c) noexcept override { incoming_.push(c); }
  Coroutine* pop() noexcept override;
  // Without those that the chooser has taken, whose order only it knows: see Scheduler::heldByChooser.
  size_t upcoming(Upcoming* into, size_t room) const noexcept override;

  Coroutine* chooser() const noexcept { return chooser_; }
  // The next one that has become ready and that the chooser does not know of; nullptr when there is none.
  Coroutine* take() noexcept;
  // False when `c` is not one that was taken and has not run since.
  bool choose(Coroutine* c) noexcept;
  uint32_t held() const noexcept { return held_; }

 private:
  Coroutine* chooser_;
  Coroutine* chosen_ = nullptr;
  RunQueue incoming_;
  uint32_t held_ = 0;  // taken and not chosen yet
};

}  // namespace stackful::sched
