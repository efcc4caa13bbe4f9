#include "../../native/channel/shared_channel.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "environment.h"
#include "seeds.h"

using namespace stackful;
using namespace stackful::channel;
using test::Environment;
using Result = SharedChannel::Result;

namespace {

std::atomic<int> alive{0};

struct Number final : Message {
  explicit Number(int v) : value(v) { ++alive; }
  ~Number() override { --alive; }
  int value;
};

struct Released {
  void operator()(SharedChannel* c) const { c->release(); }
};
using Held = std::unique_ptr<SharedChannel, Released>;

// One thread with coroutines that use channels.
struct Station : Environment {
  std::unique_ptr<Inbox> inbox = std::make_unique<Inbox>();

  Station() {
    opened = opened && inbox->open(poller.signalFd(), scheduler) == 0 &&
             poller.addDrain(
                 [](void* s) {
                   auto* self = static_cast<Station*>(s);
                   if (self->inbox) self->inbox->drain();
                 },
                 this);
  }

  template <class Attempt>
  int32_t wait(SharedChannel& channel, Attempt attempt, Result& result) {
    Waiter* waiter = inbox->waiterFor(scheduler.running());
    int32_t code = 0;
    while ((result = attempt(waiter)) == Result::kWouldWait) {
      code = scheduler.parkUntil({sched::ParkKind::kChannelReceive, -1, 0}, sched::kNoDeadline);
      channel.leave(*waiter, code < 0);
      if (code < 0) break;
    }
    inbox->done(waiter);
    return code;
  }

  bool send(SharedChannel& channel, int value) {
    Result result = Result::kDone;
    if (value % 2 == 0) {
      auto message = std::make_unique<Number>(value);
      if (wait(
              channel, [&](Waiter* w) { return channel.offer(message.get(), w); }, result) < 0)
        return false;
      if (result == Result::kDone) message.release();
      return result == Result::kDone;
    }
    if (wait(
            channel, [&](Waiter* w) { return channel.reserve(w); }, result) < 0)
      return false;
    if (result == Result::kClosed) return false;
    channel.push(new Number(value));
    return true;
  }

  // -1: closed; -2: ended early.
  int receive(SharedChannel& channel) {
    Message* message = nullptr;
    Result result = Result::kDone;
    if (channel.length() == 0 && inbox->shouldExpect()) inbox->noteExpectation(channel.expect());
    if (wait(
            channel, [&](Waiter* w) { return channel.take(message, w); }, result) < 0)
      return -2;
    if (result == Result::kClosed) return -1;
    const std::unique_ptr<Number> number(static_cast<Number*>(message));
    return number->value;
  }
};

bool push(SharedChannel& channel, int value) {
  if (channel.reserve(nullptr) != Result::kDone) return false;
  channel.push(new Number(value));
  return true;
}

int take(SharedChannel& channel) {
  Message* message = nullptr;
  if (channel.take(message, nullptr) != Result::kDone) return -1;
  const std::unique_ptr<Number> number(static_cast<Number*>(message));
  return number->value;
}

// By another thread, which rings where this one would wake at once.
void aside(auto function) {
  std::thread(function).join();
}

}  // namespace

TEST_CASE(
    "a shared channel keeps messages in order, up to its capacity, and is found by its handle while it is "
    "held") {
  Held channel(SharedChannel::create(2));
  const void* const handle = channel->handle();
  CHECK(push(*channel, 1));
  CHECK(push(*channel, 2));
  CHECK(channel->reserve(nullptr) == Result::kWouldWait);
  CHECK(channel->length() == 2);
  {
    const Held again(SharedChannel::find(handle));
    CHECK(again.get() == channel.get());
    CHECK(take(*again) == 1);
  }
  // A reservation takes room before there is a message.
  CHECK(channel->reserve(nullptr) == Result::kDone);
  CHECK(channel->reserve(nullptr) == Result::kWouldWait);
  Number tooMany(4);
  CHECK(channel->offer(&tooMany, nullptr) == Result::kWouldWait);
  channel->giveUp();
  CHECK(push(*channel, 3));
  channel->close();
  CHECK(channel->reserve(nullptr) == Result::kClosed);
  CHECK(channel->offer(&tooMany, nullptr) == Result::kClosed);
  CHECK(take(*channel) == 2);
  channel.reset();
  CHECK(SharedChannel::find(handle) == nullptr);
  CHECK(alive == 1);  // tooMany
}

