// Runs coroutines on one thread: the table of live ones, the run queue, parking and waking. Knows no sockets
// and no files; what wakes coroutines from outside is reached through one poll hook.
//
// Who may call what: everything belongs to the environment's thread. park, yieldNow, finish and what is built
// on them run on a coroutine; runBatch and shutdown run on the main stack; wake, spawn and interrupt anywhere
// on the thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../engine/engine.h"
#include "../stack/stack_memory.h"
#include "coroutine.h"
#include "park_observer.h"
#include "policy.h"
#include "result_code.h"
#include "run_queue.h"
#include "share.h"
#include "soft_timers.h"
#include "stack_reuse.h"
#include "timers.h"
#include "turn_clock.h"

namespace stackful::sched {

class BorrowedVirtualTime;
class ShortestRemaining;

// What a parking call returns: 0 or more = woken for the reason it waited for, -errno = ended otherwise, and kNotInCoroutine
// or kCannotPark (result_code.h) when it did not park at all.

struct Counters {
  uint64_t switches = 0;  // changes of stack, those to and from main included
  uint64_t parks = 0;     // yields not included
  uint64_t polls = 0;     // calls of the poll hook
  uint64_t preemptions = 0;
  uint64_t spawned = 0;
  uint64_t finished = 0;
  uint32_t peak = 0;  // most coroutines alive at once
};

class Scheduler {
 public:
  // Both must outlive the scheduler.
  Scheduler(engine::Engine& engine, stack::StackPool& stacks) noexcept;
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // The hook wakes the coroutines that the outside world has made ready, without blocking; true if there were any.
  // `now` is the clock the scheduler has just read.
  using PollHook = bool (*)(void* context, int64_t now);
  void setPoll(PollHook hook, void* context) noexcept;

  // The host has asked the outside world itself.
  void notePoll(int64_t now) noexcept {
    ++counters_.polls;
    lastPoll_ = now;
  }

  // Fires the timers that are due; the hook does, too. Whom they wake goes before those that are ready, so that a sleeper
  // waits for one turn and not for everybody's; but not before one that was made before it parked and has not begun, because
  // callers expect what they spawn to have run after a sleep. After such a call the next ones do nothing until one of those
  // that were ready has run, so that sleepers cannot keep them out.
  void expireTimers(int64_t now) noexcept;

  // Makes a coroutine that will run entry(argument) and puts it at the end of the run queue. `entry` must end
  // with finish(). nullptr when there is no memory for a stack.
  // `first` kParked: it is parked in kFiber instead, and begins by resume().
  Coroutine* spawn(size_t stackBytes, void (*entry)(void*), void* argument,
                   uint8_t priority = kNormalPriority, State first = State::kReady) noexcept;

  // The same on a stack that rests: nullptr when there is none of that size.
  Coroutine* respawn(size_t stackBytes, uint8_t priority = kNormalPriority,
                     State first = State::kReady) noexcept;

  // Runs `c`, which is parked in kFiber, on top of the caller, a coroutine or the main stack, and returns when it stops next:
  // it has parked, whatever for, or ended. In between nothing else runs, and time slices do not end. What it calls without
  // having to wait is charged to the caller. 0, or why not: kNotResumable, kInAtomicSection, kCannotPark.
  int32_t resume(Coroutine* c) noexcept;
  // Parks the running coroutine in kFiber, until it is resumed.
  int32_t suspend() noexcept {
    Coroutine* self = running_;
    if (!resumption_ || self->interrupted()) [[unlikely]]
      return parkForResume();
    if (!engine_.mayPark()) return kCannotPark;
    self->parkKind = ParkKind::kFiber;
    self->parkFd = -1;
    self->parkNumber = 0;
    self->parkedAt = clockTick_;
    self->state = State::kParked;
    ++counters_.parks;
    return switchToCaller(self);
  }
  // From now on, what coroutines may do in a turn does not depend on how long turns take.
  void setSteady(bool on) noexcept { steady_ = on; }
  // Whether what runs was resumed.
  bool resuming() const noexcept { return resumption_ != nullptr; }

