// What is foreseen is what comes, and looking changes nothing.
#include "../../native/sched/upcoming.h"

#include <doctest/doctest.h>

#include <deque>
#include <random>
#include <vector>

#include "../../native/sched/borrowed_virtual_time.h"
#include "../../native/sched/policy.h"
#include "../../native/sched/shortest_remaining.h"
#include "seeds.h"

using namespace stackful::sched;
using stackful::test::kSeeds;

namespace {

constexpr int64_t kMs = 1'000'000;
int64_t now;

struct Crowd {
  std::deque<Coroutine> all;
  Coroutine& add() {
    Coroutine& c = all.emplace_back();
    c.slot = static_cast<uint32_t>(all.size());
    c.generation = 1;
    return c;
  }
};

std::vector<const Coroutine*> foreseen(const Policy& policy, size_t room) {
  std::vector<Upcoming> into(room);
  into.resize(policy.upcoming(into.data(), room));
  std::vector<const Coroutine*> found;
  for (const Upcoming& one : into) found.push_back(one.coroutine);
  return found;
}

// Each turn takes what the policies take it for, and none becomes ready again.
void checkOrder(Policy& policy, size_t count, int64_t turnNs) {
  const auto all = foreseen(policy, count + 5);
  CHECK(all.size() == count);
  CHECK(foreseen(policy, 7) ==
        std::vector<const Coroutine*>(all.begin(),
                                      all.begin() + static_cast<ptrdiff_t>(std::min<size_t>(7, count))));
  CHECK(foreseen(policy, 0).empty());
  std::vector<const Coroutine*> came;
  while (const Coroutine* c = policy.pop()) {
    came.push_back(c);
    now += turnNs;
  }
  CHECK(came == all);
}

}  // namespace

TEST_CASE("levels: the order that is foreseen comes, with the turns of the last in line") {
  for (uint32_t seed = 0; seed < kSeeds / 50; ++seed) {
    std::mt19937 random(seed);
    Crowd crowd;
    auto policy = makePolicy(PolicyKind::kPriority);
    const size_t count = random() % 300;
    for (size_t i = 0; i < count; ++i) {
      Coroutine& c = crowd.add();
      c.priority = static_cast<uint8_t>(random() % 5);
      policy->push(&c);
    }
    // Somewhere in the count of turns.
    size_t left = count;
    for (uint32_t i = random() % 100; i > 0 && left > 0; --i, --left) policy->pop();
    checkOrder(*policy, left, 0);
  }
}

TEST_CASE(
    "borrowed virtual time: the order that is foreseen comes if turns take 0.1 ms, also while one runs") {
  for (uint32_t seed = 0; seed < kSeeds / 50; ++seed) {
    std::mt19937 random(seed);
    now = kMs;
    Crowd crowd;
    Shares shares;
    Coroutine* running = nullptr;
    BorrowedVirtualTime policy(shares, running, 0, [] { return now; });
    const size_t groups = 1 + random() % 20;
    size_t left = 0;
    for (size_t g = 0; g < groups; ++g) {
      // No two virtual times are equal.
      const double weight = 1 + static_cast<double>(random() % 1'000'000) / 1'000'000;
      Share& share = shares.make({weight, static_cast<int64_t>(random() % (3 * kMs))}, true);
      for (size_t i = random() % 8; i > 0; --i, ++left) {
        Coroutine& c = crowd.add();
        shares.join(&c, share);
        policy.push(&c);
      }
      shares.release(share);
    }
    // One has run for a while, and others of its share are ready.
    for (uint32_t i = random() % 4; i > 0 && left > 0; --i, --left) {
      policy.pop();
      now += random() % kMs;
    }
    checkOrder(policy, left, 100'000);
  }
}

TEST_CASE(
    "shortest remaining time: the order that is foreseen comes, and the numbers are those of the jobs") {
  for (uint32_t seed = 0; seed < kSeeds / 50; ++seed) {
    std::mt19937 random(seed);
    now = kMs;
    Crowd crowd;
    ShortestRemaining policy(5'000 * kMs, [] { return now; });
    const size_t count = random() % 200;
    for (size_t i = 0; i < count; ++i) {
      Coroutine& c = crowd.add();
      policy.push(&c);
      policy.expect(&c, static_cast<int64_t>(random() % 1'000) * kMs, random() % 2 == 0);
      now += random() % 1'000;
    }
    Upcoming first;
    if (policy.upcoming(&first, 1) == 1) {
      CHECK(first.numbers[0] * 1e6 ==
            doctest::Approx(static_cast<double>(policy.remaining(first.coroutine))));
      CHECK((first.why == Why::kTold || first.why == Why::kFile || first.why == Why::kToldTooLittle));
    }
    checkOrder(policy, count, 0);
  }
}

TEST_CASE("shortest remaining time: where what remains is known from") {
  now = kMs;
  Crowd crowd;
  ShortestRemaining policy(5'000 * kMs, [] { return now; });
  auto why = [&policy](Coroutine& c) {
    policy.push(&c);
    Upcoming one;
    CHECK(policy.upcoming(&one, 1) == 1);
    policy.pop();
    return one.why;
  };
  auto run = [&policy](Coroutine& c, int64_t ns, bool ends) {
    policy.push(&c);
    CHECK(policy.pop() == &c);
    now += ns;
    if (ends) c.state = State::kDone;
    policy.leave();
  };
  Coroutine& first = crowd.add();
  CHECK(why(first) == Why::kNothingKnown);
  policy.leave();
  policy.name(&first, 7);
  run(first, 3 * kMs, true);
  Coroutine& same = crowd.add();
  policy.name(&same, 7);
  CHECK(why(same) == Why::kKind);
  now += 4 * kMs;
  policy.leave();
  CHECK(why(same) == Why::kUsedMore);
  policy.leave();
  Coroutine& other = crowd.add();
  policy.name(&other, 8);
  CHECK(why(other) == Why::kAll);
  policy.leave();
  policy.expect(&other, kMs, true);
  CHECK(why(other) == Why::kFile);
  policy.leave();
  policy.expect(&other, kMs);
  CHECK(why(other) == Why::kTold);
  now += 2 * kMs;
  policy.leave();
  CHECK(why(other) == Why::kToldTooLittle);
}

TEST_CASE("an application's policy: the one it has chosen, and those it has yet to take") {
  Crowd crowd;
  Coroutine& chooser = crowd.add();
  Chosen policy(&chooser);
  Coroutine& one = crowd.add();
  Coroutine& two = crowd.add();
  Coroutine& three = crowd.add();
  for (Coroutine* c : {&one, &two}) policy.push(c);
  while (policy.take())
    ;
  policy.push(&three);
  CHECK(policy.choose(&two));
  CHECK(foreseen(policy, 9) == std::vector<const Coroutine*>{&two, &three});
  CHECK(policy.held() == 1);
}