TEST_CASE(
    "what was reserved before a shared channel was closed is still received, and its end comes after that") {
  const Held channel(SharedChannel::create(2));
  Message* message = nullptr;
  REQUIRE(channel->reserve(nullptr) == Result::kDone);
  channel->close();
  CHECK(channel->take(message, nullptr) == Result::kWouldWait);
  channel->push(new Number(7));
  CHECK(take(*channel) == 7);
  CHECK(channel->take(message, nullptr) == Result::kClosed);
}

TEST_CASE("coroutines of several threads send and receive: every message once, those of a sender in order") {
  constexpr int kThreads = 2, kEach = 3;
  const int messages = static_cast<int>(20 * test::kSeeds < 2000 ? 20 * test::kSeeds : 2000);
  const Held channel(SharedChannel::create(5));
  std::vector<std::atomic<int>> seen(static_cast<size_t>(kThreads * kEach * messages));
  std::atomic<int> senders{kThreads * kEach};
  std::atomic<bool> ordered{true}, finished{true};
  auto work = [&](int thread) {
    Station station;
    for (int i = 0; i < kEach; ++i) {
      station.go([&, thread, i] {
        const int first = (thread * kEach + i) * messages;
        for (int n = 0; n < messages; ++n) station.send(*channel, first + n);
        if (--senders == 0) channel->close();
      });
      station.go([&] {
        std::vector<int> last(static_cast<size_t>(kThreads * kEach), -1);
        for (int value; (value = station.receive(*channel)) >= 0;) {
          ++seen[static_cast<size_t>(value)];
          int& before = last[static_cast<size_t>(value / messages)];
          if (value <= before) ordered = false;
          before = value;
        }
      });
    }
    if (!station.run()) finished = false;
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) threads.emplace_back(work, t);
  for (auto& thread : threads) thread.join();
  CHECK(finished);
  CHECK(ordered);
  int wrong = 0;
  for (auto& count : seen) wrong += count != 1;
  CHECK(wrong == 0);
  CHECK(alive == 0);
}

TEST_CASE("a receiver that is cancelled after it was woken leaves the message to the next one") {
  const Held channel(SharedChannel::create(5));
  Station station;
  int first = 0, second = 0;
  auto* one = station.go([&] { first = station.receive(*channel); });
  station.go([&] { second = station.receive(*channel); });
  station.scheduler.runBatch(Environment::kTurnNs);
  aside([&] { push(*channel, 9); });  // rings for the first
  station.scheduler.cancel(one);
  CHECK(station.run());
  CHECK(first == -2);
  CHECK(second == 9);
}

TEST_CASE("a receiver of the same thread is woken at once, and not by the poll") {
  const Held channel(SharedChannel::create(5));
  Station station;
  int got = 0;
  station.go([&] { got = station.receive(*channel); });
  station.scheduler.runBatch(Environment::kTurnNs);
  REQUIRE(push(*channel, 9));
  CHECK(station.scheduler.readyLength() == 1);
  station.scheduler.runBatch(Environment::kTurnNs);
  CHECK(got == 9);
}

TEST_CASE("a thread that ends with waiting coroutines leaves messages and room to others") {
  const Held channel(SharedChannel::create(1));
  Station lasting;
  int got = 0;
  {
    Station ending;
    for (int i = 0; i < 2; ++i) ending.go([&] { ending.receive(*channel); });
    ending.scheduler.runBatch(Environment::kTurnNs);
    lasting.go([&] { got = lasting.receive(*channel); });
    lasting.scheduler.runBatch(Environment::kTurnNs);
    aside([&] { push(*channel, 5); });  // rings for one of the thread that ends
    channel->forget(*ending.inbox);
    ending.inbox.reset();
  }
  CHECK(lasting.run());
  CHECK(got == 5);
}