  // The coroutine this code runs on, or nullptr on the main stack.
  Coroutine* running() const noexcept { return running_; }
  // What JavaScript reads in memory it shares with us, for a tenth of what a call costs.
  struct Published {
    int32_t slot = -1;         // of the running coroutine; -1 on the main stack
    int32_t interruption = 0;  // what a parking call of it would end with before it begins, or 0
    int32_t credit = 0;        // calls that do not wait until it has to give way; JavaScript counts down, too
  };
  void publishTo(Published* published) noexcept {
    published_ = published;
    if (running_) {
      setRunning(*running_);
    } else {
      setNoneRunning();
    }
  }
  // nullptr when the slot is empty.
  Coroutine* at(uint32_t slot) const noexcept {
    return slot < table_.size() ? table_[slot].coroutine : nullptr;
  }
  // nullptr when that coroutine is over.
  Coroutine* find(uint32_t slot, uint32_t generation) const noexcept {
    Coroutine* c = at(slot);
    return c && c->generation == generation ? c : nullptr;
  }
  // One past the highest slot in use: for (uint32_t i = 0; i < slots(); ++i) if (auto* c = at(i)) ...
  uint32_t slots() const noexcept { return static_cast<uint32_t>(table_.size()); }

  // Stops the running coroutine until a wake; returns its code (or the interruption's).
  int32_t park(Reason reason) noexcept;
  // `observer` is told of every park from number `first` (of Counters::parks) on; it may move that number at any time. Costs
  // each other park a comparison. Fibers that suspend are not told of.
  void observeParks(ParkObserver* observer, uint64_t first) noexcept {
    observer_ = observer;
    observeFrom_ = observer ? first : UINT64_MAX;
  }
  // The one way in which every call that waits for the outside world parks (sockets, files, timers): counted
  // in externalWaits, and woken with -ETIMEDOUT at the deadline. Deadlines in the past still give one poll a
  // chance.
  int32_t parkUntil(Reason reason, Deadline deadline) noexcept {
    ++externalWaits_;
    const int32_t code = deadline == kNoDeadline ? park(reason) : parkWithTimer(reason, deadline, *timers_);
    --externalWaits_;
    return code;
  }
  // The same for a deadline that is kept to a microsecond wherever coroutines run and stop; see soft_timers.h.
  int32_t sleepSoftly(Reason reason, int64_t now, Deadline deadline) noexcept;

  // `c`, which has not begun and is parked, becomes ready after that time. The event's number, or -ENOMEM.
  int32_t armSoft(Coroutine* c, int64_t nanoseconds) noexcept;
  // By `c` when it begins: whether something else than the event has made it ready.
  bool disarmSoft(uint32_t number, const Coroutine* c) noexcept { return soft_ && soft_->disarm(number, c); }
  bool softIsDue() const noexcept { return clock_.softIsDue(); }
  // Whether nothing is ready and one is due so soon that to sleep until then is not worth it.
  bool softIsSoon(int64_t now) const noexcept {
    return soft_ && readyLength_ == 0 && soft_->wheel().size() > 0 &&
           clock_.softNext() - now <= SoftTimers::kSpinNs;
  }

  // Makes a parked coroutine ready; park() returns `code` there. False, and nothing happens, unless it is
  // parked.
  bool wake(Coroutine* c, int32_t code) noexcept {
    if (c->state != State::kParked) return false;
    c->wakeCode = code;
    c->state = State::kReady;
    c->parkedAt = clockTick_;
    enqueue(c);
    return true;
  }

