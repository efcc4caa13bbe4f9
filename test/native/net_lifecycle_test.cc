#include <sys/eventfd.h>

#include <cerrno>
#include <string>
#include <thread>

#include "net_harness.h"

using namespace stackful;
using namespace stackful::net;
using test::Environment;
using test::in;
using test::listenAnywhere;
using test::TcpPair;

TEST_CASE("detach gives the descriptor back, out of the set, and wakes the coroutines that waited") {
  Environment e;
  TcpPair pair;
  Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
  ssize_t result = 0;
  e.go([&] {
    char byte;
    result = read(*s, &byte, 1);
  });
  e.turn(0);
  CHECK(detach(s) == pair.ours);
  CHECK(e.run());
  CHECK(result == -EBADF);
  CHECK(e.poller.openSockets() == 0);
  CHECK(fcntl(pair.ours, F_GETFD) >= 0);
  // It can be taken in again.
  s = attach(e.poller, pair.ours, Kind::kTcp);
  e.go([&] {
    char byte;
    result = read(*s, &byte, 1, in(10'000));
  });
  e.turn(0);
  test::sendText(pair.theirs, "x");
  CHECK(e.run());
  CHECK(result == 1);
  close(s);
  ::close(pair.theirs);
}

TEST_CASE("a socket that does not keep the loop alive is not counted") {
  Environment e;
  uint16_t port;
  Socket* listener = listenAnywhere(e, port);
  int code = 0;
  e.go([&] {
    Socket* s = nullptr;
    CHECK(accept(*listener, s, in(1)) == -ETIMEDOUT);
    code = accept(*listener, s);
  });
  while (e.scheduler.counters().parks < 2) e.turn(10);
  setKeepAlive(*listener, false);
  e.turn(0);
  CHECK(e.poller.active() == 0);
  setKeepAlive(*listener, true);
  CHECK(e.poller.active() == 1);
  setKeepAlive(*listener, true);
  setKeepAlive(*listener, false);
  CHECK(e.poller.active() == 0);
  close(listener);
  e.turn(0);
  CHECK(code == -EBADF);
  CHECK(e.poller.active() == 0);
}

TEST_CASE("a write of another thread to signalFd runs the drains") {
  Environment e;
  static int rung;
  rung = 0;
  CHECK(e.poller.addDrain([](void*) { ++rung; }, &rung));
  std::thread other([&] { eventfd_write(e.poller.signalFd(), 1); });
  while (rung == 0) e.poller.poll(1000);
  other.join();
  // Each write is an edge of its own, although the counter is never read.
  for (int i = 0; i < 3; ++i) {
    eventfd_write(e.poller.signalFd(), 1);
    e.poller.poll(1000);
  }
  CHECK(rung == 4);
}

TEST_CASE("teardown with coroutines parked everywhere") {
  const auto openDescriptors = [] {
    int n = 0;
    for (int fd = 0; fd < 4096; ++fd) n += fcntl(fd, F_GETFD) >= 0;
    return n;
  };
  const int before = openDescriptors();
  {
    Environment e;
    uint16_t port;
    Socket* listener = listenAnywhere(e, port);
    TcpPair pair(4096);
    Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
    static const std::string big(8 << 20, 'x');
    for (int i = 0; i < 10; ++i) {
      e.go([&] {
        Socket* out = nullptr;
        accept(*listener, out);
        FAIL("must not run again");
      });
      e.go([&] {
        char byte;
        read(*s, &byte, 1, in(3600'000));
        FAIL("must not run again");
      });
      e.go([&] {
        writeAll(*s, big.data(), big.size());
        FAIL("must not run again");
      });
      e.go([&] { sched::sleepFor(e.scheduler, 3600'000 * test::kMs); });
      // Not accepted yet, made ready but not run.
    }
    e.turn(0);
    CHECK(e.scheduler.externalWaits() == 40);
    ::close(pair.theirs);
    e.poller.poll(100);
    CHECK(e.scheduler.readyLength() > 0);
  }
  CHECK(openDescriptors() <= before);
}
