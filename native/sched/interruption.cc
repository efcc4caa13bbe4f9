// What ends a parking call of the running coroutine before what it waits for: cancellation, limits, atomic sections.
#include <cerrno>

#include "scheduler.h"

namespace stackful::sched {

// What ends the next parking call: the innermost fired limit, as far as no shield lies between; but a
// cancellation goes first, because it undoes everything.
void Scheduler::reconsider(Coroutine* c) noexcept {
  int32_t code = 0;
  bool shielded = false;
  for (const Limit* s = c->limits; s && !shielded; s = s->outer) {
    if (s->fired && code == 0) code = s->code;
    shielded = s->code == 0;
  }
  if (c->cancelled && !shielded) code = -ECANCELED;
  if (c->atomics > 0) code = kInAtomicSection;
  c->interruption = code;
  if (c == running_) published_->interruption = code;
}

void Scheduler::cancel(Coroutine* c) noexcept {
  c->cancelled = true;
  reconsider(c);
  if (c->interruption != 0) wake(c, c->interruption);
}

void Scheduler::enterLimit(Limit& limit, Deadline deadline) noexcept {
  Coroutine* self = running_;
  limit.coroutine = self;
  limit.outer = self->limits;
  self->limits = &limit;
  if (limit.code == 0 && self->interruption != 0) reconsider(self);
  if (deadline == kNoDeadline) return;
  limit.scheduler = this;
  limit.Timer::fire = [](Timer* timer) {
    auto* s = static_cast<Limit*>(timer);
    --s->scheduler->externalWaits_;
    s->scheduler->fire(*s);
  };
  timers_->insert(limit, deadline);
  ++externalWaits_;
}

void Scheduler::leaveLimit(Limit& limit) noexcept {
  if (limit.armed()) {
    timers_->cancel(limit);
    --externalWaits_;
  }
  Coroutine* self = limit.coroutine;
  self->limits = limit.outer;
  if (limit.fired || limit.code == 0) reconsider(self);
}

void Scheduler::fire(Limit& limit) noexcept {
  Coroutine* c = limit.coroutine;
  limit.fired = true;
  reconsider(c);
  if (c->interruption != 0) wake(c, c->interruption);
}

const Limit* Scheduler::firedLimit() const noexcept {
  for (const Limit* s = running_ ? running_->limits : nullptr; s && s->code != 0; s = s->outer) {
    if (s->fired) return s;
  }
  return nullptr;
}

void Scheduler::enterAtomic() noexcept {
  ++running_->atomics;
  running_->interruption = published_->interruption = kInAtomicSection;
}

void Scheduler::leaveAtomic() noexcept {
  if (--running_->atomics == 0) reconsider(running_);
}

// Its limits are of the pool: those of C++ have been left.
void Scheduler::leaveLimitsAndAtomics() noexcept {
  Coroutine* self = running_;
  while (Limit* limit = self->limits) {
    leaveLimit(*limit);
    limitPool_.give(limit);
  }
  self->atomics = 0;
  reconsider(self);
}

}  // namespace stackful::sched