  // For how many nanoseconds a parked coroutine has been parked. Costs a park two instructions, because it goes by
  // the clock as the scheduler read it last: right to kClockTickNs and the time coroutines ran since (see TurnClock);
  // wraps after 52 days.
  int64_t parkedFor(const Coroutine* c, int64_t now) const noexcept {
    return static_cast<int64_t>(clockTick(now) - c->parkedAt) * kClockTickNs;
  }

  // For how long the running coroutine waited for its turn after it was woken (made); as exact as parkedFor.
  int64_t waitedForTurn(int64_t now) const noexcept { return parkedFor(running_, now); }
  // `now` shows that the last poll was long ago, because coroutines take long: the next switch polls.
  void noteLongTurn(int64_t now) noexcept {
    if (now - lastPoll_ >= kClockTickNs) clock_.checkNext();
  }

  // Lets every other ready coroutine run first. 0, an interruption, or one of the two codes above.
  int32_t yieldNow() noexcept;
  // Makes the running coroutine stop wherever it is, without its doing: to be called in an interrupt. False, and nothing
  // happens, in an atomic section and where the engine refuses to leave the stack.
  bool preempt() noexcept;
  // By the running coroutine, whenever a call that could have parked did not have to: one that finds everything ready would
  // keep the others out else. When its credit is spent it gives way: after kMostAllowance calls of one turn, and sooner
  // when it computes so long in between that those take more than a quarter of a millisecond.
  void charge() noexcept {
    if (--published_->credit <= 0) [[unlikely]]
      spendCredit();
  }
  // Gives way, even when interrupted; with new credit. What yieldNow returns.
  int32_t spendCredit() noexcept;
  // The same ahead of a call that must not be interrupted between what it does and its charge. Whether others may have run.
  bool chargeAhead() noexcept {
    if (!running_ || published_->credit > 1) [[likely]]
      return false;
    spendCredit();
    if (published_->credit < 2) published_->credit = 2;
    return true;
  }

  // From now on every parking call of `c` ends with -ECANCELED, the one it is in included, except in a
  // shield.
  void cancel(Coroutine* c) noexcept;
  // Enters a limit around what the running coroutine does next, inside those that it is in already; what it is
  // is up to its `code`. A deadline counts as an external wait: a parked coroutine it will wake is not
  // forgotten.
  void enterLimit(Limit& limit, Deadline deadline = kNoDeadline) noexcept;
  // Leaves the innermost limit, and with it undoes the interruption that came from it.
  void leaveLimit(Limit& limit) noexcept;
  // Interrupts what is done inside: the time is up, the signal is aborted.
  void fire(Limit& limit) noexcept;
  // The innermost fired limit that no shield holds off from the running coroutine: the one a call was ended by.
  const Limit* firedLimit() const noexcept;
  // An atomic section: until it is left, every call that can park returns kInAtomicSection.
  void enterAtomic() noexcept;
  void leaveAtomic() noexcept;
  LimitPool& limitPool() noexcept { return limitPool_; }

  // Exchanges the policy; nullptr: first in, first out. Those that are ready move over in the order in which the old
  // one would have run them. May be called anywhere on the thread.
  void setPolicy(std::unique_ptr<Policy> policy) noexcept;
  // An application's policy, decided by the running coroutine from now on, until another policy is set: then
  // chooseNext returns -ECANCELED there.
  int32_t becomeChooser() noexcept;
  Chosen* chosen() noexcept { return known_.chosen; }
  // Puts borrowed virtual time in force; see borrowed_virtual_time.h.
  void borrowVirtualTime(int64_t allowanceNs) noexcept;
  // The same for shortest remaining time first; see shortest_remaining.h, also for the next three, which do nothing without it.
  void runShortestFirst(int64_t patienceNs) noexcept;
  ShortestRemaining* shortest() noexcept { return known_.shortest; }
  // By the running coroutine: what it has done so far is over, and a job of that kind begins. Or: so much remains of it.
  void beginJob(uint64_t kind) noexcept {
    if (known_.shortest && running_) [[unlikely]]
      beginJobByPolicy(kind);
  }
  void expectWork(int64_t ns, bool ofFile = false) noexcept {
    if (known_.shortest && running_) [[unlikely]]
      expectByPolicy(ns, ofFile);
  }
  // What coroutines get under borrowed virtual time, now or when it is put in force.
  Shares& shares() noexcept;
  void joinShare(Coroutine* c, Share& share) noexcept;
  // By the chooser: runs `c`, and returns when there are coroutines to choose from again; kNotChoosable when `c` is not one
  // that it has taken.
  int32_t chooseNext(Coroutine* c) noexcept;

