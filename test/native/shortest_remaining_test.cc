#include "../../native/sched/shortest_remaining.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include "seeds.h"

using namespace stackful::sched;
using stackful::test::kSeeds;

namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kPatience = 1000 * kMs;
constexpr ShortestRemaining::Kind kKind = 77;

// The policy with a clock of its own, and coroutines that only stand in a queue.
struct World {
  static inline int64_t now;
  ShortestRemaining policy;
  std::deque<Coroutine> all;

  explicit World(int64_t patience = kPatience) : policy(patience, [] { return now; }) { now = kMs; }

  Coroutine& add(ShortestRemaining::Kind kind = kKind) {
    Coroutine& c = all.emplace_back();
    c.slot = static_cast<uint32_t>(all.size());
    c.generation = 1;
    push(c);
    policy.name(&c, kind);
    return c;
  }
  void push(Coroutine& c) {
    c.state = State::kReady;
    policy.push(&c);
  }
  enum After { kAgain, kParks, kEnds };
  // A turn of the one whose turn it is.
  Coroutine* turn(int64_t ns, After after = kAgain) {
    Coroutine* c = policy.pop();
    if (!c) return nullptr;
    c->state = State::kRunning;
    now += ns;
    if (after == kEnds) c->state = State::kDone;
    if (after == kParks) c->state = State::kParked;
    if (after == kAgain) push(*c);
    if (after != kAgain) policy.leave();
    return c;
  }
};

}  // namespace

TEST_CASE("the one of which least remains runs, as it was told, whatever the order they became ready in") {
  World world;
  std::vector<Coroutine*> jobs;
  for (const int64_t ms : {5, 1, 9, 3, 7}) {
    jobs.push_back(&world.add());
    world.policy.expect(jobs.back(), ms * kMs);
  }
  CHECK(world.policy.first() == jobs[1]);
  for (const size_t next : {1, 3, 0, 4, 2}) CHECK(world.turn(kMs / 10, World::kEnds) == jobs[next]);
  CHECK(world.turn(kMs) == nullptr);
}

TEST_CASE("time that a job runs is taken off what remains of it, and one that is nearly done is not passed") {
  World world;
  Coroutine& longer = world.add();
  world.policy.expect(&longer, 5 * kMs);
  for (int i = 0; i < 4; ++i) CHECK(world.turn(kMs) == &longer);
  CHECK(world.policy.remaining(&longer) == kMs);
  Coroutine& shorter = world.add();
  world.policy.expect(&shorter, 2 * kMs);
  CHECK(world.turn(kMs, World::kEnds) == &longer);
  CHECK(world.turn(kMs, World::kEnds) == &shorter);
}

TEST_CASE(
    "what jobs of a kind take is learned, and one that takes longer than that is expected to take as long "
    "again") {
  // So patient that waits do not count beside sizes.
  World world(1000 * kPatience);
  for (int i = 0; i < 200; ++i) {
    world.add(10);
    world.turn(kMs, World::kEnds);
    world.add(20);
    world.turn(10 * kMs, World::kEnds);
  }
  Coroutine& slow = world.add(20);
  Coroutine& fast = world.add(10);
  CHECK(world.policy.remaining(&fast) == doctest::Approx(1.0 * kMs).epsilon(0.01));
  CHECK(world.policy.remaining(&slow) == doctest::Approx(10.0 * kMs).epsilon(0.01));
  CHECK(world.turn(3 * kMs) == &fast);
  CHECK(world.policy.remaining(&fast) == 3 * kMs);
  // 3 ms are still less than 10; from 10 on it has lost.
  for (int i = 0; i < 3; ++i) CHECK(world.turn(3 * kMs) == &fast);
  CHECK(world.policy.remaining(&fast) == 12 * kMs);
  CHECK(world.turn(5 * kMs) == &slow);
}