TEST_CASE(
    "a thread that ends when it was rung for several messages leaves all of them to others, and all of the "
    "room") {
  constexpr int kMany = 3;
  const Held channel(SharedChannel::create(kMany));
  Station lasting;
  int got = 0, sent = 0;
  auto end = [&](Station& ending) {
    channel->forget(*ending.inbox);
    ending.inbox.reset();
  };
  {
    Station ending;
    for (int i = 0; i < kMany; ++i) ending.go([&] { ending.receive(*channel); });
    ending.scheduler.runBatch(Environment::kTurnNs);
    for (int i = 0; i < kMany; ++i) lasting.go([&] { got += lasting.receive(*channel); });
    lasting.scheduler.runBatch(Environment::kTurnNs);
    aside([&] {
      for (int i = 0; i < kMany; ++i) push(*channel, 5);
    });
    end(ending);
  }
  CHECK(lasting.run());
  CHECK(got == 5 * kMany);
  for (int i = 0; i < kMany; ++i) REQUIRE(push(*channel, 6));
  {
    Station ending;
    for (int i = 0; i < kMany; ++i) ending.go([&] { ending.send(*channel, 7); });
    ending.scheduler.runBatch(Environment::kTurnNs);
    for (int i = 0; i < kMany; ++i) {
      lasting.go([&] {
        lasting.send(*channel, 8);
        ++sent;
      });
    }
    lasting.scheduler.runBatch(Environment::kTurnNs);
    int taken = 0;
    aside([&] {
      for (int i = 0; i < kMany; ++i) taken += take(*channel);
    });
    CHECK(taken == 6 * kMany);
    end(ending);
  }
  CHECK(lasting.run());
  CHECK(sent == kMany);
}

TEST_CASE(
    "channels that only messages of others hold are deleted one after the other, however long their chain "
    "is") {
  struct Holding final : Message {
    explicit Holding(SharedChannel* c) noexcept : channel(c) { ++alive; }
    ~Holding() override {
      channel->release();
      --alive;
    }
    SharedChannel* const channel;
  };
  SharedChannel* last = SharedChannel::create(1);
  for (int i = 0; i < 200'000; ++i) {
    SharedChannel* next = SharedChannel::create(1);
    REQUIRE(next->offer(new Holding(last), nullptr) == Result::kDone);
    last = next;
  }
  last->release();
  CHECK(alive == 0);
}

TEST_CASE("a message of a sender that waits goes with its thread") {
  const Held channel(SharedChannel::create(1));
  REQUIRE(push(*channel, 1));
  {
    Station ending;
    Waiter* waiter = ending.inbox->waiterFor(nullptr);
    waiter->offered = std::make_unique<Number>(2);
    CHECK(channel->offer(waiter->offered.get(), waiter) == Result::kWouldWait);
    channel->forget(*ending.inbox);
    ending.inbox.reset();
  }
  CHECK(alive == 1);
  CHECK(take(*channel) == 1);
}

TEST_CASE("who listens is woken as one who waits, unless there is something already") {
  const Held channel(SharedChannel::create(1));
  Station station;
  bool woken = false;
  station.go([&] {
    Waiter* waiter = station.inbox->waiterFor(station.scheduler.running());
    CHECK_FALSE(channel->listen(*waiter, true));
    REQUIRE(channel->listen(*waiter, false));
    woken = station.scheduler.parkUntil({sched::ParkKind::kSelect, -1, 0}, sched::kNoDeadline) == 0;
    channel->leave(*waiter, true);
    CHECK_FALSE(channel->listen(*waiter, false));
    station.inbox->done(waiter);
  });
  station.scheduler.runBatch(Environment::kTurnNs);
  aside([&] { push(*channel, 1); });
  CHECK(station.run());
  CHECK(woken);
}

TEST_CASE("to look again stops where it does not help, and is tried now and then") {
  Inbox inbox;
  int looks = 0;
  for (int i = 0; i < 320; ++i) {
    if (!inbox.shouldExpect()) continue;
    ++looks;
    inbox.noteExpectation(false);
  }
  CHECK(looks > 5);
  CHECK(looks < 20);
  inbox.noteExpectation(true);
  CHECK(inbox.shouldExpect());
}