  // What is ready, in the order in which it would run if nothing else became ready and, under borrowed virtual time, all turns
  // took equally long: the first `room`, and how many that are. An application's policy has its own order of those that it
  // holds, which the second one has in any.
  size_t upcoming(Upcoming* into, size_t room) const noexcept;
  size_t heldByChooser(Upcoming* into, size_t room) const noexcept;

  // The running coroutine's JavaScript has ended without leaving what it was in.
  void leaveLimitsAndAtomics() noexcept;
  // Ends the running coroutine. Its stack is back in the pool when this leaves it.
  [[noreturn]] void finish() noexcept;

  // Ends the running coroutine as well, but its stack rests (stack_reuse.h): this returns when another one, made by respawn,
  // has its turn there. False, and nothing has happened: enough stacks rest, or this one should be made anew; finish().
  bool rest() noexcept;

  // Gives the stacks that rest up, so that their memory can go.
  void dropResting() noexcept { reuse_.dropAll(); }

  // Ends the running coroutine and the batch: nothing else runs, ready or not, and the main stack continues.
  // For the end of the embedding's execution; only shutdown() makes sense afterwards.
  [[noreturn]] void halt() noexcept;

  // Main stack only. Runs coroutines until none is ready after a poll, or the budget is spent; true = work is
  // left. The clock is read only at polls and when clock_ says so, so the budget is a rough one. However long or short turns
  // are, and whatever the policy, there is a poll within a turn and kPollIntervalNs, or kPollEvery checks.
  bool runBatch(int64_t budgetNs) noexcept;
  // The same in steps, for a host that puts something around every turn of a coroutine: takes the next one, after a poll
  // if none is ready (nullptr: nor is one then), and runs it until it stops. What was taken must be run.
  Coroutine* take() noexcept;
  void runTurn(Coroutine* c) noexcept;

  // Main stack only, before shutdown(). Gives `c`, which has stopped somewhere, its last turn: the call it is in ends with
  // -ECANCELED, no other can park, and it must end by halt().
  void runLastTurn(Coroutine* c) noexcept;
  // No code will see what the call comes to.
  bool inLastTurn() const noexcept { return inLastTurn_; }

  // Main stack only. Forgets every coroutine as it stands: nothing on their stacks runs again, no destructor
  // either. Whatever holds pointers into those stacks (sockets, timers) must have let go before.
  void shutdown() noexcept;

  // For TimeSlices, whose thread looks at these two while they change.
  uint64_t switchesSeenElsewhere() const noexcept {
    return __atomic_load_n(&counters_.switches, __ATOMIC_RELAXED);
  }
  bool runsSeenElsewhere() const noexcept { return __atomic_load_n(&running_, __ATOMIC_RELAXED) != nullptr; }

  Timers& timers() noexcept { return *timers_; }
  size_t armedTimers() const noexcept { return timers_->size() + (soft_ ? soft_->wheel().size() : 0); }
  // No timer fires before this moment.
  Deadline nextExpiry() const noexcept {
    const Deadline next = timers_->nextExpiry();
    return soft_ ? std::min(next, soft_->wheel().nextExpiry()) : next;
  }
  // The clock of sleeps and time limits: the system's, or that of the simulation that runs.
  int64_t now() const noexcept { return simulated_ ? virtualNow_ : monotonicNow(); }
  engine::Engine& engine() noexcept { return engine_; }

