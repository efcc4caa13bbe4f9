// The thread that looks at the others: which entries are called, when, and that none is called after its removal.
#include "../../native/sched/ticker.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <atomic>

#include "../../native/sched/clock.h"

using stackful::sched::Deadline;
using stackful::sched::kNoDeadline;
using stackful::sched::monotonicNow;
using stackful::sched::Ticker;

namespace {

struct Counter : Ticker::Entry {
  std::atomic<int> calls{0};
  std::atomic<int64_t> every{0};  // ns; 0, only when poked

  Counter() {
    tick = [](Entry* self, int64_t now) -> Deadline {
      auto* counter = static_cast<Counter*>(self);
      counter->calls.fetch_add(1);
      const int64_t every = counter->every.load();
      return every == 0 ? kNoDeadline : now + every;
    };
  }

  // Whether there have been `wanted` calls within ten seconds, which nothing but a failure needs.
  bool reaches(int wanted) const {
    for (int i = 0; i < 10'000 && calls.load() < wanted; ++i) poll(nullptr, 0, 1);
    return calls.load() >= wanted;
  }
};

}  // namespace

TEST_CASE("the ticker calls again at the time that was asked for, or when poked") {
  Ticker& ticker = Ticker::shared();
  Counter regular, asleep;
  regular.every = 200'000;
  REQUIRE(ticker.start() == 0);
  REQUIRE(ticker.start() == 0);  // one thread, however often
  ticker.add(regular);
  ticker.add(asleep);
  CHECK(regular.reaches(5));
  const int before = asleep.calls.load();
  CHECK(before <= 3);  // the pokes of start() and add() only
  ticker.poke();
  CHECK(asleep.reaches(before + 1));
  ticker.remove(regular);
  ticker.remove(asleep);
}

TEST_CASE("the ticker calls no entry that was removed") {
  Ticker& ticker = Ticker::shared();
  REQUIRE(ticker.start() == 0);
  Counter stays;
  ticker.add(stays);
  for (int round = 0; round < 200; ++round) {
    Counter leaves;  // on the stack: a later call would use what is gone
    leaves.every = 1000;
    ticker.add(leaves);
    if (round % 2 == 0) CHECK(leaves.reaches(1));
    ticker.remove(leaves);
    const int calls = leaves.calls.load(), others = stays.calls.load();
    ticker.poke();
    CHECK(stays.reaches(others + 1));
    CHECK(leaves.calls.load() == calls);
    ticker.remove(leaves);  // twice does nothing
  }
  ticker.remove(stays);
}
