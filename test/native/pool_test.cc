#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "../../native/pool/thread_pool.h"
#include "disk_harness.h"

using namespace stackful;
using namespace stackful::disk;
using namespace stackful::pool;
using test::Directory;
using test::Environment;
using test::eventually;
using test::Gate;
using test::GateTask;
using test::kReason;
using test::NoGrowth;
using test::pattern;

namespace {

// Runs one of the tests marked skip() in a process of its own; its exit status.
int runChild(const char* name, const char* environment = "") {
  char self[4096];
  const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
  if (n < 0) return -1;
  self[n] = 0;
  const std::string command =
      std::string(environment) + " '" + self + "' --no-skip --test-case='" + name + "' 2>&1";
  FILE* out = popen(command.c_str(), "r");
  std::string text;
  char line[512];
  while (fgets(line, sizeof(line), out)) text += line;
  const int status = pclose(out);
  INFO(text);
  CHECK(status == 0);
  return status;
}

}  // namespace

TEST_CASE("jobs are metered for the edges of their coroutines, while they are") {
  Environment e;
  struct Nap {
    int64_t run() {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      return 1;
    }
    void undo(int64_t) {}
  };
  const int32_t edges[] = {3, 0, Pool::kEdges, 3};  // a number that is no edge counts as none
  const auto runAll = [&] {
    for (int i = 0; i < 5; ++i) {
      e.go([&] {
        Nap nap;
        CHECK(e.pool.run(nap, kReason, Interrupted::kWaits) == 1);
      });
    }
    e.run();
  };
  runAll();
  CHECK(e.pool.metered(0).jobs == 0);
  e.pool.meter(edges, 4);
  runAll();
  // The slots 1, 2 and 4, of which the last is in no table.
  CHECK(e.pool.metered(0).jobs == 3);
  CHECK(e.pool.metered(3).jobs == 2);
  CHECK(e.pool.metered(3).served >= 4'000'000);
  CHECK(e.pool.metered(3).waited >= 0);
  e.pool.meter(nullptr, 0);
  runAll();
  CHECK(e.pool.metered(0).jobs + e.pool.metered(3).jobs == 5);
}

TEST_CASE("many tasks at once come back with their own results") {
  Environment e;
  struct Square {
    int64_t n;
    std::string text;
    int64_t run() {
      text = std::to_string(n * n);
      return n;
    }
    void undo(int64_t) {}
  };
  int right = 0;
  constexpr int kTasks = 2000;
  const int coroutines = test::kMany < 1000 ? 200 : kTasks;
  for (int i = 0; i < coroutines; ++i) {
    e.go([&, i] {
      for (int k = 0; k < kTasks / coroutines; ++k) {
        Square task{i, {}};
        if (e.pool.run(task, kReason, Interrupted::kWaits) == i && task.text == std::to_string(i * i))
          ++right;
      }
    });
  }
  CHECK(e.run());
  CHECK(right == kTasks);
  CHECK(e.pool.inFlight() == 0);
  CHECK(poolStats().queued == 0);
  CHECK(poolStats().threads >= 1);
}

TEST_CASE("cancelling a task that may be abandoned returns at once; its result is undone") {
  Environment e;
  auto gate = std::make_shared<Gate>();
  int64_t result = 0;
  auto* c = e.go([&] {
    GateTask task(gate, 7);
    result = e.pool.run(task, kReason, Interrupted::kAbandons);
  });
  e.turn(0);
  gate->awaitBegin();
  e.scheduler.cancel(c);
  CHECK(e.run());
  CHECK(result == -ECANCELED);
  CHECK(gate->undone == 0);
  CHECK(e.pool.inFlight() == 1);
  gate->let();
  while (e.pool.inFlight() > 0) e.poller.poll(100);
  CHECK(gate->undone == 1);
  CHECK(gate->destroyed == 1);
}

TEST_CASE(
    "cancelling any other task that has begun waits for it; the cancellation comes with the next call") {
  Environment e;
  auto gate = std::make_shared<Gate>();
  int64_t result = 0, next = 0;
  auto* c = e.go([&] {
    GateTask task(gate, 7);
    result = e.pool.run(task, kReason, Interrupted::kWaits);
    next = e.pool.run(task, kReason, Interrupted::kWaits);
  });
  e.turn(0);
  gate->awaitBegin();
  e.scheduler.cancel(c);
  e.turn(0);
  CHECK(c->state == sched::State::kParked);
  gate->let();
  CHECK(e.run());
  CHECK(result == 7);
  CHECK(next == -ECANCELED);
  CHECK(gate->undone == 0);
}

