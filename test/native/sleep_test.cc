#include <doctest/doctest.h>
#include <poll.h>
#include <algorithm>

#include <cerrno>
#include <string>
#include <vector>

#include "environment.h"

using namespace stackful;
using namespace stackful::sched;
using test::Environment;
using test::in;
using test::kMs;

namespace {

constexpr Reason kReason{ParkKind::kOther, -1, 0};

}  // namespace

TEST_CASE("sleepers wake in order of their deadlines and not early") {
  Environment e;
  std::vector<int> order;
  bool early = false;
  // From one moment, which comes when all of them have begun, under an emulator, too.
  const int64_t start = in(1000);
  for (int ms : {9, 3, 6, 0, 1}) {
    e.go([&, ms] {
      const int64_t until = start + ms * kMs;
      CHECK(sleepUntil(e.scheduler, until) == 0);
      early = early || monotonicNow() < until;
      order.push_back(ms);
    });
  }
  CHECK(e.run());
  CHECK(order == std::vector<int>{0, 1, 3, 6, 9});
  CHECK_FALSE(early);
  CHECK(e.scheduler.externalWaits() == 0);
  CHECK(e.scheduler.timers().size() == 0);
}

TEST_CASE("a sleep is described by its length and ends early when interrupted") {
  Environment e;
  int32_t code = 0, timedOut = 0;
  Coroutine* c = e.go([&] { code = sleepFor(e.scheduler, 90'000'000 * kMs); });
  Coroutine* d = e.go([&] {
    Limit limit;
    limit.code = kLimitTimedOut;
    e.scheduler.enterLimit(limit);
    timedOut = sleepUntil(e.scheduler, kNoDeadline);
    e.scheduler.leaveLimit(limit);
  });
  e.scheduler.runBatch(1000 * kMs);
  char text[64];
  describe(c->parkedOn(), text, sizeof(text));
  CHECK(std::string(text) == "sleep 9e+07ms");
  describe(d->parkedOn(), text, sizeof(text));
  CHECK(std::string(text) == "sleep");
  CHECK(e.scheduler.externalWaits() == 2);
  e.scheduler.cancel(c);
  // A time limit around the sleep is not the end of the sleep.
  e.scheduler.fire(*d->limits);
  CHECK(e.run());
  CHECK(code == -ECANCELED);
  CHECK(timedOut == kLimitTimedOut);
  CHECK(e.scheduler.timers().size() == 0);
}

TEST_CASE("parkUntil: the wake and the deadline exclude each other") {
  Environment e;
  int32_t woken = 1, late = 1;
  Coroutine* c = e.go([&] { woken = e.scheduler.parkUntil(kReason, in(60'000)); });
  e.go([&] { late = e.scheduler.parkUntil(kReason, in(1)); });
  e.scheduler.runBatch(1000 * kMs);
  CHECK(e.scheduler.wake(c, 0));
  CHECK(e.run());
  CHECK(woken == 0);
  CHECK(late == -ETIMEDOUT);
  CHECK(e.scheduler.timers().size() == 0);
}

TEST_CASE("a sleeper goes before those that are ready, and does not keep them out") {
  Environment e;
  bool stop = false;
  int turns = 0, longest = 0, slept = 0;
  for (int i = 0; i < 50; ++i) {
    e.go([&] {
      while (!stop) {
        for (const int64_t end = monotonicNow() + kMs / 10; monotonicNow() < end;)
          ;
        ++turns;
        e.scheduler.yieldNow();
      }
    });
  }
  e.go([&] {
    // It was made last.
    turns = 0;
    for (; slept < 20; ++slept) {
      CHECK(sleepFor(e.scheduler, kMs / 10) == 0);
      longest = std::max(longest, turns);
      turns = 0;
    }
    stop = true;
  });
  // Never asleep for long, always at work when it runs: without the others it would be the only one.
  e.go([&] {
    while (!stop) CHECK(sleepFor(e.scheduler, 1) == 0);
  });
  while (e.scheduler.live() > 0) e.scheduler.runBatch(4 * kMs);
  CHECK(slept == 20);
  // Two turns while it sleeps, one after it, and one for the other sleeper.
  CHECK(longest < 8);
  CHECK(longest > 0);
}

TEST_CASE("what is made before a sleep has begun when it ends, however long the turns before it last") {
  Environment e;
  const auto compute = [] {
    for (const int64_t end = monotonicNow() + 3 * kMs; monotonicNow() < end;)
      ;
  };
  std::string order;
  e.go([&] {
    e.go(compute);
    e.go([&] { order += "first "; });
    e.go([&] {
      CHECK(sleepFor(e.scheduler, kMs) == 0);
      order += "early ";
    });
    e.go(compute);
    e.go([&] { order += "second "; });
    CHECK(sleepFor(e.scheduler, kMs) == 0);
    order += "late ";
  });
  // It was ready before, but gives way.
  e.go([&] {
    for (int i = 0; i < 3; ++i) {
      compute();
      e.scheduler.yieldNow();
    }
    order += "last ";
  });
  CHECK(e.run());
  CHECK(order == "first second early late last ");
}

TEST_CASE("whenever a batch ends without work left, the timer is armed for the host's loop") {
  // The look at the clock that ends a batch comes at every possible place between the yields and the sleep.
  for (uint32_t yields = 0; yields < 2 * TurnClock::kCheckEvery; ++yields) {
    CAPTURE(yields);
    Environment e;
    e.go([&] {
      for (uint32_t i = 0; i < yields; ++i) e.scheduler.yieldNow();
      for (int i = 0; i < 3; ++i) CHECK(sleepFor(e.scheduler, kMs / 10) == 0);
    });
    while (e.scheduler.live() > 0) {
      if (e.scheduler.runBatch(0)) continue;
      if (e.scheduler.live() == 0) break;
      pollfd p{e.poller.fd(), POLLIN, 0};
      REQUIRE(::poll(&p, 1, 5'000) == 1);
    }
  }
}
