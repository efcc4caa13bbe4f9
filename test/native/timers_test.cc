#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "../../native/sched/timers.h"

using namespace stackful::sched;

namespace {

struct Probe : Timer {
  std::vector<Probe*>* log = nullptr;
  Deadline deadline = 0;
  int64_t* now = nullptr;
  explicit Probe(std::vector<Probe*>* l) : log(l) {
    fire = [](Timer* t) {
      auto* p = static_cast<Probe*>(t);
      p->log->push_back(p);
    };
  }
};

constexpr int64_t kTick = Timers::kTickNs;

// The deadline in whole ticks, as the wheel counts.
int64_t tickOf(Deadline d) {
  return d / kTick + (d % kTick != 0);
}

}  // namespace

TEST_CASE("timers fire at their tick, never early, and in order of insertion within a tick") {
  Timers timers(1000 * kTick);
  std::vector<Probe*> fired;
  Probe a(&fired), b(&fired), c(&fired);
  timers.insert(a, 1010 * kTick + 1);  // due at tick 1011
  timers.insert(b, 1011 * kTick);
  timers.insert(c, 1005 * kTick);
  CHECK(timers.size() == 3);
  CHECK(timers.nextExpiry() == 1005 * kTick);
  CHECK(timers.expire(1005 * kTick - 1) == 0);
  CHECK(timers.expire(1005 * kTick) == 1);
  CHECK(timers.nextExpiry() == 1011 * kTick);
  CHECK(timers.expire(1011 * kTick - 1) == 0);
  CHECK(timers.expire(1011 * kTick) == 2);
  CHECK(fired == std::vector<Probe*>{&c, &a, &b});
  CHECK(timers.nextExpiry() == kNoDeadline);
  CHECK_FALSE(a.armed());
}

TEST_CASE("timers in the past fire at the next tick; no deadline is not armed") {
  Timers timers(1000 * kTick);
  std::vector<Probe*> fired;
  Probe past(&fired), never(&fired), zero(&fired);
  timers.insert(past, 5);
  timers.insert(zero, -12345);
  timers.insert(never, kNoDeadline);
  CHECK(timers.size() == 2);
  CHECK_FALSE(never.armed());
  timers.cancel(never);
  CHECK(timers.expire(1000 * kTick) == 0);
  CHECK(timers.expire(1001 * kTick) == 2);
}

TEST_CASE("timers for the far future are kept and can be cancelled") {
  Timers timers(123);
  std::vector<Probe*> fired;
  Probe far(&fired), farther(&fired);
  timers.insert(far, kNoDeadline - 1);
  timers.insert(farther, kNoDeadline - 2);
  CHECK(timers.expire(int64_t{1} << 60) == 0);
  CHECK(timers.nextExpiry() > int64_t{1} << 60);
  CHECK(timers.nextExpiry() < kNoDeadline);
  timers.cancel(far);
  CHECK(timers.size() == 1);
  CHECK(timers.expire(INT64_MAX) == 0);  // rounded up, it lies beyond the end of time
  timers.cancel(farther);
  CHECK(timers.nextExpiry() == kNoDeadline);
}

TEST_CASE("a firing timer may insert and cancel others, itself included") {
  Timers timers(0);
  static Timers* wheel;
  wheel = &timers;
  static int fired;
  fired = 0;
  static Timer again, other, victim;
  again = other = victim = Timer{};
  again.fire = [](Timer* t) {
    ++fired;
    wheel->cancel(victim);
    if (fired < 5) wheel->insert(*t, 0);  // overdue at once: next tick, not this call for ever
  };
  other.fire = victim.fire = [](Timer*) { fired += 100; };
  timers.insert(again, 10 * kTick);
  timers.insert(victim, 10 * kTick);
  timers.insert(other, 200 * kTick);
  CHECK(timers.expire(10 * kTick) == 1);
  CHECK(fired == 1);
  CHECK(timers.expire(100 * kTick) == 4);
  CHECK(fired == 5);
  CHECK(timers.expire(300 * kTick) == 1);
  CHECK(fired == 105);
  CHECK(timers.size() == 0);
}

