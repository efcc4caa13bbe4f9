// The time limit of a wait that nearly always ends long before it, as that for the next request does. What is armed stays
// armed when the wait is over, and when it fires looks whether there is a wait, and until when. A timer that is set and
// cancelled for every request has its neighbours in the wheel written to, which lie in other connections' records: with
// thousands of them, three cache lines and page table entries that are not at hand, 4 % of a request.
#pragma once

#include <cerrno>

#include "../sched/scheduler.h"

namespace stackful::http {

class IdleAlarm : sched::Timer {
 public:
  IdleAlarm() noexcept { fire = ring; }
  ~IdleAlarm() { cancel(); }
  IdleAlarm(const IdleAlarm&) = delete;
  IdleAlarm& operator=(const IdleAlarm&) = delete;

  // The running coroutine may park from now on: unless end() comes first, it is woken with -ETIMEDOUT at the deadline.
  void begin(sched::Scheduler& scheduler, sched::Deadline deadline) noexcept {
    begin(scheduler, deadline, scheduler.running());
  }
  // The same for another coroutine, which may be parked.
  void begin(sched::Scheduler& scheduler, sched::Deadline deadline, sched::Coroutine* coroutine) noexcept {
    coroutine_ = coroutine;
    deadline_ = deadline;
    if (armed() && armedFor_ <= deadline) return;
    cancel();
    scheduler_ = &scheduler;
    arm(deadline);
  }
  void end() noexcept { deadline_ = sched::kNoDeadline; }
  // The coroutine that waits, or nullptr.
  sched::Coroutine* waiter() const noexcept { return deadline_ == sched::kNoDeadline ? nullptr : coroutine_; }

  void cancel() noexcept {
    if (armed()) scheduler_->timers().cancel(*this);
  }
  // When the wheel is gone, or has been emptied.
  void forget() noexcept { next = prev = nullptr; }

 private:
  // Until a coroutine that was woken by something else, but has not run yet, is looked at again.
  static constexpr int64_t kRetryNs = 1'000'000;

  void arm(sched::Deadline at) noexcept {
    armedFor_ = at;
    scheduler_->timers().insert(*this, at);
  }

  static void ring(Timer* timer) {
    auto* self = static_cast<IdleAlarm*>(timer);
    if (self->deadline_ == sched::kNoDeadline) return;
    if (self->armedFor_ < self->deadline_) return self->arm(self->deadline_);
    // It may find nothing and park again.
    if (!self->scheduler_->wake(self->coroutine_, -ETIMEDOUT)) {
      self->deadline_ = sched::monotonicNow() + kRetryNs;
      self->arm(self->deadline_);
    }
  }

  sched::Deadline deadline_ = sched::kNoDeadline;
  sched::Deadline armedFor_ = sched::kNoDeadline;
  sched::Coroutine* coroutine_ = nullptr;  // while there is a wait
  sched::Scheduler* scheduler_ = nullptr;  // while it is armed
};

}  // namespace stackful::http
