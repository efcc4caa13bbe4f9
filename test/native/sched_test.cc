#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "environment.h"
#include "plain_engine.h"

using namespace stackful;
using namespace stackful::sched;
using test::Environment;
using test::in;
using test::kMany;
using test::kMs;

namespace {

constexpr Reason kReason{ParkKind::kOther, -1, 0};

}  // namespace

TEST_CASE("coroutines run in the order they were spawned, each until it parks") {
  Environment e;
  REQUIRE(e.opened);
  std::string log;
  for (char name : {'a', 'b', 'c'}) {
    e.go([&, name] {
      log += name;
      e.scheduler.yieldNow();
      log += name;
    });
  }
  CHECK(log.empty());
  CHECK(e.scheduler.readyLength() == 3);
  CHECK_FALSE(e.scheduler.runBatch(1000 * kMs));
  CHECK(log == "abcabc");
  CHECK(e.scheduler.live() == 0);
  CHECK(e.scheduler.readyLength() == 0);
  CHECK(e.scheduler.running() == nullptr);
  CHECK(e.scheduler.counters().spawned == 3);
  CHECK(e.scheduler.counters().finished == 3);
  CHECK(e.scheduler.counters().peak == 3);
  CHECK(e.stacks.stats().live == 0);
}

TEST_CASE("park returns the code of the wake; only parked coroutines are woken") {
  Environment e;
  int32_t first = 0, second = 0;
  Coroutine* c = e.go([&] {
    first = e.scheduler.park({ParkKind::kJoin, -1, 7});
    second = e.scheduler.park(kReason);
  });
  CHECK_FALSE(e.scheduler.wake(c, 1));
  e.scheduler.runBatch(1000 * kMs);
  CHECK(c->state == State::kParked);
  char text[64];
  CHECK(describe(c->parkedOn(), text, sizeof(text)) == strlen("join #7"));
  CHECK(std::string(text) == "join #7");
  CHECK(e.scheduler.wake(c, 42));
  CHECK(c->state == State::kReady);
  CHECK_FALSE(e.scheduler.wake(c, 43));
  e.scheduler.runBatch(1000 * kMs);
  CHECK(first == 42);
  CHECK(e.scheduler.wake(c, -ECANCELED));
  e.scheduler.runBatch(1000 * kMs);
  CHECK(second == -ECANCELED);
  CHECK(e.scheduler.live() == 0);
}

TEST_CASE("parking outside a coroutine, or when the engine refuses, returns at once") {
  Environment e;
  CHECK(e.scheduler.park(kReason) == kNotInCoroutine);
  CHECK(e.scheduler.yieldNow() == kNotInCoroutine);
  CHECK(sleepFor(e.scheduler, kMs) == kNotInCoroutine);
  CHECK(e.scheduler.externalWaits() == 0);
  CHECK(e.scheduler.timers().size() == 0);
  int32_t parked = 0, yielded = 0, slept = 0;
  e.go([&] {
    engine::plainMayPark = false;
    parked = e.scheduler.park(kReason);
    yielded = e.scheduler.yieldNow();
    slept = sleepFor(e.scheduler, kMs);
    engine::plainMayPark = true;
  });
  CHECK(e.run());
  CHECK(parked == kCannotPark);
  CHECK(yielded == kCannotPark);
  CHECK(slept == kCannotPark);
}

TEST_CASE("a cancellation ends the present parking call and every later one, unless shielded") {
  Environment e;
  std::vector<int32_t> codes;
  Limit shield;
  Coroutine* c = e.go([&] {
    codes.push_back(e.scheduler.park(kReason));
    codes.push_back(e.scheduler.park(kReason));
    codes.push_back(e.scheduler.yieldNow());
    codes.push_back(sleepFor(e.scheduler, kMs));
    e.scheduler.enterLimit(shield);
    codes.push_back(e.scheduler.yieldNow());
    codes.push_back(e.scheduler.park(kReason));
    e.scheduler.leaveLimit(shield);
    codes.push_back(e.scheduler.park(kReason));
  });
  e.scheduler.runBatch(1000 * kMs);
  e.scheduler.cancel(c);
  e.scheduler.runBatch(1000 * kMs);
  CHECK(codes == std::vector<int32_t>{-ECANCELED, -ECANCELED, -ECANCELED, -ECANCELED, 0});
  // In the shield only an ordinary wake gets through.
  e.scheduler.cancel(c);
  CHECK(c->state == State::kParked);
  CHECK(e.scheduler.wake(c, 5));
  e.scheduler.runBatch(1000 * kMs);
  CHECK(codes == std::vector<int32_t>{-ECANCELED, -ECANCELED, -ECANCELED, -ECANCELED, 0, 5, -ECANCELED});
  CHECK(e.scheduler.live() == 0);
}