TEST_CASE("timers agree with a sorted list under random operations") {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    // The last seeds start just below a carry through many digits of the wheel.
    int64_t now =
        seed > 3 ? ((int64_t{1} << (12 * (seed - 3))) - 40) * kTick : static_cast<int64_t>(random() >> 12);
    Timers timers(now);
    std::vector<Probe*> fired;
    std::vector<std::unique_ptr<Probe>> probes;
    for (int i = 0; i < 300; ++i) probes.push_back(std::make_unique<Probe>(&fired));
    // Ticks up to which the wheel has been told.
    int64_t reached = now / kTick;
    struct Due {
      Probe* probe;
      int64_t tick;
    };
    std::vector<Due> model;
    bool same = true, bounded = true, early = false;
    for (int step = 0; step < 20'000 && same && bounded && !early; ++step) {
      Probe& p = *probes[random() % probes.size()];
      const auto operation = random() % 10;
      if (operation < 5 && !p.armed()) {
        // Spread over all magnitudes, the past included.
        p.deadline = now + static_cast<int64_t>(random() >> (20 + random() % 43)) - 3 * kTick;
        timers.insert(p, p.deadline);
        model.push_back({&p, std::max(tickOf(p.deadline), reached + 1)});
      } else if (operation < 7 && p.armed()) {
        timers.cancel(p);
        model.erase(std::find_if(model.begin(), model.end(), [&](const Due& d) { return d.probe == &p; }));
      } else if (operation >= 7) {
        const int64_t next = timers.nextExpiry();
        int64_t earliest = INT64_MAX;
        for (const Due& d : model) earliest = std::min(earliest, d.tick);
        bounded = model.empty() ? next == kNoDeadline : next <= earliest * kTick;
        // Often jump to what the wheel announces: time must always get somewhere that way.
        if (random() % 3 == 0 && next != kNoDeadline && next > now) {
          now = next;
        } else {
          now += static_cast<int64_t>(random() >> (24 + random() % 40));
        }
        fired.clear();
        timers.expire(now);
        reached = std::max(reached, now / kTick);
        std::vector<Probe*> expected;
        std::stable_sort(model.begin(), model.end(),
                         [](const Due& a, const Due& b) { return a.tick < b.tick; });
        size_t n = 0;
        while (n < model.size() && model[n].tick <= reached) expected.push_back(model[n++].probe);
        model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(n));
        for (Probe* q : fired) early = early || q->deadline > now;
        // Order between ticks is checked by the jumps; within one call by membership, as equal ticks may be
        // many.
        std::vector<Probe*> got = fired;
        std::sort(got.begin(), got.end());
        std::sort(expected.begin(), expected.end());
        same = got == expected && timers.size() == model.size();
      }
    }
    CHECK(same);
    CHECK(bounded);
    CHECK_FALSE(early);
    timers.clear();
    CHECK(timers.size() == 0);
  }
}

TEST_CASE("timers fire in order of their ticks within one call") {
  std::mt19937_64 random(7);
  Timers timers(0);
  std::vector<Probe*> fired;
  std::vector<std::unique_ptr<Probe>> probes;
  for (int i = 0; i < 2000; ++i) {
    probes.push_back(std::make_unique<Probe>(&fired));
    probes.back()->deadline = static_cast<int64_t>(random() % 1'000'000) * kTick / 3;
    timers.insert(*probes.back(), probes.back()->deadline);
  }
  CHECK(timers.expire(2'000'000 * kTick) == 2000);
  bool ordered = true;
  for (size_t i = 1; i < fired.size(); ++i) {
    ordered = ordered && tickOf(fired[i - 1]->deadline) <= tickOf(fired[i]->deadline);
  }
  CHECK(ordered);
}
