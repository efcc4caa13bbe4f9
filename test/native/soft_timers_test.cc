#include "../../native/sched/soft_timers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "../../native/sched/simulation.h"
#include "environment.h"

using namespace stackful;
using namespace stackful::sched;
using test::Environment;
using test::kMs;

namespace {

constexpr int64_t kUs = 1000;

void compute(int64_t ns) {
  for (const int64_t end = monotonicNow() + ns; monotonicNow() < end;)
    ;
}

// What a coroutine that is parked until an event, or something else, makes it ready counts its turns in.
struct Held {
  Environment& environment;
  int ran = 0;
  explicit Held(Environment& e) : environment(e) {}
};

Coroutine* held(Held& h) {
  return h.environment.scheduler.spawn(
      Environment::kStackBytes,
      [](void* argument) {
        auto* h = static_cast<Held*>(argument);
        ++h->ran;
        h->environment.scheduler.finish();
      },
      &h, kNormalPriority, State::kParked);
}

}  // namespace

TEST_CASE("short sleeps end in the order of their microseconds, and never early") {
  Environment e;
  std::vector<int> order;
  bool early = false;
  const int64_t start = monotonicNow() + 2000 * kMs;
  for (int us : {90, 30, 60, 10, 75}) {
    e.go([&, us] {
      const int64_t until = start + us * kUs;
      CHECK(e.scheduler.sleepSoftly({ParkKind::kSleep, -1, 0}, monotonicNow(), until) == -ETIMEDOUT);
      early = early || monotonicNow() < until;
      order.push_back(us);
    });
  }
  CHECK(e.run());
  CHECK(order == std::vector<int>{10, 30, 60, 75, 90});
  CHECK_FALSE(early);
  CHECK(e.scheduler.externalWaits() == 0);
  CHECK(e.scheduler.armedTimers() == 0);
}

TEST_CASE("a short sleep ends at the first switch behind its time, however many are ready") {
  Environment e;
  bool stop = false;
  int turns = 0;
  std::vector<int> waited;
  for (int i = 0; i < 100; ++i) {
    e.go([&] {
      while (!stop) {
        compute(20 * kUs);
        ++turns;
        e.scheduler.yieldNow();
      }
    });
  }
  e.go([&] {
    for (int i = 0; i < 100; ++i) {
      turns = 0;
      const int64_t until = monotonicNow() + 50 * kUs;
      CHECK(sleepFor(e.scheduler, 50 * kUs) == 0);
      CHECK(monotonicNow() >= until);
      waited.push_back(turns);
    }
    stop = true;
  });
  while (e.scheduler.live() > 0) e.scheduler.runBatch(4 * kMs);
  // Three turns are 60 us. A thread that was interrupted has had fewer, and none has waited for all 100.
  CHECK(*std::max_element(waited.begin(), waited.end()) <= 4);
  CHECK(*std::max_element(waited.begin(), waited.end()) >= 1);
}

TEST_CASE("sleepers of a microsecond do not keep the others out") {
  Environment e;
  bool stop = false;
  int turns = 0;
  for (int i = 0; i < 4; ++i) {
    e.go([&] {
      while (!stop) CHECK(sleepFor(e.scheduler, 1) == 0);
    });
  }
  e.go([&] {
    for (; turns < 1000; ++turns) e.scheduler.yieldNow();
    stop = true;
  });
  CHECK(e.run());
  CHECK(turns == 1000);
}

TEST_CASE(
    "an event makes its coroutine ready once, keeps the loop alive until then, and its place is used again") {
  Environment e;
  for (int round = 0; round < 100; ++round) {
    Held h(e);
    Coroutine* c = held(h);
    const int32_t event = e.scheduler.armSoft(c, 20 * kUs);
    CHECK(event == 0);
    CHECK(e.scheduler.externalWaits() == 1);
    CHECK(e.scheduler.armedTimers() == 1);
    CHECK(e.run());
    CHECK(h.ran == 1);
    CHECK(e.scheduler.externalWaits() == 0);
    CHECK(e.scheduler.armedTimers() == 0);
  }
}