TEST_CASE("a time limit ends the calls inside it, with a code of its own, and nothing once it is left") {
  Environment e;
  std::vector<int32_t> codes;
  bool named = false;
  e.go([&] {
    Limit outer, inner;
    outer.code = inner.code = kLimitTimedOut;
    e.scheduler.enterLimit(outer, in(60'000));
    e.scheduler.enterLimit(inner, in(1));
    CHECK(e.scheduler.externalWaits() == 2);
    codes.push_back(e.scheduler.park(kReason));
    codes.push_back(e.scheduler.yieldNow());
    named = e.scheduler.firedLimit() == &inner;
    CHECK(e.scheduler.externalWaits() == 1);
    e.scheduler.leaveLimit(inner);
    codes.push_back(e.scheduler.yieldNow());
    e.scheduler.leaveLimit(outer);
    CHECK(e.scheduler.firedLimit() == nullptr);
    CHECK(e.scheduler.externalWaits() == 0);
  });
  CHECK(e.run());
  CHECK(named);
  CHECK(codes == std::vector<int32_t>{kLimitTimedOut, kLimitTimedOut, 0});
  CHECK(e.scheduler.timers().size() == 0);
}

TEST_CASE("a shield keeps out what comes from around it, not what comes from inside") {
  Environment e;
  std::vector<int32_t> codes;
  e.go([&] {
    Limit outer, shield, inner;
    outer.code = inner.code = kLimitTimedOut;
    e.scheduler.enterLimit(outer);
    e.scheduler.fire(outer);
    e.scheduler.enterLimit(shield);
    codes.push_back(e.scheduler.yieldNow());
    e.scheduler.enterLimit(inner, in(1));
    codes.push_back(e.scheduler.park(kReason));
    CHECK(e.scheduler.firedLimit() == &inner);
    e.scheduler.leaveLimit(inner);
    codes.push_back(e.scheduler.yieldNow());
    CHECK(e.scheduler.firedLimit() == nullptr);
    e.scheduler.leaveLimit(shield);
    codes.push_back(e.scheduler.yieldNow());
    e.scheduler.leaveLimit(outer);
    codes.push_back(e.scheduler.yieldNow());
    e.scheduler.cancel(e.scheduler.running());
    codes.push_back(e.scheduler.yieldNow());
  });
  CHECK(e.run());
  CHECK(codes == std::vector<int32_t>{0, kLimitTimedOut, 0, kLimitTimedOut, 0, -ECANCELED});
}

TEST_CASE(
    "an atomic section refuses every parking call, shielded or not, and lets the rest through after it") {
  Environment e;
  std::vector<int32_t> codes;
  Limit shield;
  e.go([&] {
    e.scheduler.enterAtomic();
    e.scheduler.enterAtomic();
    codes.push_back(e.scheduler.park(kReason));
    e.scheduler.leaveAtomic();
    e.scheduler.enterLimit(shield);
    codes.push_back(sleepFor(e.scheduler, kMs));
    e.scheduler.leaveLimit(shield);
    codes.push_back(e.scheduler.yieldNow());
    e.scheduler.leaveAtomic();
    codes.push_back(e.scheduler.yieldNow());
    e.scheduler.enterAtomic();
    e.scheduler.cancel(e.scheduler.running());
    codes.push_back(e.scheduler.yieldNow());
    e.scheduler.leaveAtomic();
    codes.push_back(e.scheduler.yieldNow());
  });
  CHECK(e.run());
  CHECK(codes == std::vector<int32_t>{kInAtomicSection, kInAtomicSection, kInAtomicSection, 0,
                                      kInAtomicSection, -ECANCELED});
}

TEST_CASE("an interruption before the first run, or while ready, counts at the next parking call") {
  Environment e;
  int32_t code = 0, after = 0;
  Coroutine* c = e.go([&] { code = e.scheduler.park(kReason); });
  e.scheduler.cancel(c);
  CHECK(e.run());
  CHECK(code == -ECANCELED);
  c = e.go([&] {
    code = e.scheduler.park(kReason);
    after = e.scheduler.park(kReason);
  });
  e.scheduler.runBatch(1000 * kMs);
  e.scheduler.wake(c, 9);
  e.scheduler.cancel(c);
  CHECK(e.run());
  CHECK(code == 9);
  CHECK(after == -ECANCELED);
}

TEST_CASE("slots are reused, generations tell their users apart") {
  Environment e;
  Coroutine* a = e.go([] {});
  const uint32_t slot = a->slot, generation = a->generation;
  CHECK(e.scheduler.find(slot, generation) == a);
  CHECK(e.scheduler.at(slot) == a);
  CHECK(e.run());
  CHECK(e.scheduler.find(slot, generation) == nullptr);
  CHECK(e.scheduler.at(slot) == nullptr);
  CHECK(e.scheduler.at(12345) == nullptr);
  Coroutine* b = e.go([] {});
  CHECK(b->slot == slot);
  CHECK(b->generation != generation);
  CHECK(e.scheduler.find(slot, generation) == nullptr);
  CHECK(e.scheduler.find(slot, b->generation) == b);
  CHECK(e.run());
}

TEST_CASE("a coroutine may spawn, and its children outlive it") {
  Environment e;
  std::string log;
  e.go([&] {
    log += "p(";
    for (int i = 0; i < 3; ++i) {
      e.go([&, i] {
        e.scheduler.yieldNow();
        log += static_cast<char>('0' + i);
      });
    }
    log += ")";
  });
  CHECK(e.run());
  CHECK(log == "p()012");
  CHECK(e.stacks.stats().live == 0);
}

TEST_CASE("no memory for a stack gives no coroutine") {
  Environment e;
  CHECK(e.scheduler.spawn(
            size_t{1} << 62, [](void*) {}, nullptr) == nullptr);
  CHECK(e.scheduler.live() == 0);
  CHECK(e.scheduler.readyLength() == 0);
}

TEST_CASE("with nothing ready the poll hook runs on the spot, without a change of stack") {
  engine::Engine engine;
  stack::StackPool stacks;
  static Scheduler* scheduler;
  static Coroutine* parked;
  static int polls;
  Scheduler s(engine, stacks);
  scheduler = &s;
  parked = nullptr;
  polls = 0;
  s.setPoll(
      [](void*, int64_t) {
        ++polls;
        return parked && scheduler->wake(parked, polls);
      },
      nullptr);
  static int32_t code;
  s.spawn(
      256 << 10,
      [](void*) {
        parked = scheduler->running();
        for (int i = 0; i < 10; ++i) code = scheduler->park(kReason);
        parked = nullptr;
        scheduler->finish();
      },
      nullptr);
  CHECK_FALSE(s.runBatch(1000 * kMs));
  CHECK(code == 10);
  CHECK(polls == 11);
  CHECK(s.counters().switches == 2);
  CHECK(s.counters().parks == 10);
}

TEST_CASE("the poll hook is called while the queue never empties") {
  engine::Engine engine;
  stack::StackPool stacks;
  static Scheduler* scheduler;
  static int polls;
  Scheduler s(engine, stacks);
  scheduler = &s;
  polls = 0;
  s.setPoll([](void*, int64_t) { return ++polls, false; }, nullptr);
  auto spin = [](void*) {
    for (int i = 0; i < 5000; ++i) scheduler->yieldNow();
    scheduler->finish();
  };
  s.spawn(256 << 10, spin, nullptr);
  s.spawn(256 << 10, spin, nullptr);
  s.runBatch(60'000 * kMs);
  CHECK(polls >= 10'000 / static_cast<int>(TurnClock::kCheckEvery * Scheduler::kPollEvery));
  CHECK(s.live() == 0);
}

TEST_CASE("the budget brings control back to main, with work left") {
  Environment e;
  bool stop = false;
  for (int i = 0; i < 2; ++i) {
    e.go([&] {
      while (!stop) e.scheduler.yieldNow();
    });
  }
  for (int i = 0; i < 5; ++i) CHECK(e.scheduler.runBatch(1000 * kMs));
  CHECK(e.scheduler.runBatch(0));
  stop = true;
  CHECK(e.run());
}

TEST_CASE("a batch cannot be started inside a coroutine") {
  Environment e;
  bool left = true;
  e.go([&] {
    e.go([] {});
    left = e.scheduler.runBatch(1000 * kMs);
    e.scheduler.shutdown();
    CHECK(e.scheduler.live() == 2);
  });
  CHECK(e.run());
  CHECK_FALSE(left);
}

TEST_CASE("calls that do not wait let others run: soon at first, then every kMostAllowance of them") {
  Environment e;
  int charged = 0;
  std::vector<int> seen;
  e.go([&] {
    for (; charged < 1000; ++charged) e.scheduler.charge();
  });
  e.go([&] {
    while (charged < 1000) {
      seen.push_back(charged);
      e.scheduler.yieldNow();
    }
  });
  CHECK(e.run());
  REQUIRE(seen.size() > 5);
  CHECK(seen[0] == kFirstAllowance - 1);
  CHECK(seen[5] - seen[4] == Scheduler::kMostAllowance);
}

TEST_CASE("a coroutine that computes long between calls that do not wait gives way after fewer of them") {
  Environment e;
  int charged = 0;
  std::vector<int> seen;
  e.go([&] {
    for (; charged < 40; ++charged) {
      for (const int64_t end = monotonicNow() + kMs; monotonicNow() < end;)
        ;
      e.scheduler.charge();
    }
  });
  e.go([&] {
    while (charged < 40) {
      seen.push_back(charged);
      e.scheduler.yieldNow();
    }
  });
  CHECK(e.run());
  CHECK(seen.size() >= 15);
}

TEST_CASE("coroutines that stay ready do not keep the outside world out, however long their turns are") {
  for (const int64_t turn : {int64_t{0}, 100 * kMs / 1000, kMs / 2, 5 * kMs}) {
    for (const PolicyKind kind : {PolicyKind::kFifo, PolicyKind::kPriority, PolicyKind::kAccept}) {
      CAPTURE(turn);
      CAPTURE(static_cast<int>(kind));
      static Scheduler* scheduler;
      static int64_t longest;
      engine::Engine engine;
      stack::StackPool stacks;
      Scheduler s(engine, stacks);
      scheduler = &s;
      s.setPolicy(makePolicy(kind));
      longest = 0;
      static int turns;
      turns = 0;
      s.setPoll(
          [](void*, int64_t) {
            // In turns, because this machine may do something else for a while.
            longest = std::max(longest, int64_t{turns});
            turns = 0;
            return false;
          },
          nullptr);
      static int64_t length;
      length = turn;
      static bool stop;
      stop = false;
      auto spin = [](void*) {
        while (!stop) {
          for (const int64_t end = monotonicNow() + length; monotonicNow() < end;)
            ;
          ++turns;
          scheduler->yieldNow();
        }
        scheduler->finish();
      };
      s.spawn(256 << 10, spin, nullptr, 0);
      s.spawn(256 << 10, spin, nullptr, 0);
      // As in a host's loop: batch after batch, none of which ends with an empty run queue.
      for (const int64_t end = monotonicNow() + 100 * kMs; monotonicNow() < end;) s.runBatch(4 * kMs);
      // A batch that ends in between begins to count again.
      const auto allowed =
          turn == 0 ? 3 * TurnClock::kCheckEvery * Scheduler::kPollEvery : 2 * TurnClock::kFirstLook;
      CHECK(longest > 0);
      CHECK(longest <= static_cast<int64_t>(allowed) + 1);
      stop = true;
      while (s.live() > 0) s.runBatch(4 * kMs);
    }
  }
}

TEST_CASE("ten thousand coroutines, parked and woken in any order") {
  Environment e;
  uint64_t sum = 0;
  std::vector<Coroutine*> all;
  for (uint32_t i = 0; i < kMany; ++i) {
    all.push_back(e.go([&] {
      for (int k = 0; k < 3; ++k) sum += static_cast<uint64_t>(e.scheduler.park(kReason));
    }));
    REQUIRE(all.back() != nullptr);
  }
  while (e.scheduler.runBatch(1000 * kMs)) {
  }
  CHECK(e.scheduler.live() == kMany);
  for (int round = 0; round < 3; ++round) {
    for (uint32_t i = 0; i < kMany; ++i) CHECK(e.scheduler.wake(all[i * 7919ull % kMany], 1));
    while (e.scheduler.runBatch(1000 * kMs)) {
    }
  }
  CHECK(sum == 3 * kMany);
  CHECK(e.scheduler.live() == 0);
  CHECK(e.scheduler.counters().peak == kMany);
}

TEST_CASE("an observer is told of the parks from a number on, and when their coroutines run again") {
  struct Observer : ParkObserver {
    Scheduler* scheduler;
    std::string log;
    uint64_t parks(const Coroutine& c, Reason reason) noexcept override {
      log += "park " + std::to_string(reason.number) + ' ';
      CHECK(&c == scheduler->running());
      return reason.number == 2 ? 0 : static_cast<uint64_t>(reason.number);
    }
    void resumed(const Coroutine&, uint64_t ticket) noexcept override {
      log += "resumed " + std::to_string(ticket) + ' ';
    }
  };
  Environment e;
  Observer observer;
  observer.scheduler = &e.scheduler;
  int32_t codes[4] = {};
  Coroutine* c = e.go([&] {
    for (int i = 0; i < 4; ++i) codes[i] = e.scheduler.park({ParkKind::kOther, -1, i});
  });
  e.scheduler.observeParks(&observer, 1);
  for (int i = 0; i < 3; ++i) {
    e.scheduler.runBatch(1000 * kMs);
    CHECK(e.scheduler.wake(c, i + 10));
  }
  e.scheduler.runBatch(1000 * kMs);
  CHECK(observer.log == "park 1 resumed 1 park 2 park 3 ");
  // One that is gone is not told that the coroutine it has seen park runs again.
  e.scheduler.observeParks(nullptr, 0);
  CHECK(e.scheduler.wake(c, 13));
  CHECK(e.run());
  CHECK(observer.log == "park 1 resumed 1 park 2 park 3 ");
  for (int i = 0; i < 4; ++i) CHECK(codes[i] == 10 + i);
}

TEST_CASE("a visit runs on the parked coroutine's stack and leaves it as it was") {
  Environment e;
  int32_t code = 0;
  int local = 7;
  Coroutine* c = e.go([&] {
    int mine = 7;
    code = e.scheduler.park(kReason);
    local = mine;
  });
  e.scheduler.runBatch(1000 * kMs);
  static char* seen;
  for (int i = 0; i < 3; ++i) {
    seen = nullptr;
    e.engine.visit(
        e.engine.main(), c->execution,
        [](void* argument) {
          char here;
          seen = &here;
          *static_cast<int*>(argument) += 1;
        },
        &local);
    CHECK(seen >= c->execution.stack.base);
    CHECK(seen < c->execution.stack.end);
  }
  CHECK(local == 10);
  CHECK(e.scheduler.wake(c, 5));
  CHECK(e.run());
  CHECK(code == 5);
  CHECK(local == 7);
}

TEST_CASE("shutdown forgets coroutines in every state") {
  engine::Engine engine;
  stack::StackPool stacks;
  {
    Scheduler s(engine, stacks);
    static Scheduler* scheduler;
    scheduler = &s;
    auto parks = [](void*) {
      scheduler->parkUntil(kReason, monotonicNow() + 3600'000 * kMs);
      FAIL("must not run again");
      scheduler->finish();
    };
    for (int i = 0; i < 100; ++i) s.spawn(256 << 10, parks, nullptr);
    s.runBatch(1000 * kMs);
    s.wake(s.at(3), 0);                  // ready
    s.spawn(256 << 10, parks, nullptr);  // never run
    CHECK(s.externalWaits() == 100);
    s.shutdown();
    CHECK(s.live() == 0);
    CHECK(s.externalWaits() == 0);
    CHECK(s.readyLength() == 0);
    CHECK_FALSE(s.runBatch(1000 * kMs));
    // And it can go on from there.
    static bool ran;
    ran = false;
    s.spawn(
        256 << 10,
        [](void*) {
          ran = true;
          scheduler->finish();
        },
        nullptr);
    s.runBatch(1000 * kMs);
    CHECK(ran);
  }
  CHECK(stacks.stats().live == 0);
}

TEST_CASE("park kinds have distinct names") {
  std::set<std::string> names;
  for (size_t i = 0; i < static_cast<size_t>(ParkKind::kCount); ++i) {
    names.insert(parkKindName(static_cast<ParkKind>(i)));
  }
  CHECK(names.size() == static_cast<size_t>(ParkKind::kCount));
  char text[32];
  describe({ParkKind::kSocketRead, 12, 0}, text, sizeof(text));
  CHECK(std::string(text) == "socket.read fd=12");
  describe({ParkKind::kSleep, -1, 20 * kMs}, text, sizeof(text));
  CHECK(std::string(text) == "sleep 20ms");
  CHECK(describe({ParkKind::kSocketRead, 12, 0}, text, 7) == 6);
  CHECK(std::string(text) == "socket");
}

TEST_CASE("policies: levels, the last of which is never forgotten, and moving over what is ready") {
  Environment e;
  std::string log;
  auto spin = [&](char name, int turns, uint8_t priority) {
    Coroutine* c = e.go([&log, &e, name, turns] {
      for (int i = 0; i < turns; ++i) {
        log += name;
        e.scheduler.yieldNow();
      }
    });
    c->priority = priority;
  };
  spin('a', 2, 4);
  spin('b', 2, 0);
  spin('c', 2, 2);
  e.scheduler.setPolicy(makePolicy(PolicyKind::kPriority));
  CHECK(e.scheduler.readyLength() == 3);
  CHECK(e.run());
  CHECK(log == "bbccaa");

  log.clear();
  spin('a', 1, 4);
  spin('b', static_cast<int>(3 * Levels::kPatience), 0);
  e.scheduler.runBatch(1000 * kMs);
  CHECK(log.find('a') < Levels::kPatience + 1);

  log.clear();
  e.scheduler.setPolicy(nullptr);
  spin('a', 1, 1);
  spin('b', 1, 0);
  e.scheduler.setPolicy(makePolicy(PolicyKind::kPriority));
  e.scheduler.setPolicy(nullptr);
  CHECK(e.scheduler.readyLength() == 2);
  CHECK(e.run());
  CHECK(log == "ba");
}

TEST_CASE("a chooser decides among those it has taken, and gives way to another policy") {
  Environment e;
  std::string log;
  std::vector<int32_t> codes;
  Coroutine* worker[3];
  e.go([&] {
    CHECK(e.scheduler.becomeChooser() == 0);
    CHECK(e.scheduler.chooseNext(worker[0]) == kNotChoosable);  // not taken yet
    std::vector<Coroutine*> taken;
    while (Coroutine* c = e.scheduler.chosen()->take()) taken.push_back(c);
    CHECK(taken.size() == 3);
    CHECK(e.scheduler.chooseNext(nullptr) == kNotChoosable);
    while (!taken.empty()) {
      Coroutine* c = taken.back();
      taken.pop_back();
      codes.push_back(e.scheduler.chooseNext(c));
      if (codes.back() < 0) return;
      CHECK(e.scheduler.chooseNext(c) == kNotChoosable);  // it has run
    }
  });
  for (int i = 0; i < 3; ++i) {
    worker[i] = e.go([&, i] {
      log += static_cast<char>('0' + i);
      if (i == 1) e.scheduler.setPolicy(nullptr);
    });
  }
  CHECK(e.run());
  CHECK(log == "210");
  CHECK(codes == std::vector<int32_t>{0, -ECANCELED});
  CHECK(e.scheduler.chosen() == nullptr);
  CHECK(e.scheduler.live() == 0);
}

namespace {

// Coroutines whose stacks rest after them.
struct Lives {
  Scheduler& scheduler;
  std::vector<const void*> stacks;  // on which each ran
  int finished = 0;

  Coroutine* go(size_t bytes = Environment::kStackBytes) {
    if (Coroutine* c = scheduler.respawn(bytes)) return c;
    return scheduler.spawn(
        bytes,
        [](void* data) {
          auto* self = static_cast<Lives*>(data);
          const Coroutine* const here = self->scheduler.running();  // kept as long as the stack rests
          do {
            CHECK(self->scheduler.running() == here);
            self->stacks.push_back(here);
            ++self->finished;
          } while (self->scheduler.rest());
          self->scheduler.finish();
        },
        this);
  }

  // Until all have finished: on a slow machine a batch is over before that.
  void run() {
    while (scheduler.live() > 0) scheduler.runBatch(1000 * kMs);
  }
};

}  // namespace

TEST_CASE("a stack that rests serves one coroutine after another, with the frames it has") {
  Environment e;
  Lives lives{e.scheduler, {}};
  for (uint32_t i = 1; i <= 100; ++i) {
    Coroutine* c = lives.go();
    REQUIRE(c);
    CHECK(c->state == State::kReady);
    CHECK(c->generation == i);
    CHECK(e.scheduler.at(c->slot) == c);
    CHECK(e.stacks.stats().live == 1);
    e.scheduler.cancel(c);
    lives.run();
    CHECK(e.scheduler.live() == 0);
    CHECK(e.stacks.stats().live == 0);
    CHECK(e.stacks.stats().pooled == 1);
    CHECK_FALSE(e.scheduler.at(0));
  }
  CHECK(lives.finished == 100);
  CHECK(std::set<const void*>(lives.stacks.begin(), lives.stacks.end()).size() == 1);
  Coroutine* fresh = lives.go();
  CHECK_FALSE(fresh->cancelled);
  CHECK(fresh->interruption == 0);
  lives.run();
}

TEST_CASE("no more stacks rest than a scavenge may walk, and now and then one is made anew") {
  Environment e;
  Lives lives{e.scheduler, {}};
  for (uint32_t i = 0; i < 3 * StackReuse::kMost; ++i) REQUIRE(lives.go());
  CHECK(e.stacks.stats().live == 3 * StackReuse::kMost);
  lives.run();
  CHECK(e.stacks.stats().live == 0);
  CHECK(e.stacks.stats().pooled == 3 * StackReuse::kMost);
  uint32_t resting = 0;
  while (e.scheduler.respawn(Environment::kStackBytes)) ++resting;
  CHECK(resting == StackReuse::kMost);
  lives.run();
}

TEST_CASE("stacks that rest give way to other sizes, to the budget and to the end") {
  Environment e;
  Lives lives{e.scheduler, {}};
  lives.go();
  lives.go();
  lives.run();
  CHECK_FALSE(e.scheduler.respawn(4 * Environment::kStackBytes));
  CHECK(e.scheduler.respawn(Environment::kStackBytes));
  CHECK_FALSE(e.scheduler.respawn(Environment::kStackBytes));
  CHECK(e.stacks.stats().live == 1);
  CHECK(e.stacks.stats().pooled == 1);
  lives.run();
  e.stacks.handOutClean(true);
  CHECK_FALSE(e.scheduler.respawn(Environment::kStackBytes));
  e.stacks.handOutClean(false);
  e.scheduler.dropResting();
  CHECK_FALSE(e.scheduler.respawn(Environment::kStackBytes));
  CHECK(e.stacks.stats().pooled == 2);
  lives.go();
  lives.run();
}