TEST_CASE("a task that is done when the cancellation comes keeps its result") {
  Environment e;
  auto gate = std::make_shared<Gate>();
  gate->let();
  int64_t result = 0;
  auto* c = e.go([&] {
    GateTask task(gate, 7);
    result = e.pool.run(task, kReason, Interrupted::kAbandons);
  });
  e.turn(0);
  while (c->state == sched::State::kParked) e.poller.poll(100);
  e.scheduler.cancel(c);
  CHECK(e.run());
  CHECK(result == 7);
  CHECK(gate->undone == 0);
}

TEST_CASE("results are fetched in another order than they came") {
  Environment e;
  auto first = std::make_shared<Gate>(), second = std::make_shared<Gate>();
  std::vector<int64_t> results;
  auto submit = [&](std::shared_ptr<Gate> gate, int64_t value) {
    return e.go([&, gate, value] {
      GateTask task(gate, value);
      results.push_back(e.pool.run(task, kReason, Interrupted::kAbandons));
    });
  };
  submit(first, 1);
  auto* c = submit(second, 2);
  e.turn(0);
  // Ready before its task is done, and so the first to look.
  e.scheduler.cancel(c);
  first->let();
  while (e.pool.inFlight() > 1) e.poller.poll(10);
  second->let();
  while (e.pool.inFlight() > 0) e.poller.poll(10);
  CHECK(e.run());
  CHECK(results == std::vector<int64_t>{2, 1});
}

TEST_CASE("opening a FIFO without a writer can be cancelled, and its descriptor is closed later") {
  Environment e;
  Directory dir;
  const std::string path = dir / "fifo";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  const int before = test::openDescriptors();
  int result = 0;
  auto* c = e.go([&] { result = disk::open(e.pool, path.c_str(), O_RDONLY, 0); });
  e.turn(0);
  usleep(2000);
  e.scheduler.cancel(c);
  CHECK(e.run());
  CHECK(result == -ECANCELED);
  const int writer = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  while (e.pool.inFlight() > 0) e.poller.poll(100);
  ::close(writer);
  // Fewer: a thread lets go of the previous test's mailbox a little later.
  CHECK(test::openDescriptors() <= before);
}

TEST_CASE("a read from a pipe is one read, and takes nothing once it is cancelled") {
  Environment e;
  static std::atomic<int> held, released;
  held = released = 0;
  int fds[2];
  REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
  auto* memory = static_cast<char*>(malloc(100));
  const KeepAlive keep{[](void* subject) { return ++held, subject; },
                       [](void* subject) {
                         ++released;
                         free(subject);
                       },
                       memory};
  char buffer[100];
  ssize_t first = 0, second = 0, third = 0;
  auto* c = e.go([&] {
    CHECK(::write(fds[1], "abc", 3) == 3);
    first = pread(e.pool, fds[0], buffer, sizeof(buffer), kCurrentPosition, {});
    CHECK(::write(fds[1], "abc", 3) == 3);
    second = pread(e.pool, fds[0], buffer, 2, kCurrentPosition, {});
    CHECK(::read(fds[0], buffer, 1) == 1);
    third = pread(e.pool, fds[0], memory, 100, kCurrentPosition, keep);
  });
  while (held == 0) e.turn(1);
  e.scheduler.cancel(c);
  CHECK(e.run());
  CHECK(first == 3);
  CHECK(second == 2);
  CHECK(third == -ECANCELED);
  // The thread either never began, or was told to stop.
  CHECK(e.pool.inFlight() == 0);
  CHECK(held == 1);
  CHECK(released == 1);
  CHECK(::write(fds[1], "late", 4) == 4);
  CHECK(::read(fds[0], buffer, sizeof buffer) == 4);
  ::close(fds[0]);
  ::close(fds[1]);
}

