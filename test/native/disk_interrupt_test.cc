// Calls that are ended early while no thread has begun them, and a pool whose threads are all stuck.
#include <cerrno>
#include <memory>
#include <vector>

#include "disk_harness.h"

using namespace stackful;
using namespace stackful::disk;
using namespace stackful::pool;
using test::Directory;
using test::Environment;
using test::eventually;
using test::fill;
using test::Gate;
using test::GateTask;
using test::kReason;
using test::NoGrowth;

TEST_CASE("a task that no thread has begun is withdrawn, and the caller has it again") {
  for (const Interrupted interrupted : {Interrupted::kWaits, Interrupted::kAbandons}) {
    NoGrowth growth;
    Environment e;
    auto busy = std::make_shared<Gate>();
    fill(e, busy);
    auto gate = std::make_shared<Gate>();
    gate->let();
    constexpr int kTasks = 3;
    std::vector<int64_t> results(kTasks);
    std::vector<sched::Coroutine*> coroutines;
    bool back = true;
    for (int i = 0; i < kTasks; ++i) {
      coroutines.push_back(e.go([&, i] {
        GateTask task(gate, 7 + i);
        results[static_cast<size_t>(i)] = e.pool.run(task, kReason, interrupted);
        back = back && task.gate == gate && task.value == 7 + i;
      }));
    }
    e.turn(0);
    CHECK(poolStats().queued == kTasks);
    // The one in the middle and the last: the queue goes on behind the first.
    e.scheduler.cancel(coroutines[1]);
    e.scheduler.cancel(coroutines[2]);
    e.turn(0);
    CHECK(results[1] == -ECANCELED);
    CHECK(results[2] == -ECANCELED);
    CHECK(poolStats().queued == 1);
    CHECK(e.pool.inFlight() == 5);
    busy->let();
    CHECK(e.run());
    CHECK(results[0] == 7);
    CHECK(back);
    CHECK(gate->began == 1);
    CHECK(gate->undone == 0);
    CHECK(e.pool.inFlight() == 0);
    CHECK(poolStats().queued == 0);
  }
}

// The end of its thread: the call returns at once, at any stage of the task, and the task's result is undone.
TEST_CASE("a coroutine's last turn waits for no task") {
  enum class At { kQueued, kBegun, kDone };
  for (const At at : {At::kQueued, At::kBegun, At::kDone}) {
    NoGrowth growth;
    auto busy = std::make_shared<Gate>(), gate = std::make_shared<Gate>();
    int64_t result = 0;
    {
      Environment e;
      if (at == At::kQueued) fill(e, busy);
      sched::Coroutine* c = e.go([&] {
        {
          GateTask task(gate, 7);
          result = e.pool.run(task, kReason, Interrupted::kWaits);
        }
        e.scheduler.halt();
      });
      e.turn(0);
      if (at != At::kQueued) gate->awaitBegin();
      if (at == At::kDone) {
        gate->let();
        CHECK(eventually([&] {
          e.poller.poll(0);
          return c->state == sched::State::kReady;
        }));
      }
      e.scheduler.runLastTurn(c);
      CHECK(result == -ECANCELED);
      CHECK(gate->undone == (at == At::kDone ? 1 : 0));
    }
    busy->let();
    gate->let();
    if (at == At::kBegun) CHECK(eventually([&] { return gate->undone == 1; }));
    CHECK(gate->began == (at == At::kQueued ? 0 : 1));
  }
}

TEST_CASE("a time limit withdraws a write that no thread has begun: nothing is written") {
  NoGrowth growth;
  Environment e;
  Directory dir;
  const std::string path = dir / "file";
  test::writeWhole(path, "before");
  auto busy = std::make_shared<Gate>();
  fill(e, busy);
  ssize_t result = 0;
  e.go([&] {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    sched::Limit limit;
    limit.code = kLimitTimedOut;
    e.scheduler.enterLimit(limit, test::in(5));
    result = pwrite(e.pool, fd, "after!", 6, 0, {});
    e.scheduler.leaveLimit(limit);
    ::close(fd);
    busy->let();
  });
  CHECK(e.run());
  CHECK(result == kLimitTimedOut);
  char content[8] = {};
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  CHECK(::read(fd, content, sizeof(content)) == 6);
  CHECK(std::string(content) == "before");
  ::close(fd);
}

