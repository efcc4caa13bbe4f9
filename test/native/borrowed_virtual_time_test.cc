#include "../../native/sched/borrowed_virtual_time.h"

#include <doctest/doctest.h>

#include <cmath>
#include <deque>
#include <random>
#include <string>

#include "seeds.h"

using namespace stackful::sched;
using stackful::test::kSeeds;

namespace {

constexpr int64_t kMs = 1'000'000;

// The policy with a clock of its own, and coroutines that only stand in a queue.
struct World {
  static inline int64_t now;
  Shares shares;
  Coroutine* running = nullptr;
  BorrowedVirtualTime policy;
  std::deque<Coroutine> all;

  explicit World(int64_t allowance = 0) : policy(shares, running, allowance, [] { return now; }) {
    now = kMs;
  }

  // Ready, with a share of its own.
  Coroutine& add(const ShareTerms& terms = {}) {
    Coroutine& c = all.emplace_back();
    c.slot = static_cast<uint32_t>(all.size());
    c.generation = 1;
    Share& share = shares.make(terms, false);
    shares.join(&c, share);
    shares.release(share);
    policy.push(&c);
    return c;
  }
  Coroutine& add(Share& group) {
    Coroutine& c = all.emplace_back();
    c.slot = static_cast<uint32_t>(all.size());
    c.generation = 1;
    shares.join(&c, group);
    policy.push(&c);
    return c;
  }
  // A turn of the one whose turn it is, after which it is ready again or not.
  Coroutine* turn(int64_t ns, bool again = true) {
    running = policy.pop();
    now += ns;
    Coroutine* c = running;
    if (c && again) policy.push(c);
    running = nullptr;
    return c;
  }
  int64_t ran(const Coroutine& c) { return shares.of(&c, nullptr).ran(); }
};

}  // namespace

TEST_CASE(
    "shares get time in proportion to their weights, to within a quantum, whatever the lengths of turns") {
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    std::mt19937 random(seed);
    World world;
    std::vector<double> weights;
    const size_t count = 2 + random() % 5;
    for (size_t i = 0; i < count; ++i) {
      weights.push_back(std::exp2(static_cast<double>(random() % 60) / 10 - 3));
      world.add({weights.back()});
    }
    const int64_t quantum = 10 * kMs;
    for (int turn = 0; turn < 40; ++turn) world.turn(1 + random() % quantum);
    world.policy.leave();
    for (size_t i = 0; i < count; ++i) {
      for (size_t j = 0; j < count; ++j) {
        const double lag = static_cast<double>(world.ran(world.all[i])) / weights[i] -
                           static_cast<double>(world.ran(world.all[j])) / weights[j];
        // One can be ahead by the one turn that it had when the other was due.
        REQUIRE(lag <= static_cast<double>(quantum) / weights[i] + 1000);
      }
    }
  }
}

TEST_CASE("one that has slept gets no time for it, and keeps nobody out") {
  World world;
  world.add();
  world.add();
  Coroutine* sleeper = world.turn(kMs, false);
  Coroutine* busy = world.turn(kMs);
  REQUIRE(busy != sleeper);
  for (int i = 0; i < 1000; ++i) world.turn(kMs);
  const int64_t before = world.ran(*busy);
  world.policy.push(sleeper);
  for (int i = 0; i < 100; ++i) world.turn(kMs);
  CHECK(world.ran(*busy) - before >= 49 * kMs);
  CHECK(world.ran(*busy) - before <= 51 * kMs);
}

TEST_CASE("one that warps runs as soon as it wakes, and in the long run gets what its weight says") {
  World world;
  for (int i = 0; i < 10; ++i) world.add();
  Coroutine& warped = world.add({1, 50 * kMs});
  CHECK(world.turn(kMs / 10, false) == &warped);
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < 20; ++i) CHECK(world.turn(kMs) != &warped);
    world.policy.push(&warped);
    CHECK(world.turn(kMs / 10, false) == &warped);
  }
}