  uint32_t live() const noexcept { return live_; }
  uint32_t readyLength() const noexcept { return readyLength_; }
  // Coroutines parked in parkUntil: the host's loop must stay alive while there are any.
  uint32_t externalWaits() const noexcept { return externalWaits_; }
  // For what a parkUntil should not keep the loop alive (an unref'ed socket): adjusts the count by hand.
  void adjustExternalWaits(int32_t by) noexcept { externalWaits_ += static_cast<uint32_t>(by); }
  const Counters& counters() const noexcept { return counters_; }
  // Changes whenever a coroutine stops or the outside world is asked. For other threads, which see it a little late.
  uint64_t progress() const noexcept {
    return __atomic_load_n(&counters_.switches, __ATOMIC_RELAXED) +
           __atomic_load_n(&counters_.polls, __ATOMIC_RELAXED);
  }

  static constexpr uint8_t kLeastAllowance = 1, kMostAllowance = 64;
  static constexpr uint32_t kPollEvery = 4;            // looks at the clock between polls, at most
  static constexpr int64_t kPollIntervalNs = 250'000;  // ... and time
  static constexpr int kClockTickBits = 20;            // 1.05 ms: what parkedAt counts in
  static constexpr int64_t kClockTickNs = int64_t{1} << kClockTickBits;

 private:
  friend class Simulation;
  struct Slot {
    Coroutine* coroutine = nullptr;
    uint32_t generation = 0;
    uint32_t nextFree = 0;
  };
  static constexpr uint32_t kNoSlot = UINT32_MAX;

  void setRunning(Coroutine& c) noexcept {
    running_ = &c;
    // Word by word: put together elsewhere and copied, it would be waited for.
    published_->slot = static_cast<int32_t>(c.slot);
    published_->interruption = c.interruption;
    published_->credit = c.allowance;
  }
  void setNoneRunning() noexcept {
    running_ = nullptr;
    *published_ = {};
  }
  static uint32_t clockTick(int64_t now) noexcept { return static_cast<uint32_t>(now >> kClockTickBits); }
  // The clock, which also becomes the moment from which the running coroutine is parked if it is the one that stops.
  int64_t readClock() noexcept;

  void enqueue(Coroutine* c) noexcept {
    if (policy_) [[unlikely]] {
      policy_->push(c);
    } else {
      ready_.push(c);
    }
    ++readyLength_;
  }
  // The one whose turn it is, or nullptr.
  Coroutine* dequeue() noexcept {
    if (policy_) [[unlikely]]
      return dequeueByPolicy();
    Coroutine* c = ready_.pop();
    if (c) --readyLength_;
    return c;
  }
  Coroutine* dequeueByPolicy() noexcept;

  // The coroutine that was made last at some moment.
  struct Newborn {
    uint64_t serial = 0;  // 0: none had been made
    uint32_t slot = kNoSlot, generation = 0;
  };

  // While timers expire: whom they wake goes behind the one that was the newest when it parked, if that has not begun.
  void letBegin(const Newborn& made) noexcept;

  // One call of resume(), on the stack of its caller.
  struct Resumption {
    Coroutine* caller;  // null: the main stack
    Resumption* outer;
    int32_t credit = 0;  // of the caller from now on
  };
  Coroutine* returnToCaller() noexcept;
  int32_t switchToCaller(Coroutine* self) noexcept;
  int32_t parkForResume() noexcept;