TEST_CASE("closing ends at once when it is cancelled, and the descriptor is closed all the same") {
  NoGrowth growth;
  Environment e;
  Directory dir;
  auto busy = std::make_shared<Gate>();
  fill(e, busy);
  const int queued = ::open((dir / "queued").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  const int later = ::open((dir / "later").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  int first = 0, second = -1;
  auto* c = e.go([&] {
    first = disk::close(e.pool, queued);
    second = disk::close(e.pool, later);
  });
  e.turn(0);
  e.scheduler.cancel(c);
  e.turn(0);
  CHECK(first == -ECANCELED);
  // A coroutine that is being cancelled may not wait, but it must be able to clean up.
  CHECK(second == 0);
  CHECK(fcntl(later, F_GETFD) == -1);
  busy->let();
  CHECK(e.run());
  while (e.pool.inFlight() > 0) e.poller.poll(100);
  CHECK(fcntl(queued, F_GETFD) == -1);
}

TEST_CASE("a read that is withdrawn gives back what the cache had") {
  NoGrowth growth;
  Environment e;
  Directory dir;
  // Larger than what is read at once, so that the second half goes to the pool if the cache does not have it.
  const std::string path = dir / "file";
  const std::string content = test::pattern(size_t{1} << 20);
  test::writeWhole(path, content);
  auto busy = std::make_shared<Gate>();
  fill(e, busy);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  test::evict(path);
  char some[4096];
  CHECK(::read(fd, some, sizeof(some)) == sizeof(some));
  CHECK(lseek(fd, 0, SEEK_SET) == 0);
  ssize_t result = 0;
  std::string buffer(content.size(), 0);
  auto* c = e.go([&] { result = pread(e.pool, fd, buffer.data(), buffer.size(), kCurrentPosition, {}); });
  e.turn(0);
  // A file system that keeps everything in memory has answered at once.
  if (c->state == sched::State::kParked) {
    e.scheduler.cancel(c);
    e.turn(0);
    CHECK(result == -ECANCELED);
    CHECK(lseek(fd, 0, SEEK_CUR) == 0);
  } else {
    CHECK(result == static_cast<ssize_t>(content.size()));
  }
  ::close(fd);
  busy->let();
  CHECK(e.run());
}

TEST_CASE("the pool grows while all its threads are stuck, and only then") {
  Environment e;
  auto stuck = std::make_shared<Gate>();
  fill(e, stuck);
  // Each further one that never returns takes a thread more.
  constexpr int kMore = 3;
  for (int i = 0; i < kMore; ++i) {
    e.go([&] {
      GateTask task(stuck, 0);
      e.pool.run(task, kReason, Interrupted::kWaits);
    });
  }
  int done = 0;
  for (int i = 0; i < 100; ++i) {
    e.go([&] {
      auto open = std::make_shared<Gate>();
      open->let();
      GateTask task(open, 1);
      done += static_cast<int>(e.pool.run(task, kReason, Interrupted::kWaits));
    });
  }
  CHECK(eventually([&] {
    e.turn(1);
    return done == 100;
  }));
  CHECK(stuck->began == 4 + kMore);
  CHECK(poolStats().threads == 4 + kMore + 1);
  stuck->let();
  CHECK(e.run());
}

TEST_CASE("threads stuck in FIFOs do not keep files from being read") {
  Environment e;
  Directory dir;
  constexpr int kFifos = 6;
  std::vector<sched::Coroutine*> openers;
  for (int i = 0; i < kFifos; ++i) {
    const std::string path = dir / std::to_string(i);
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    openers.push_back(e.go([&e, path] { disk::open(e.pool, path.c_str(), O_RDONLY, 0); }));
  }
  e.turn(0);
  disk::Listing found;
  int result = -1;
  e.go([&] { result = readdir(e.pool, dir.path.c_str(), found); });
  CHECK(eventually([&] {
    e.turn(1);
    return result == 0;
  }));
  CHECK(found.entries.size() == kFifos);
  for (sched::Coroutine* c : openers) e.scheduler.cancel(c);
  CHECK(e.run());
  // Those that are in open(2) are let go; the others have been withdrawn.
  for (int i = 0; i < kFifos; ++i) {
    while (e.pool.inFlight() > 0) {
      const int writer = ::open((dir / std::to_string(i)).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
      if (writer < 0) break;
      e.poller.poll(10);
      ::close(writer);
    }
  }
  while (e.pool.inFlight() > 0) e.poller.poll(100);
}