TEST_CASE("teardown with tasks queued, running, and done but not fetched") {
  auto running = std::make_shared<Gate>(), done = std::make_shared<Gate>(), queued = std::make_shared<Gate>();
  static std::atomic<int> released;
  released = 0;
  NoGrowth growth;
  int fds[2];
  REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
  constexpr int kQueued = 10;
  {
    Environment e;
    auto submit = [&](std::shared_ptr<Gate> gate) {
      e.go([&e, gate = std::move(gate)] {
        GateTask task(gate, 1);
        e.pool.run(task, kReason, Interrupted::kWaits);
        FAIL("must not run again");
      });
    };
    // Three threads have something to do, the fourth gives a result.
    submit(running);
    submit(running);
    auto* memory = static_cast<char*>(malloc(100));
    e.go([&, memory] {
      const KeepAlive keep{[](void* subject) { return subject; },
                           [](void* subject) {
                             ++released;
                             free(subject);
                           },
                           memory};
      pread(e.pool, fds[0], memory, 100, kCurrentPosition, keep);
      FAIL("must not run again");
    });
    submit(done);
    for (int i = 0; i < kQueued; ++i) submit(queued);
    e.turn(0);
    CHECK(e.pool.inFlight() == 4 + kQueued);
    CHECK(eventually([&] { return running->began == 2 && done->began == 1; }));
    done->let();
    while (e.scheduler.readyLength() == 0) e.poller.poll(10);
  }
  CHECK(done->undone == 1);
  CHECK(::write(fds[1], "late", 4) == 4);
  running->let();
  queued->let();
  CHECK(eventually([&] {
    return running->destroyed == 2 && done->destroyed == 1 && queued->destroyed == kQueued && released == 1;
  }));
  CHECK(running->undone == 2);
  CHECK(queued->undone == queued->began);
  CHECK(queued->began < kQueued);
  ::close(fds[0]);
  ::close(fds[1]);
}

TEST_CASE("descriptors that are left open are closed when the last task that could use them is done") {
  auto running = std::make_shared<Gate>();
  int fds[2];
  REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
  const auto isOpen = [](int fd) { return fcntl(fd, F_GETFD) >= 0; };
  {
    Environment e;
    for (const int fd : fds) e.pool.own(fd);
    e.pool.disown(fds[1]);
    e.go([&] {
      GateTask task(running, 1);
      e.pool.run(task, kReason, Interrupted::kWaits);
      FAIL("must not run again");
    });
    e.turn(0);
    CHECK(eventually([&] { return running->began == 1; }));
  }
  CHECK(isOpen(fds[0]));
  running->let();
  CHECK(eventually([&] { return !isOpen(fds[0]); }));
  CHECK(isOpen(fds[1]));
  ::close(fds[1]);
}

TEST_CASE("exit at any moment, with tasks in every state" * doctest::skip()) {
  Environment e;
  auto gate = std::make_shared<Gate>();
  for (int i = 0; i < 20; ++i) {
    e.go([&] {
      GateTask task(gate, 1);
      e.pool.run(task, kReason, Interrupted::kWaits);
    });
  }
  e.turn(0);
  gate->awaitBegin();
  if (getpid() % 2) gate->let();
  exit(0);
}

TEST_CASE("STACKFUL_THREADS is the number of threads" * doctest::skip()) {
  NoGrowth growth;
  Environment e;
  auto gate = std::make_shared<Gate>();
  for (int i = 0; i < 6; ++i) {
    e.go([&] {
      GateTask task(gate, 1);
      e.pool.run(task, kReason, Interrupted::kWaits);
    });
  }
  // A loaded machine may run them in more than one turn.
  CHECK(eventually([&] {
    e.turn(0);
    return gate->began == 2 && poolStats().queued == 4;
  }));
  CHECK(poolStats().threads == 2);
  gate->let();
  CHECK(e.run());
}

TEST_CASE("in a process of its own") {
  for (int i = 0; i < 3; ++i) runChild("exit at any moment*");
  runChild("STACKFUL_THREADS*", "STACKFUL_THREADS=2");
}

TEST_CASE("two environments share the pool, each gets its own results") {
  auto environment = [] {
    Environment e;
    int right = 0;
    for (int i = 0; i < 50; ++i) {
      e.go([&, i] {
        for (int k = 0; k < 20; ++k) {
          auto gate = std::make_shared<Gate>();
          gate->let();
          GateTask task(gate, i);
          if (e.pool.run(task, kReason, Interrupted::kWaits) == i) ++right;
        }
      });
    }
    const bool ended = e.run();
    return ended && right == 1000;
  };
  bool one = false, two = false;
  std::thread a([&] { one = environment(); });
  std::thread b([&] { two = environment(); });
  a.join();
  b.join();
  CHECK(one);
  CHECK(two);
}
