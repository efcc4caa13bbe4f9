// The scheduler under another policy than first in, first out, and the change from one to the next.
#include <cerrno>
#include <new>
#include <utility>

#include "borrowed_virtual_time.h"
#include "scheduler.h"

namespace stackful::sched {

Coroutine* Scheduler::dequeueByPolicy() noexcept {
  Coroutine* c = policy_->pop();
  // A chooser is parked while it has no coroutine to choose, and was never counted.
  if (c && c->state == State::kReady) --readyLength_;
  return c;
}

void Scheduler::setPolicy(std::unique_ptr<Policy> policy) noexcept {
  Chosen* replaced = known_.chosen;
  std::unique_ptr<Policy> old = std::exchange(policy_, std::move(policy));
  known_ = {};
  readyLength_ = 0;
  if (replaced) {
    // What it has taken is known to the application only, in whatever order: by slot then.
    while (replaced->take())
      ;
    for (Slot& slot : table_) {
      Coroutine* c = slot.coroutine;
      if (!c || c->state != State::kReady) continue;
      c->held = false;
      enqueue(c);
    }
    wake(replaced->chooser(), -ECANCELED);
    return;
  }
  // All are taken from the old one before the new one gets any: both may keep what they know in the same place.
  RunQueue moved;
  if (old) {
    while (Coroutine* c = old->pop()) moved.push(c);
    old.reset();
  } else {
    moved.append(ready_);
  }
  while (Coroutine* c = moved.pop()) enqueue(c);
}

void Scheduler::borrowVirtualTime(int64_t allowanceNs) noexcept {
  auto* borrowed = new (std::nothrow) BorrowedVirtualTime(shares(), running_, allowanceNs);
  setPolicy(std::unique_ptr<Policy>(borrowed));
  known_.borrowed = borrowed;
}

Shares& Scheduler::shares() noexcept {
  if (!shares_) shares_ = std::make_unique<Shares>();
  return *shares_;
}

void Scheduler::joinShare(Coroutine* c, Share& share) noexcept {
  if (known_.borrowed) {
    known_.borrowed->join(c, share);
  } else {
    shares().join(c, share);
  }
}

int32_t Scheduler::becomeChooser() noexcept {
  if (!running_) return kNotInCoroutine;
  auto* chosen = new (std::nothrow) Chosen(running_);
  if (!chosen) return -ENOMEM;
  setPolicy(std::unique_ptr<Policy>(chosen));
  known_.chosen = chosen;
  return 0;
}

int32_t Scheduler::chooseNext(Coroutine* c) noexcept {
  if (!known_.chosen || known_.chosen->chooser() != running_) return -ECANCELED;
  if (c ? !known_.chosen->choose(c) : known_.chosen->held() > 0) return kNotChoosable;
  running_->wakeCode = 0;
  return park({});
}

}  // namespace stackful::sched
