#include <doctest/doctest.h>

#include <deque>
#include <random>

#include "../../native/http/shedder.h"

using stackful::http::Shedder;

namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kTarget = 20 * kMs;
constexpr int64_t kInterval = 100 * kMs;
constexpr int64_t kRefusing = kMs / 50;

// A server with one queue, and a clock that only it moves.
struct Simulated {
  explicit Simulated(int64_t s = kMs, int64_t r = kRefusing) : service(s), refusing(r) {}

  int64_t service;   // for an answer
  int64_t refusing;  // for a refusal
  Shedder shedder{kTarget, kInterval};
  std::mt19937_64 random{1};
  int64_t now = 1000 * kMs;
  int64_t nextArrival = now;
  std::deque<int64_t> queue;
  int64_t answered = 0, refused = 0, busy = 0, longest = 0;

  // Requests at random moments, `load` times as many as can be answered, for so long.
  void offer(double load, int64_t length) {
    answered = refused = busy = longest = 0;
    std::exponential_distribution<double> gap(load / static_cast<double>(service));
    const int64_t end = now + length;
    nextArrival = now;
    while (now < end) {
      for (; nextArrival <= now; nextArrival += 1 + static_cast<int64_t>(gap(random)))
        queue.push_back(nextArrival);
      if (queue.empty()) {
        now = nextArrival;
      } else {
        turn();
      }
    }
  }
  void turn() {
    const int64_t delay = now - queue.front();
    queue.pop_front();
    const bool refuse = shedder.refuses(now, delay);
    if (refuse) {
      ++refused;
      now += refusing;
    } else {
      ++answered;
      if (delay > longest) longest = delay;
      now += service;
      busy += service;
    }
  }
  // No request gets a turn for so long, while others arrive.
  void pause(int64_t length, int requests) {
    for (int i = 0; i < requests; ++i) queue.push_back(now + length * i / requests + 1);
    now += length;
  }
  double refusedShare() const {
    return static_cast<double>(refused) / static_cast<double>(refused + answered);
  }
};

}  // namespace

TEST_CASE("shedder: under a load that can be answered, hardly anything is refused") {
  Simulated s;
  s.offer(0.5, 20'000 * kMs);
  CHECK(s.refused == 0);
  s.offer(0.9, 20'000 * kMs);
  CHECK(s.refusedShare() < 0.01);
}

TEST_CASE(
    "shedder: in a storm, all time that refusals leave goes to answers, which have not waited beyond the "
    "target") {
  for (const double load : {2.0, 5.0, 20.0}) {
    Simulated s;
    s.offer(load, 500 * kMs);
    s.offer(load, 5'000 * kMs);
    CHECK(s.longest <= kTarget);
    CHECK(s.refusedShare() == doctest::Approx(1 - 1 / load).epsilon(load > 10 ? 0.1 : 0.05));
    CHECK(s.busy + s.refused * kRefusing >= 5'000 * kMs - kMs);
  }
}

TEST_CASE("shedder: a queue may stand for an interval, no longer") {
  Simulated s;
  s.offer(5, kInterval - kMs);
  CHECK(s.refused == 0);
  s.offer(5, 30 * kMs);
  CHECK(s.refused > 0);
}

TEST_CASE("shedder: after a storm it ends with the queue") {
  Simulated s;
  s.offer(5, 3'000 * kMs);
  CHECK(s.refused > 0);
  // Requests that came during the storm wait until they are too old.
  s.offer(0.5, 2 * kTarget);
  CHECK(s.refused > 0);
  s.offer(0.5, 3'000 * kMs);
  CHECK(s.refused == 0);
}

TEST_CASE("shedder: one request that has waited half the target or less ends it") {
  Shedder shedder(kTarget, kInterval);
  int64_t now = 1000 * kMs;
  auto asks = [&](int64_t delay) { return shedder.refuses(now += kMs, delay); };
  for (int i = 0; i < 110; ++i) asks(30 * kMs);
  CHECK(asks(30 * kMs));
  CHECK_FALSE(asks(20 * kMs));
  CHECK_FALSE(asks(11 * kMs));
  CHECK(asks(21 * kMs));
  CHECK_FALSE(asks(10 * kMs));
  // From now on, another interval.
  for (int i = 0; i < 99; ++i) CHECK_FALSE(asks(30 * kMs));
  CHECK(asks(30 * kMs));
}

TEST_CASE("shedder: pauses are no queue, with any number of requests in them") {
  Simulated s;
  for (int i = 0; i < 20; ++i) {
    s.pause(150 * kMs, 50);
    while (!s.queue.empty()) s.turn();
  }
  CHECK(s.refused == 0);
  // Half busy, and every 200 ms a time slice is lost.
  for (int i = 0; i < 20; ++i) {
    s.pause(30 * kMs, 15);
    s.offer(0.5, 170 * kMs);
    CHECK(s.refused == 0);
  }
}

TEST_CASE(
    "shedder: requests longer than the target do not make it refuse all, nor leave the server idle for "
    "long") {
  Simulated s(50 * kMs);
  s.offer(0.5, 60'000 * kMs);
  CHECK(s.refusedShare() < 0.1);
  s.offer(3, 60'000 * kMs);
  CHECK(s.busy + s.refused * kRefusing > 56'000 * kMs);
  CHECK(s.longest < 400 * kMs);
  CHECK(s.refusedShare() > 0.5);
}

TEST_CASE("shedder: with a target of 0 there is none") {
  CHECK_FALSE(Shedder(0, kInterval).enabled());
  CHECK(Shedder(1, kInterval).enabled());
}