TEST_CASE("a coroutine that serves one request after the other has a job for each") {
  World world;
  Coroutine& connection = world.add();
  world.policy.expect(&connection, 50 * kMs);
  CHECK(world.policy.pop() == &connection);
  World::now += 30 * kMs;
  CHECK(world.policy.remaining(&connection) == 50 * kMs);  // as of the beginning of its turn
  world.policy.begin(&connection, 5);
  CHECK(world.policy.remaining(&connection) <= 30 * kMs);
  World::now += 2 * kMs;
  world.policy.begin(&connection, 5);
  CHECK(world.policy.remaining(&connection) == 2 * kMs);
  world.policy.leave();
}

TEST_CASE("a slot that is used again has nothing of the coroutine before") {
  World world;
  Coroutine& c = world.add();
  world.policy.expect(&c, 9 * kMs);
  CHECK(world.turn(kMs, World::kParks) == &c);
  CHECK(world.policy.remaining(&c) == 8 * kMs);
  c.generation = 2;
  CHECK(world.policy.remaining(&c) < 8 * kMs);
}

TEST_CASE("one that computes for ever does not keep the others out, and gets what they leave") {
  World world;
  Coroutine& busy = world.add(1000);
  for (int i = 0; i < 10'000; ++i) world.turn(kMs);
  int others = 0, its = 0;
  for (int i = 0; i < 10'000; ++i) {
    Coroutine& c = world.add(10);
    for (;;) {
      Coroutine* ran = world.turn(kMs, world.policy.first() == &c ? World::kEnds : World::kAgain);
      ran == &busy ? ++its : ++others;
      if (ran == &c) break;
    }
  }
  CHECK(others == 10'000);
  CHECK(its > 0);
  CHECK(its < 1'000);
}

TEST_CASE(
    "none starves: who is ready goes before all that become ready twice the patience later, over many "
    "seeds") {
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    std::mt19937 random(seed);
    const int64_t patience = static_cast<int64_t>(random() % 20) * kMs;
    World world(patience);
    std::deque<int64_t> readyAt;
    const auto isReady = [&](const Coroutine& c) { return c.state == State::kReady; };
    const auto add = [&] {
      Coroutine& c = world.add(random() % 4);
      readyAt.push_back(World::now);
      if (random() % 2)
        world.policy.expect(&c, static_cast<int64_t>(random() % 3 ? random() % kMs : 100 * kMs));
    };
    add();
    int64_t ready = 1, turns = 0;
    for (int step = 0; step < 60; ++step) {
      // More arrive than can be served.
      for (uint32_t n = random() % 3; n > 0 && world.all.size() < 40; --n) add(), ++ready;
      Coroutine* c = world.policy.pop();
      if (!c) {
        REQUIRE(ready == 0);
        continue;
      }
      ++turns;
      --ready;
      bool starves = !isReady(*c);
      c->state = State::kRunning;
      const int64_t since = readyAt[c->slot - 1];
      for (size_t i = 0; i < readyAt.size(); ++i)
        starves |= since > readyAt[i] + 2 * patience && isReady(world.all[i]);
      REQUIRE_FALSE(starves);
      World::now += 1 + random() % (2 * kMs);
      switch (random() % 4) {
        case 0:
          c->state = State::kDone;
          world.policy.leave();
          break;
        case 1:
          world.policy.begin(c, random() % 4);
          [[fallthrough]];
        default:
          readyAt[c->slot - 1] = World::now;
          world.push(*c);
          ++ready;
      }
    }
    // None is lost.
    while (Coroutine* c = world.policy.pop()) {
      c->state = State::kDone;
      --ready;
    }
    REQUIRE(ready == 0);
    REQUIRE(turns > 0);
  }
}

TEST_CASE("kinds are limited, and those beyond are taken for average ones") {
  World world;
  for (uint32_t i = 0; i < 2 * ShortestRemaining::kMostKinds; ++i) {
    world.add(100 + i);
    world.turn(kMs, World::kEnds);
    world.all.clear();
  }
  Coroutine& c = world.add(100 + ShortestRemaining::kMostKinds + 5);
  CHECK(world.policy.remaining(&c) == doctest::Approx(1.0 * kMs).epsilon(0.01));
}
