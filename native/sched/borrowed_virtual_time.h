// Borrowed virtual time (Kenneth J. Duda and David R. Cheriton, "Borrowed-Virtual-Time (BVT) scheduling", SOSP 1999).
//
// Each share has a virtual time, which passes while one of its coroutines runs, the slower the greater its weight is; the share
// whose virtual time is earliest runs next. So all get time in proportion to their weights. One that has slept goes on with the
// virtual time of those that have not, and one that warps borrows from its future: its effective virtual time is earlier, so
// that it runs at once when it wakes, without getting more in the long run.
//
// A share is one of
//   idle      no coroutine of it is ready or runs; the policy does not know it
//   ready     at least one is ready; it is in both heaps
//   running   one of it runs; it is in the heap by actual time, and in that by effective time if others of it are ready
// push: idle -> ready. pop: ready -> running, and what ran before -> ready or idle. leave: running -> ready or idle.
#pragma once

#include "policy.h"
#include "share.h"
#include "share_heap.h"

namespace stackful::sched {

class BorrowedVirtualTime : public Policy {
 public:
  using Clock = int64_t (*)();  // nanoseconds

  // `running`: what the scheduler runs. `allowance`: how long, in nanoseconds, one that gives way may go on beyond its turn.
  BorrowedVirtualTime(Shares& shares, Coroutine* const& running, int64_t allowance,
                      Clock clock = monotonicNow) noexcept
      : shares_(shares), running_(running), allowance_(allowance), clock_(clock) {}
  ~BorrowedVirtualTime() override;

  void push(Coroutine* c) noexcept override;
  Coroutine* pop() noexcept override;
  void leave() noexcept override;
  const Coroutine* first() const noexcept override;
  size_t upcoming(Upcoming* into, size_t room) const noexcept override;

  // Moves a coroutine that may be ready to another share.
  void join(Coroutine* c, Share& share) noexcept;

 private:
  void activate(Share& share, int64_t now) noexcept;
  void deactivate(Share& share) noexcept;
  // The current share has run until now.
  void settle(int64_t now) noexcept;

  Shares& shares_;
  Coroutine* const& running_;
  const int64_t allowance_;
  const Clock clock_;
  Share* current_ = nullptr;  // what runs
  int64_t since_ = 0;
  VirtualTime systems_ = 0;  // the earliest actual time there was among shares that were not idle
  ShareHeap<&Share::actual, &Share::placeByActual> active_;
  ShareHeap<&Share::effective, &Share::placeByEffective> ready_;
};

}  // namespace stackful::sched