  void begin(Coroutine* c) noexcept;
  void enlist(Coroutine* c, uint8_t priority, State first) noexcept;
  Coroutine* nextOfFinished(Coroutine* self) noexcept;
  int32_t parkNow(Coroutine* self, Reason reason) noexcept;
  [[gnu::noinline]] int32_t parkObserved(Reason reason) noexcept;
  int32_t switchAway(Coroutine* self) noexcept;
  int32_t goBehindOthers(Coroutine* self) noexcept;
  int32_t refuse() noexcept;
  Coroutine* next() noexcept;
  Coroutine* nextAfterLook() noexcept;
  Coroutine* nextAfterCheck() noexcept;
  Coroutine* nextAfterPoll() noexcept;
  bool poll(int64_t now) noexcept;
  // Whether it has.
  bool pollUnlessRecent(int64_t now, bool inAnyCase) noexcept {
    const bool polls = inAnyCase || now - lastPoll_ >= kPollIntervalNs;
    if (polls) poll(now);
    return polls;
  }
  // Not inlined: the timer would be part of every parked stack, and those are read back from memory, not from
  // a cache.
  [[gnu::noinline]] int32_t parkWithTimer(Reason reason, Deadline deadline, Timers& wheel) noexcept;
  SoftTimers* softTimers() noexcept;
  void expectSoft(Deadline deadline, int64_t now) noexcept;
  void expireSoft(int64_t now) noexcept;
  [[gnu::noinline]] void expireDueSoft() noexcept;
  void expireWheels(int64_t now) noexcept {
    timers_->expire(now);
    if (soft_) [[unlikely]]
      expireSoft(now);
  }
  void releaseSlot(Coroutine* c) noexcept;
  void reconsider(Coroutine* c) noexcept;
  void beginJobByPolicy(uint64_t kind) noexcept;
  void expectByPolicy(int64_t ns, bool ofFile) noexcept;

  // policy_ as what it is, where more is asked of it than of any.
  struct KnownPolicy {
    Chosen* chosen = nullptr;
    BorrowedVirtualTime* borrowed = nullptr;
    ShortestRemaining* shortest = nullptr;
  };

  // Hot, in the order of use.
  Coroutine* running_ = nullptr;
  Published* published_ = &unpublished_;
  Resumption* resumption_ = nullptr;  // the innermost
  RunQueue ready_;                    // while there is no policy_
  std::unique_ptr<Policy> policy_;
  TurnClock clock_;
  uint32_t readyLength_ = 0;
  uint32_t externalWaits_ = 0;
  uint32_t untilPoll_ = kPollEvery;
  uint32_t clockTick_ = 0;  // of the last look at the clock
  engine::Engine& engine_;
  Counters counters_;
  uint64_t observeFrom_ = UINT64_MAX;  // parks from this number on are told to observer_

  ParkObserver* observer_ = nullptr;
  PollHook hook_ = nullptr;
  void* hookContext_ = nullptr;
  int64_t lastPoll_ = 0;
  int64_t batchEnd_ = 0;
  uint64_t othersHaveRun_ = 0;  // once there have been so many switches: see expireTimers
  Newborn newest_;
  Newborn newbornAhead_;  // while timers expire
  stack::StackPool& stacks_;
  StackReuse reuse_;
  uint32_t live_ = 0;
  uint32_t firstFree_ = kNoSlot;
  KnownPolicy known_;
  std::unique_ptr<Shares> shares_;
  Published unpublished_;
  std::vector<Slot> table_;
  Timers realTimers_;
  Timers* timers_ = &realTimers_;
  std::unique_ptr<SoftTimers> soft_;  // null as long as nothing needed one
  bool simulated_ = false;            // a Simulation lives
  bool steady_ = false;               // see setSteady
  bool inLastTurn_ = false;
  int64_t virtualNow_ = 0;
  LimitPool limitPool_;
};

// Parks the running coroutine until `deadline`: 0, or the code that ended the sleep early.
int32_t sleepUntil(Scheduler& scheduler, Deadline deadline) noexcept;
int32_t sleepFor(Scheduler& scheduler, int64_t nanoseconds) noexcept;
// The same to a microsecond, however long; sleepFor is when it is short.
int32_t sleepSoftlyFor(Scheduler& scheduler, int64_t nanoseconds) noexcept;

}  // namespace stackful::sched
