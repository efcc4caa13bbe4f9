#include "soft_timers.h"

#include <algorithm>
#include <cerrno>
#include <new>

#include "scheduler.h"

namespace stackful::sched {

int32_t SoftTimers::arm(Coroutine* c, Deadline deadline, Timers& wheel) noexcept {
  if (firstFree_ == kNone) {
    std::unique_ptr<Event> made(new (std::nothrow) Event);
    if (!made) return -ENOMEM;
    made->owner = this;
    made->number = static_cast<uint32_t>(events_.size());
    made->fire = [](Timer* timer) {
      auto* event = static_cast<Event*>(timer);
      event->owner->fire(*event);
    };
    made->nextFree = kNone;
    firstFree_ = made->number;
    events_.push_back(std::move(made));
  }
  Event& event = *events_[firstFree_];
  firstFree_ = event.nextFree;
  event.slot = c->slot;
  event.generation = c->generation;
  event.in = &wheel;
  wheel.insert(event, deadline);
  scheduler_.adjustExternalWaits(1);
  return static_cast<int32_t>(event.number);
}

void SoftTimers::fire(Event& event) noexcept {
  Coroutine* c = scheduler_.find(event.slot, event.generation);
  release(event);
  if (c) scheduler_.wake(c, 0);
}

void SoftTimers::release(Event& event) noexcept {
  event.in = nullptr;
  event.nextFree = firstFree_;
  firstFree_ = event.number;
  scheduler_.adjustExternalWaits(-1);
}

bool SoftTimers::disarm(uint32_t number, const Coroutine* c) noexcept {
  if (number >= events_.size()) return false;
  Event& event = *events_[number];
  if (!event.in || event.slot != c->slot || event.generation != c->generation) return false;
  event.in->cancel(event);
  release(event);
  return true;
}

void SoftTimers::forget(const Timers& wheel) noexcept {
  for (const auto& event : events_) {
    if (event->in != &wheel) continue;
    event->next = event->prev = nullptr;
    release(*event);
  }
}

void SoftTimers::clear() noexcept {
  wheel_.clear();
  forget(wheel_);
}

SoftTimers* Scheduler::softTimers() noexcept {
  if (!soft_) soft_.reset(new (std::nothrow) SoftTimers(*this, monotonicNow()));
  return soft_.get();
}

// What the clock expects is never later than what is in the wheel.
void Scheduler::expectSoft(Deadline deadline, int64_t now) noexcept {
  if (!simulated_ && deadline < clock_.softNext()) clock_.expectSoft(deadline, now);
}

int32_t Scheduler::armSoft(Coroutine* c, int64_t nanoseconds) noexcept {
  SoftTimers* soft = softTimers();
  if (!soft) return -ENOMEM;
  const int64_t at = now(), deadline = at + nanoseconds;
  const int32_t number = soft->arm(c, deadline, simulated_ ? *timers_ : soft->wheel());
  if (number < 0) return number;
  c->parkKind = ParkKind::kSoftTimer;
  c->parkNumber = nanoseconds;
  expectSoft(deadline, at);
  return number;
}

void Scheduler::expireSoft(int64_t now) noexcept {
  soft_->wheel().expire(now);
  clock_.expectSoft(soft_->wheel().nextExpiry(), now);
}

void Scheduler::expireDueSoft() noexcept {
  if (!simulated_) expireTimers(monotonicNow());
}

int32_t Scheduler::sleepSoftly(Reason reason, int64_t now, Deadline deadline) noexcept {
  SoftTimers* soft = softTimers();
  // Without the memory for it the sleep is a little longer.
  if (!soft || simulated_ || !running_) return parkUntil(reason, deadline);
  expectSoft(deadline, now);
  ++externalWaits_;
  const int32_t code = parkWithTimer(reason, deadline, soft->wheel());
  --externalWaits_;
  return code;
}

}  // namespace stackful::sched