TEST_CASE("one that warps and never waits is ahead by what it may borrow, and no more") {
  World world;
  Coroutine& busy = world.add();
  Coroutine& greedy = world.add({1, 50 * kMs});
  for (int i = 0; i < 1000; ++i) world.turn(kMs);
  CHECK(world.ran(greedy) - world.ran(busy) <= 52 * kMs);
  CHECK(world.ran(busy) >= 470 * kMs);
}

TEST_CASE("the limit of a warp ends it until the next wait, or for the time it has to stay away") {
  for (const int64_t away : {int64_t{0}, 300 * kMs}) {
    World world;
    Coroutine& busy = world.add();
    Coroutine& greedy = world.add({1, 1000 * kMs, 5 * kMs, away});
    // Five turns ahead, and then as its weight says, which has to be made up for.
    for (int i = 0; i < 100; ++i) world.turn(kMs);
    CHECK(world.ran(greedy) >= 49 * kMs);
    CHECK(world.ran(greedy) <= 55 * kMs);
    CHECK(world.ran(busy) >= 45 * kMs);
  }
}

TEST_CASE("a group has one share, and those in it take turns") {
  World world;
  Share& group = world.shares.make({1}, true);
  for (int i = 0; i < 9; ++i) world.add(group);
  Coroutine& alone = world.add();
  for (int i = 0; i < 900; ++i) world.turn(kMs);
  CHECK(std::abs(world.ran(alone) - 450 * kMs) <= kMs);
  CHECK(std::abs(group.ran() - 450 * kMs) <= kMs);
  world.shares.release(group);
}

TEST_CASE("one that a member of a group makes joins it, and one that stands in a queue changes its share") {
  World world;
  Share& group = world.shares.make({1}, true);
  Coroutine& member = world.add(group);
  CHECK(world.policy.pop() == &member);
  world.running = &member;
  Coroutine& child = world.all.emplace_back();
  child.slot = 100;
  child.generation = 7;
  world.policy.push(&child);
  CHECK(&world.shares.of(&child, nullptr) == &group);
  Share& other = world.shares.make({2}, false);
  world.policy.join(&child, other);
  CHECK(&world.shares.of(&child, nullptr) == &other);
  world.running = nullptr;
  CHECK(world.policy.pop() == &child);
  CHECK(world.policy.pop() == nullptr);
  world.shares.release(other);
  world.shares.release(group);
}

TEST_CASE("shares of coroutines that are gone are used again") {
  World world;
  Coroutine& c = world.all.emplace_back();
  c.slot = 5;
  for (uint32_t i = 0; i < 1000; ++i) {
    c.generation = i;
    world.policy.push(&c);
    CHECK(world.policy.pop() == &c);
    CHECK(world.policy.pop() == nullptr);
  }
  CHECK(world.shares.count() <= 2);
}

TEST_CASE("none waits for ever: whoever is ready has its turn when the others have had theirs") {
  for (uint32_t seed = 0; seed < kSeeds / 50; ++seed) {
    std::mt19937 random(seed);
    World world(static_cast<int64_t>(random() % 3) * kMs);
    for (uint32_t i = 0, count = 2 + random() % 8; i < count; ++i) {
      world.add({1.0 + random() % 4, static_cast<int64_t>(random() % 3) * 20 * kMs,
                 static_cast<int64_t>(random() % 2) * 3 * kMs});
    }
    std::vector<Coroutine*> asleep;
    std::vector<int64_t> last(world.all.size() + 1, World::now);
    for (int i = 0; i < 500; ++i) {
      const bool again = random() % 3 != 0;
      Coroutine* c = world.turn(1 + random() % (2 * kMs), again);
      if (c) last[c->slot] = World::now;
      if (c && !again) asleep.push_back(c);
      while (!asleep.empty() && (!c || random() % 2 == 0)) {
        Coroutine* woken = asleep.back();
        asleep.pop_back();
        last[woken->slot] = World::now;
        world.policy.push(woken);
        c = woken;
      }
      for (const Coroutine& each : world.all) {
        bool sleeps = false;
        for (const Coroutine* s : asleep) sleeps = sleeps || s == &each;
        if (!sleeps) REQUIRE(World::now - last[each.slot] < 1500 * kMs);
      }
    }
  }
}