TEST_CASE("what was woken by something else disarms its event, and nobody else can") {
  Environment e;
  Held h(e), other(e);
  Coroutine* c = held(h);
  Coroutine* d = held(other);
  const auto event = static_cast<uint32_t>(e.scheduler.armSoft(c, 3'600'000 * kMs));
  CHECK_FALSE(e.scheduler.disarmSoft(event, d));
  CHECK_FALSE(e.scheduler.disarmSoft(event + 7, c));
  e.scheduler.cancel(c);
  CHECK(c->state == State::kReady);
  CHECK(e.scheduler.disarmSoft(event, c));
  CHECK_FALSE(e.scheduler.disarmSoft(event, c));
  CHECK(e.scheduler.externalWaits() == 0);
  CHECK(e.scheduler.armedTimers() == 0);
  e.scheduler.wake(d, 0);
  CHECK(e.run());
  CHECK(h.ran == 1);
}

TEST_CASE("an event whose coroutine is over fires for nobody") {
  Environment e;
  Held h(e), second(e);
  Coroutine* c = held(h);
  CHECK(e.scheduler.armSoft(c, 5 * kMs) >= 0);
  e.scheduler.wake(c, 0);
  e.scheduler.runBatch(kMs);
  CHECK(h.ran == 1);
  // In the same slot.
  Coroutine* d = held(second);
  CHECK(d->slot == 0);
  for (int i = 0; i < 100 && e.scheduler.armedTimers() > 0; ++i) e.turn(100);
  CHECK(e.scheduler.armedTimers() == 0);
  CHECK(e.scheduler.externalWaits() == 0);
  CHECK(second.ran == 0);
  CHECK(d->state == State::kParked);
}

TEST_CASE("events that are armed at the end of an environment are forgotten") {
  Held* h;
  {
    Environment e;
    h = new Held(e);
    e.scheduler.armSoft(held(*h), kMs);
    e.go([&] { sleepFor(e.scheduler, kMs / 2); });
    e.scheduler.runBatch(0);
  }
  CHECK(h->ran == 0);
  delete h;
}

TEST_CASE("in a simulation events are exact on its clock, and its end takes those that are left along") {
  Environment e;
  Held outside(e), first(e), left(e);
  CHECK(e.scheduler.armSoft(held(outside), 3'600'000 * kMs) == 0);
  {
    Simulation simulation(e.scheduler, 7);
    e.scheduler.armSoft(held(first), 1234);
    e.scheduler.armSoft(held(left), 3'600'000 * kMs);
    CHECK(simulation.gather().empty());
    CHECK(simulation.advance());
    CHECK(e.scheduler.now() == 1234);
    REQUIRE(simulation.gather().size() == 1);
    e.scheduler.runTurn(simulation.take(0));
    CHECK(first.ran == 1);
  }
  CHECK(left.ran == 0);
  CHECK(e.scheduler.armedTimers() == 1);
  CHECK(e.scheduler.externalWaits() == 1);
}

TEST_CASE("while a soft timer is near every turn looks, and otherwise none looks more often than before") {
  TurnClock clock;
  const auto turnsUntilLook = [&] {
    int turns = 1;
    while (!clock.count()) ++turns;
    return turns;
  };
  clock.note(monotonicNow());
  CHECK(turnsUntilLook() == static_cast<int>(TurnClock::kLookEvery));
  // Where this thread was interrupted the next looks follow each turn, too.
  bool spared = false;
  for (int i = 0; i < 1000 && !spared; ++i) {
    clock.look();
    clock.expectSoft(monotonicNow() + 10 * TurnClock::kNearNs, monotonicNow());
    spared = turnsUntilLook() > 1;
  }
  CHECK(spared);
  clock.look();
  clock.expectSoft(monotonicNow() + TurnClock::kNearNs / 2, monotonicNow());
  for (int i = 0; i < 5; ++i) {
    CHECK(turnsUntilLook() == 1);
    clock.look();
  }
  clock.expectSoft(monotonicNow(), monotonicNow());
  CHECK(turnsUntilLook() == 1);
  clock.look();
  CHECK(clock.softDue());
  clock.expectSoft(kNoDeadline, monotonicNow());
  clock.look();
  CHECK_FALSE(clock.softDue());
}
