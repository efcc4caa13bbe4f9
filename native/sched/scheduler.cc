#include "scheduler.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "../stack/fetch.h"

namespace stackful::sched {

Scheduler::Scheduler(engine::Engine& engine, stack::StackPool& stacks) noexcept
    : engine_(engine), stacks_(stacks), reuse_(engine, stacks), realTimers_(monotonicNow()) {}

Scheduler::~Scheduler() {
  shutdown();
  // It has shares of shares_.
  policy_.reset();
}

void Scheduler::setPoll(PollHook hook, void* context) noexcept {
  hook_ = hook;
  hookContext_ = context;
}

Coroutine* Scheduler::spawn(size_t stackBytes, void (*entry)(void*), void* argument, uint8_t priority,
                            State first) noexcept {
  const stack::Stack stack = stacks_.allocate(stackBytes);
  if (!stack) return nullptr;
  auto* c = new (stack.record) Coroutine;
  engine_.prepare(c->execution, stack, entry, argument);
  enlist(c, priority, first);
  return c;
}

Coroutine* Scheduler::respawn(size_t stackBytes, uint8_t priority, State first) noexcept {
  Coroutine* c = reuse_.take(stackBytes);
  if (c) enlist(c, priority, first);
  return c;
}

void Scheduler::enlist(Coroutine* c, uint8_t priority, State first) noexcept {
  if (firstFree_ == kNoSlot) {
    c->slot = slots();
    table_.push_back({});
  } else {
    c->slot = firstFree_;
    firstFree_ = table_[c->slot].nextFree;
  }
  Slot& slot = table_[c->slot];
  slot.coroutine = c;
  c->generation = ++slot.generation;
  c->simulated = simulated_;

  c->parkedAt = clockTick_;
  ++counters_.spawned;
  if (++live_ > counters_.peak) counters_.peak = live_;
  c->priority = priority;
  if (first == State::kReady) {
    newest_ = {counters_.spawned, c->slot, c->generation};
    enqueue(c);
  } else {
    c->state = State::kParked;
    c->parkKind = ParkKind::kFiber;
  }
}

void Scheduler::releaseSlot(Coroutine* c) noexcept {
  Slot& slot = table_[c->slot];
  slot.coroutine = nullptr;
  slot.nextFree = firstFree_;
  firstFree_ = c->slot;
  --live_;
}

// The coroutine to run instead of the one that stops, or nullptr for main. May be the one that stops.
inline Coroutine* Scheduler::next() noexcept {
  if (clock_.count()) [[unlikely]]
    return nextAfterLook();
  Coroutine* c = dequeue();
  return c ? c : nextAfterPoll();
}

int64_t Scheduler::readClock() noexcept {
  const int64_t now = monotonicNow();
  clockTick_ = clockTick(now);
  clock_.note(now);
  if (running_) running_->parkedAt = clockTick_;
  return now;
}

Coroutine* Scheduler::nextAfterLook() noexcept {
  if (clock_.look()) return nextAfterCheck();
  if (clock_.softDue()) [[unlikely]]
    expireDueSoft();
  Coroutine* c = dequeue();
  return c ? c : nextAfterPoll();
}

Coroutine* Scheduler::nextAfterCheck() noexcept {
  const int64_t now = readClock();
  if (now >= batchEnd_) {
    // A host that may go to sleep needs a poll before, which arms the timer. And where turns take long, batches end with
    // coroutines ready, again and again: they must not follow each other without a poll.
    if (!pollUnlessRecent(now, readyLength_ == 0) && clock_.softDue()) expireDueSoft();
    if (policy_) policy_->leave();
    return nullptr;
  }
  if (!pollUnlessRecent(now, --untilPoll_ == 0)) expireTimers(now);
  Coroutine* c = dequeue();
  return c ? c : nextAfterPoll();
}

Coroutine* Scheduler::nextAfterPoll() noexcept {
  const int64_t now = readClock();
  return poll(now) && now < batchEnd_ ? dequeue() : nullptr;
}

bool Scheduler::poll(int64_t now) noexcept {
  untilPoll_ = kPollEvery;
  lastPoll_ = now;
  ++counters_.polls;
  return hook_ && hook_(hookContext_, now) && readyLength_ > 0;
}

void Scheduler::expireTimers(int64_t now) noexcept {
  const uint32_t before = readyLength_;
  if (policy_ || ready_.empty()) {
    expireWheels(now);
    // Those whose time comes next are behind these.
    if (readyLength_ > before) othersHaveRun_ = counters_.switches + (readyLength_ - before) + 1;
    return;
  }
  if (counters_.switches < othersHaveRun_) return;
  RunQueue others;
  others.append(ready_);
  newbornAhead_ = {};
  expireWheels(now);
  if (readyLength_ > before) othersHaveRun_ = counters_.switches + (readyLength_ - before) + 1;
  others.insertBehind(find(newbornAhead_.slot, newbornAhead_.generation), ready_);
  ready_.append(others);
}

void Scheduler::letBegin(const Newborn& made) noexcept {
  const Coroutine* c = find(made.slot, made.generation);
  if (c && !c->hasBegun() && made.serial > newbornAhead_.serial) newbornAhead_ = made;
}

namespace {

// Asks for the memory of those whose turn comes next while there still is something else to do: their records three
// turns ahead, the translation of their stacks' addresses two, the newest frames one. Round robin with 1,000
// coroutines: 47 ns a turn instead of 98; 100,000 that read 8 KiB each a turn: 0.85 us instead of 1.16. More of the
// stack (384 bytes hold what returning to JavaScript touches) only keeps other lines waiting. Tried with 100,000 and not
// better, by -5 to -8 % where two equal builds differ by up to 4: asking behind the locked instruction of the switch, all
// but the newest frames one turn earlier, and 256 bytes below the stack pointer as well.
inline void fetchAhead(const Coroutine* first) noexcept {
  constexpr size_t kFrames = 384;
  if (!first) return;
  const auto* sp = static_cast<const char*>(first->execution.sp);
  stack::fetch(sp + stack::kCacheLine, kFrames - stack::kCacheLine);
  const Coroutine* second = first->next;
  if (!second) return;
  stack::fetch(second->execution.sp);
  stack::fetch(second->execution.node);
  const auto* third = reinterpret_cast<const char*>(second->next);
  if (!third) return;
  stack::fetch(third, sizeof(Coroutine));
}

}  // namespace

// Every way of stopping ends here, with `self` parked or in the queue. Inlined for the same reason as the switch.
[[gnu::always_inline]] inline int32_t Scheduler::switchAway(Coroutine* self) noexcept {
  if (resumption_) [[unlikely]]
    return switchToCaller(self);
  Coroutine* to = next();
  if (to == self) {
    self->state = State::kRunning;
    published_->credit = self->allowance;
    return self->wakeCode;
  }
  ++counters_.switches;
  if (to) {
    setRunning(*to);
    fetchAhead(policy_ ? policy_->first() : ready_.first());
    to->state = State::kRunning;
    engine_.switchBetween(self->execution, to->execution);
  } else {
    setNoneRunning();
    engine_.switchTo(self->execution, engine_.main());
  }
  // The one that has switched here has called setRunning and set our state.
  return self->wakeCode;
}

// Whoever resumed what runs is the running one again: null when that is the main stack.
inline Coroutine* Scheduler::returnToCaller() noexcept {
  Resumption* here = resumption_;
  resumption_ = here->outer;
  here->credit = published_->credit;
  Coroutine* caller = here->caller;
  if (caller) {
    setRunning(*caller);
    published_->credit = here->credit;
  } else {
    setNoneRunning();
  }
  return caller;
}

int32_t Scheduler::switchToCaller(Coroutine* self) noexcept {
  ++counters_.switches;
  Coroutine* caller = returnToCaller();
  if (caller) {
    engine_.switchBetween(self->execution, caller->execution);
  } else {
    engine_.switchTo(self->execution, engine_.main());
  }
  return self->wakeCode;
}

// With all that park() may come to, out of the way of suspend().
__attribute__((noinline)) int32_t Scheduler::parkForResume() noexcept {
  return park({ParkKind::kFiber, -1, 0});
}

int32_t Scheduler::resume(Coroutine* c) noexcept {
  Coroutine* self = running_;
  if (c->state != State::kParked || c->parkKind != ParkKind::kFiber) return kNotResumable;
  if (self) {
    if (self->atomics > 0) return kInAtomicSection;
    if (!engine_.mayPark()) return kCannotPark;
  }
  Resumption here{self, resumption_, published_->credit};
  resumption_ = &here;
  c->wakeCode = 0;
  c->state = State::kRunning;
  ++counters_.switches;
  setRunning(*c);
  if (self) {
    published_->credit = here.credit;
    engine_.switchBetween(self->execution, c->execution);
  } else {
    engine_.switchTo(engine_.main(), c->execution);
  }
  return 0;
}

[[gnu::always_inline]] inline int32_t Scheduler::parkNow(Coroutine* self, Reason reason) noexcept {
  self->parkKind = reason.kind;
  self->parkFd = reason.fd;
  self->parkNumber = reason.number;
  self->parkedAt = clockTick_;
  self->state = State::kParked;
  ++counters_.parks;
  return switchAway(self);
}

int32_t Scheduler::park(Reason reason) noexcept {
  Coroutine* self = running_;
  if (!self) return kNotInCoroutine;
  if (self->interrupted()) [[unlikely]]
    return refuse();
  if (counters_.parks >= observeFrom_) [[unlikely]]
    return parkObserved(reason);
  if (!engine_.mayPark()) return kCannotPark;
  return parkNow(self, reason);
}

int32_t Scheduler::parkObserved(Reason reason) noexcept {
  Coroutine* self = running_;
  if (!engine_.mayPark()) return kCannotPark;
  ParkObserver* observer = observer_;
  const uint64_t ticket = observer->parks(*self, reason);
  // What the switch takes along has to be seen anew: the observer may have made V8 allocate.
  if (!engine_.mayPark()) return kCannotPark;
  const int32_t code = parkNow(self, reason);
  if (ticket != 0 && observer == observer_) observer->resumed(*self, ticket);
  return code;
}

int32_t Scheduler::parkWithTimer(Reason reason, Deadline deadline, Timers& wheel) noexcept {
  struct Alarm : Timer {
    Scheduler* scheduler;
    Coroutine* coroutine;
    Newborn made;
  } alarm;
  alarm.scheduler = this;
  alarm.coroutine = running_;
  alarm.made = newest_;
  alarm.fire = [](Timer* timer) {
    auto* a = static_cast<Alarm*>(timer);
    if (a->scheduler->wake(a->coroutine, -ETIMEDOUT)) a->scheduler->letBegin(a->made);
  };
  wheel.insert(alarm, deadline);
  const int32_t code = park(reason);
  wheel.cancel(alarm);
  return code;
}

int32_t Scheduler::yieldNow() noexcept {
  Coroutine* self = running_;
  if (!self) return kNotInCoroutine;
  if (self->interrupted()) [[unlikely]]
    return refuse();
  if (!engine_.mayPark()) return kCannotPark;
  return goBehindOthers(self);
}

inline int32_t Scheduler::goBehindOthers(Coroutine* self) noexcept {
  self->parkKind = ParkKind::kYield;
  self->parkFd = -1;
  self->parkNumber = 0;
  self->wakeCode = 0;
  self->parkedAt = clockTick_;
  self->state = State::kReady;
  enqueue(self);
  return switchAway(self);
}

// One that is cancelled and tries again and again must not keep the others out.
int32_t Scheduler::refuse() noexcept {
  const int32_t code = running_->interrupted();
  charge();
  return code;
}

bool Scheduler::preempt() noexcept {
  Coroutine* self = running_;
  if (!self || self->atomics > 0 || self->simulated || resumption_ || !engine_.mayPark()) return false;
  // Who has become ready while it computed goes first, and then the host's loop, if the batch has lasted long enough.
  poll(readClock());
  self->parkKind = ParkKind::kYield;
  self->parkFd = -1;
  self->parkNumber = 0;
  self->state = State::kReady;
  enqueue(self);
  ++counters_.preemptions;
  clock_.checkNext();
  switchAway(self);
  return true;
}

// The allowance follows what a turn has lasted, of which the last look at the counter is all that is known: other turns may
// be in it, which only costs a few calls.
int32_t Scheduler::spendCredit() noexcept {
  Coroutine* self = running_;
  if (!self) return kNotInCoroutine;
  // Its caller has to give way, who does when it is charged next.
  if (resumption_) {
    published_->credit = 0;
    return self->interrupted();
  }
  // A simulation must go the same way again, and the same way as the run that was recorded for it.
  const uint64_t spans = self->simulated || steady_ ? 0 : clock_.longSpansSinceLook();
  if (spans > 0) {
    const uint64_t fewer = self->allowance / (spans + 1);
    self->allowance = fewer > kLeastAllowance ? static_cast<uint8_t>(fewer) : kLeastAllowance;
    clock_.checkNext();
  } else if (self->allowance < kMostAllowance) {
    self->allowance = static_cast<uint8_t>(std::min<uint32_t>(self->allowance * 2u, kMostAllowance));
  }
  self->parkedAt = clockTick_;
  published_->credit = self->allowance;
  // A call that does not have to wait is not refused because the stack cannot be left just now.
  if (self->atomics > 0 || !engine_.mayPark()) return self->interrupted();
  goBehindOthers(self);
  return self->interrupted();
}

Coroutine* Scheduler::nextOfFinished(Coroutine* self) noexcept {
  if (known_.chosen && known_.chosen->chooser() == self) [[unlikely]]
    setPolicy(nullptr);
  self->state = State::kDone;
  releaseSlot(self);
  ++counters_.finished;
  ++counters_.switches;
  if (resumption_) return returnToCaller();
  Coroutine* to = next();
  if (to) {
    setRunning(*to);
    to->state = State::kRunning;
  } else {
    setNoneRunning();
  }
  return to;
}

void Scheduler::finish() noexcept {
  Coroutine* self = running_;
  // Before the stack goes back: this may poll, which is a lot of code to run on it.
  Coroutine* to = nextOfFinished(self);
  stacks_.release(self->execution.stack);
  engine_.finishTo(self->execution, to ? to->execution : engine_.main());
}

bool Scheduler::rest() noexcept {
  Coroutine* self = running_;
  if (!reuse_.mayAdd(*self) || !engine_.mayPark() || !reuse_.isWorthIt()) return false;
  Coroutine* to = nextOfFinished(self);
  reuse_.add(*self);
  engine_.switchTo(self->execution, to ? to->execution : engine_.main());
  return true;
}

void Scheduler::halt() noexcept {
  Coroutine* self = running_;
  setNoneRunning();
  // Those in the middle of resume() have stopped there.
  for (; resumption_; resumption_ = resumption_->outer) {
    if (resumption_->caller) resumption_->caller->state = State::kParked;
  }
  ready_.clear();
  readyLength_ = 0;
  engine_.finishTo(self->execution, engine_.main());
}

bool Scheduler::runBatch(int64_t budgetNs) noexcept {
  if (running_) return false;
  clock_.begin();
  const int64_t now = readClock();
  batchEnd_ = now + budgetNs;
  untilPoll_ = kPollEvery;
  if (readyLength_ > 0) expireTimers(now);
  Coroutine* first = dequeue();
  if (!first) first = nextAfterPoll();
  if (!first) return readyLength_ > 0;
  begin(first);
  return readyLength_ > 0;
}

void Scheduler::begin(Coroutine* c) noexcept {
  ++counters_.switches;
  setRunning(*c);
  c->state = State::kRunning;
  engine_.switchTo(engine_.main(), c->execution);
}

Coroutine* Scheduler::take() noexcept {
  if (readyLength_ == 0) poll(readClock());
  return dequeue();
}

void Scheduler::runTurn(Coroutine* c) noexcept {
  // A batch whose time is over at the first look at the clock.
  batchEnd_ = 0;
  clock_.checkNext();
  begin(c);
}

void Scheduler::runLastTurn(Coroutine* c) noexcept {
  // In an atomic section that is never left: giving way would let other coroutines run.
  ++c->atomics;
  reconsider(c);
  c->wakeCode = -ECANCELED;
  inLastTurn_ = true;
  begin(c);
  inLastTurn_ = false;
}

void Scheduler::shutdown() noexcept {
  if (running_) return;
  ready_.clear();
  timers_->clear();
  if (soft_) soft_->clear();
  for (Slot& slot : table_) {
    Coroutine* c = slot.coroutine;
    if (!c) continue;
    c->state = State::kDone;
    releaseSlot(c);
    engine_.abandon(c->execution);
    stacks_.release(c->execution.stack);
  }
  dropResting();
  readyLength_ = 0;
  externalWaits_ = 0;
}

namespace {

Deadline deadlineIn(int64_t nanoseconds, int64_t now) noexcept {
  return nanoseconds < kNoDeadline - now ? now + nanoseconds : kNoDeadline;
}

int32_t slept(int32_t code) noexcept {
  return code == -ETIMEDOUT ? 0 : code;
}

int32_t sleep(Scheduler& scheduler, Deadline deadline, int64_t length) noexcept {
  return slept(scheduler.parkUntil({ParkKind::kSleep, -1, length}, deadline));
}

}  // namespace

int32_t sleepUntil(Scheduler& scheduler, Deadline deadline) noexcept {
  return sleep(scheduler, deadline, 0);
}

int32_t sleepFor(Scheduler& scheduler, int64_t nanoseconds) noexcept {
  if (nanoseconds < SoftTimers::kBelowNs) return sleepSoftlyFor(scheduler, nanoseconds);
  return sleep(scheduler, deadlineIn(nanoseconds, scheduler.now()), nanoseconds);
}

int32_t sleepSoftlyFor(Scheduler& scheduler, int64_t nanoseconds) noexcept {
  const int64_t now = scheduler.now();
  return slept(scheduler.sleepSoftly({ParkKind::kSleep, -1, nanoseconds}, now, deadlineIn(nanoseconds, now)));
}

}  // namespace stackful::sched
