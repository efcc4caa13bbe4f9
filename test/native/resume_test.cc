// Coroutines that are resumed on top of their callers, the main stack or another coroutine.
#include <doctest/doctest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "environment.h"
#include "plain_engine.h"

using namespace stackful;
using namespace stackful::sched;
using test::Environment;
using test::kMs;

namespace {

constexpr Reason kReason{ParkKind::kOther, -1, 0};

// Runs `body` as a coroutine that resume() begins: it has parked in kFiber by then.
template <class Body>
Coroutine* hold(Environment& e, Body body) {
  Coroutine* c = e.go([&e, body] {
    if (e.scheduler.suspend() == 0) body();
  });
  e.scheduler.runBatch(1000 * kMs);
  return c;
}

}  // namespace

TEST_CASE("resume runs the coroutine until it suspends itself, parks or ends") {
  Environment e;
  std::string log;
  Coroutine* c = hold(e, [&] {
    CHECK(e.scheduler.resuming());
    log += 'a';
    CHECK(e.scheduler.suspend() == 0);
    log += 'b';
    CHECK(e.scheduler.park(kReason) == 7);
    CHECK_FALSE(e.scheduler.resuming());
    log += 'c';
    CHECK(e.scheduler.suspend() == 0);
    log += 'd';
  });
  CHECK(e.scheduler.resume(c) == 0);
  CHECK(log == "a");
  CHECK(e.scheduler.running() == nullptr);
  CHECK_FALSE(e.scheduler.resuming());
  CHECK(e.scheduler.resume(c) == 0);
  CHECK(log == "ab");
  // It waits for something else: that goes on in a batch.
  CHECK(e.scheduler.resume(c) == kNotResumable);
  CHECK(e.scheduler.wake(c, 7));
  CHECK(e.scheduler.resume(c) == kNotResumable);
  CHECK(log == "ab");
  e.scheduler.runBatch(1000 * kMs);
  CHECK(log == "abc");
  CHECK(e.scheduler.resume(c) == 0);
  CHECK(log == "abcd");
  CHECK(e.scheduler.live() == 0);
  CHECK(e.stacks.stats().live == 0);
}

TEST_CASE("others that are ready have no turn before the caller goes on") {
  Environment e;
  std::string log;
  Coroutine* inner = hold(e, [&] {
    log += 'i';
    e.scheduler.yieldNow();
    log += 'j';
  });
  e.go([&] {
    log += 'a';
    CHECK(e.scheduler.resume(inner) == 0);
    log += 'b';
  });
  e.go([&] { log += 'o'; });
  e.scheduler.runBatch(1000 * kMs);
  CHECK(log == "aiboj");
}

TEST_CASE("fifty resumes deep, and back") {
  Environment e;
  constexpr size_t kDepth = 50;
  std::vector<Coroutine*> chain;
  std::string log;
  for (size_t i = 0; i < kDepth; ++i) {
    chain.push_back(hold(e, [&, i] {
      // The caller is running, not suspended.
      if (i > 0) CHECK(e.scheduler.resume(chain[i]) == kNotResumable);
      if (i > 0) CHECK(e.scheduler.resume(chain[i - 1]) == 0);
      log += '.';
    }));
  }
  CHECK(e.scheduler.resume(chain.back()) == 0);
  CHECK(log.size() == kDepth);
  CHECK(e.scheduler.live() == 0);
}

TEST_CASE("a cancellation and a limit wake one that is suspended; it is not resumable until its turn") {
  Environment e;
  int32_t cancelled = 1, limited = 1;
  Coroutine* c = hold(e, [&] { cancelled = e.scheduler.suspend(); });
  CHECK(e.scheduler.resume(c) == 0);
  e.scheduler.cancel(c);
  CHECK(e.scheduler.resume(c) == kNotResumable);
  Limit limit;
  limit.code = -ETIMEDOUT;
  Coroutine* d = hold(e, [&] {
    e.scheduler.enterLimit(limit);
    limited = e.scheduler.suspend();
    e.scheduler.leaveLimit(limit);
  });
  CHECK(cancelled == -ECANCELED);
  CHECK(e.scheduler.resume(d) == 0);
  e.scheduler.fire(limit);
  e.scheduler.runBatch(1000 * kMs);
  CHECK(limited == -ETIMEDOUT);
  CHECK(e.scheduler.live() == 0);
}

TEST_CASE("a caller that is cancelled meanwhile hears of it in its next call") {
  Environment e;
  int32_t code = 1, next = 1;
  Coroutine* caller = nullptr;
  Coroutine* inner = hold(e, [&] { e.scheduler.cancel(caller); });
  caller = e.go([&] {
    code = e.scheduler.resume(inner);
    next = e.scheduler.park(kReason);
  });
  e.scheduler.runBatch(1000 * kMs);
  CHECK(code == 0);
  CHECK(next == -ECANCELED);
}

TEST_CASE("what a resumed one does is charged to its caller; a time slice does not end in it") {
  Environment e;
  std::string log;
  Coroutine* inner = hold(e, [&] {
    CHECK_FALSE(e.scheduler.preempt());
    for (int i = 0; i < 2 * Scheduler::kMostAllowance; ++i) e.scheduler.charge();
    log += 'i';
  });
  e.go([&] {
    e.scheduler.resume(inner);
    log += 'a';
    e.scheduler.charge();
    log += 'b';
  });
  e.go([&] { log += 'o'; });
  e.scheduler.runBatch(1000 * kMs);
  CHECK(log == "iaob");
}

TEST_CASE("not from an atomic section, nor where the stack cannot be left; later it is") {
  Environment e;
  bool ran = false;
  Coroutine* inner = hold(e, [&] { ran = true; });
  e.go([&] {
    e.scheduler.enterAtomic();
    CHECK(e.scheduler.resume(inner) == kInAtomicSection);
    e.scheduler.leaveAtomic();
    engine::plainMayPark = false;
    CHECK(e.scheduler.resume(inner) == kCannotPark);
    engine::plainMayPark = true;
    CHECK_FALSE(ran);
    CHECK(e.scheduler.resume(inner) == 0);
  });
  e.scheduler.runBatch(1000 * kMs);
  CHECK(ran);
}

TEST_CASE("halt in the innermost of several goes back to the main stack, and the rest can be shut down") {
  Environment e;
  bool after = false;
  Coroutine* inner = hold(e, [&] { e.scheduler.halt(); });
  Coroutine* middle = hold(e, [&] {
    e.scheduler.resume(inner);
    after = true;
  });
  e.go([&] { after = true; });
  CHECK(e.scheduler.resume(middle) == 0);
  CHECK_FALSE(e.scheduler.resuming());
  CHECK(e.scheduler.running() == nullptr);
  CHECK(middle->state == State::kParked);
  CHECK_FALSE(after);
  e.scheduler.shutdown();
  CHECK(e.scheduler.live() == 0);
}
