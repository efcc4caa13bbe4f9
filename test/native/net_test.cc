#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "../../native/net/operation.h"
#include "../../native/net/readiness.h"
#include "net_harness.h"

using namespace stackful;
using namespace stackful::net;
using test::Environment;
using test::in;
using test::sendText;
using test::TcpPair;
using test::UnixPair;

TEST_CASE("a socket's record is one cache line") {
  CHECK(sizeof(Socket) == 64);
}

TEST_CASE("read parks until there is data, and returns 0 at the end") {
  Environment e;
  REQUIRE(e.opened);
  TcpPair pair;
  Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
  std::string got;
  ssize_t last = -1;
  e.go([&] {
    char buffer[100];
    ssize_t n;
    while ((n = read(*s, buffer, sizeof(buffer))) > 0) got.append(buffer, static_cast<size_t>(n));
    last = n;
    close(s);
  });
  e.turn(0);
  CHECK(e.poller.active() == 1);
  CHECK((s->flags & (kDrained | kRegistered)) == (kDrained | kRegistered));
  sendText(pair.theirs, "hello ");
  e.turn(1);
  e.turn(0);
  CHECK(got == "hello ");
  // Known to be drained without asking: a short read said so.
  CHECK((s->flags & kDrained));
  sendText(pair.theirs, "world");
  ::close(pair.theirs);
  CHECK(e.run());
  CHECK(got == "hello world");
  CHECK(last == 0);
  CHECK(e.poller.active() == 0);
  CHECK(e.poller.openSockets() == 0);
}

TEST_CASE("data and the end together: the short read is not the last word") {
  Environment e;
  for (bool tcp : {true, false}) {
    for (bool parkedFirst : {false, true}) {
      CAPTURE(tcp);
      CAPTURE(parkedFirst);
      int ours, theirs;
      if (tcp) {
        TcpPair p;
        ours = p.ours, theirs = p.theirs;
      } else {
        UnixPair p;
        ours = p.ours, theirs = p.theirs;
      }
      Socket* s = attach(e.poller, ours, tcp ? Kind::kTcp : Kind::kOtherSocket);
      std::vector<ssize_t> results;
      e.go([&] {
        char buffer[100];
        for (int i = 0; i < 3; ++i) results.push_back(read(*s, buffer, sizeof(buffer), in(10'000)));
        close(s);
      });
      if (parkedFirst) e.turn(0);
      sendText(theirs, "abc");
      ::close(theirs);
      CHECK(e.run());
      CHECK(results == std::vector<ssize_t>{3, 0, 0});
    }
  }
}

TEST_CASE("urgent data ends a read short of what is there") {
  Environment e;
  TcpPair pair;
  Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
  size_t got = 0;
  e.go([&] {
    char buffer[100];
    // 3 + 3: the urgent byte itself is out of band.
    while (got < 6) {
      const ssize_t n = read(*s, buffer, sizeof(buffer), in(10'000));
      CHECK(n > 0);
      if (n <= 0) break;
      got += static_cast<size_t>(n);
    }
    close(s);
  });
  e.turn(0);
  sendText(pair.theirs, "abc");
  ::send(pair.theirs, "!", 1, MSG_OOB);
  sendText(pair.theirs, "def");
  CHECK(e.run());
  CHECK(got == 6);
  ::close(pair.theirs);
}

TEST_CASE("a deadline ends a read with ETIMEDOUT, and the socket goes on") {
  Environment e;
  TcpPair pair;
  Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
  ssize_t first = 0, second = 0;
  e.go([&] {
    char buffer[10];
    first = read(*s, buffer, sizeof(buffer), in(3));
    sendText(pair.theirs, "x");
    second = read(*s, buffer, sizeof(buffer), in(10'000));
    close(s);
  });
  CHECK(e.run());
  CHECK(first == -ETIMEDOUT);
  CHECK(second == 1);
  CHECK(e.scheduler.timers().size() == 0);
  ::close(pair.theirs);
}

TEST_CASE("a reader that is to look elsewhere ends its call, one at a time") {
  Environment e;
  TcpPair pair;
  Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
  ssize_t first = 1, second = 1, third = 1;
  char byte;
  e.go([&] { first = read(*s, &byte, 1, in(1000)); });
  auto* cancelled = e.go([&] { third = read(*s, &byte, 1); });
  e.go([&] { second = read(*s, &byte, 1, in(1000)); });
  e.turn(0);
  letReaderLook(*s);
  e.turn(0);
  CHECK(first == -EAGAIN);
  CHECK(second == 1);
  // Not one that something else has woken.
  e.scheduler.cancel(cancelled);
  letReaderLook(*s);
  e.turn(0);
  CHECK(third == -ECANCELED);
  CHECK(second == -EAGAIN);
  // Before it waits, too.
  letReaderLook(*s);
  e.go([&] {
    while (read(*s, &byte, 1, in(1000)) != -EAGAIN) {
    }
    sendText(pair.theirs, "x");
    CHECK(read(*s, &byte, 1, in(1000)) == 1);
    close(s);
  });
  CHECK(e.run());
  ::close(pair.theirs);
}

TEST_CASE("a cancelled coroutine's read ends, also before it begins; others' go on") {
  Environment e;
  TcpPair pair;
  Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
  ssize_t first = 0, second = 0, other = 0;
  auto* c = e.go([&] {
    char buffer[10];
    first = read(*s, buffer, sizeof(buffer));
    second = read(*s, buffer, sizeof(buffer));
  });
  e.go([&] {
    char buffer[10];
    other = read(*s, buffer, sizeof(buffer));
  });
  e.turn(0);
  e.scheduler.cancel(c);
  sendText(pair.theirs, "x");
  CHECK(e.run());
  CHECK(first == -ECANCELED);
  CHECK(second == -ECANCELED);
  CHECK(other == 1);
  ::close(pair.theirs);
}

TEST_CASE("outside a coroutine nothing parks") {
  Environment e;
  TcpPair pair;
  Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
  Socket* out = nullptr;
  char byte = 0;
  CHECK(read(*s, &byte, 1) == kNotInCoroutine);
  CHECK(writeAll(*s, &byte, 1) == kNotInCoroutine);
  CHECK(accept(*s, out) == kNotInCoroutine);
  CHECK(connect(e.poller, test::loopback(1), out) == kNotInCoroutine);
  close(s);
  CHECK(e.poller.openSockets() == 0);
  ::close(pair.theirs);
}

TEST_CASE("close wakes every parked reader and writer; the record stays until they have left") {
  Environment e;
  TcpPair pair(4096);
  Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
  const std::string big(8 << 20, 'x');
  std::vector<ssize_t> results;
  for (int i = 0; i < 3; ++i) {
    e.go([&] {
      char buffer[10];
      results.push_back(read(*s, buffer, sizeof(buffer)));
    });
    e.go([&] { results.push_back(writeAll(*s, big.data(), big.size())); });
  }
  e.turn(0);
  const uint32_t index = s->index;
  CHECK(e.poller.active() == 6);
  CHECK(s->holds == 6);
  close(s);
  CHECK(e.poller.openSockets() == 1);
  // The slot must not be given to another socket yet.
  TcpPair second;
  Socket* t = attach(e.poller, second.ours, Kind::kTcp);
  CHECK(t->index != index);
  CHECK(e.run());
  CHECK(results == std::vector<ssize_t>(6, -EBADF));
  CHECK(e.poller.openSockets() == 1);
  close(t);
  CHECK(e.poller.openSockets() == 0);
  CHECK(e.poller.active() == 0);
  ::close(pair.theirs);
  ::close(second.theirs);
}

TEST_CASE("an event for a closed socket finds none, even in the same batch with the same number and slot") {
  Environment e;
  static TcpPair* second;
  static Environment* environment;
  static Socket *oldSocket, *newSocket;
  TcpPair a, b;
  second = &b, environment = &e;
  oldSocket = attach(e.poller, a.ours, Kind::kTcp);
  newSocket = nullptr;
  REQUIRE(e.poller.enroll(*oldSocket) == 0);
  e.poller.poll(0);
  // The drain runs at the first event of the batch; the second is the data for the socket it closes.
  e.poller.addDrain(
      [](void*) {
        if (newSocket) return;
        const int number = oldSocket->fd;
        const uint32_t generation = oldSocket->generation;
        const uint32_t index = oldSocket->index;
        close(oldSocket);
        CHECK(fcntl(second->ours, F_DUPFD_CLOEXEC, number) == number);
        ::close(second->ours);
        newSocket = attach(environment->poller, number, Kind::kTcp);
        CHECK(newSocket == oldSocket);
        CHECK(newSocket->index == index);
        CHECK(newSocket->generation != generation);
        newSocket->flags |= kDrained;
      },
      &e);
  eventfd_write(e.poller.signalFd(), 1);
  sendText(a.theirs, "stale");
  CHECK(e.poller.poll(1000) == 0);
  REQUIRE(newSocket);
  CHECK((newSocket->flags & kDrained));
  ssize_t result = 1;
  e.go([&] {
    char c;
    result = read(*newSocket, &c, 1, in(5));
  });
  CHECK(e.run());
  CHECK(result == -ETIMEDOUT);
  ::close(a.theirs);
  ::close(b.theirs);
}

TEST_CASE("a descriptor that a child process still holds sends no events to the slot's next user") {
  Environment e;
  TcpPair a, b;
  Socket* s = attach(e.poller, a.ours, Kind::kTcp);
  const int copy = dup(a.ours);  // what fork does
  ssize_t result = 0;
  e.go([&] {
    char c;
    result = read(*s, &c, 1);
  });
  e.turn(0);
  close(s);
  CHECK(e.run());
  CHECK(result == -EBADF);
  Socket* t = attach(e.poller, b.ours, Kind::kTcp);
  CHECK(t == s);
  e.go([&] {
    char c;
    result = read(*t, &c, 1, in(5));
    close(t);
  });
  e.turn(0);
  sendText(a.theirs, "stale");
  e.poller.poll(0);
  CHECK((t->flags & kDrained));
  CHECK(e.run());
  CHECK(result == -ETIMEDOUT);
  ::close(copy);
  ::close(a.theirs);
  ::close(b.theirs);
}

TEST_CASE("several readers are served in order of arrival, one edge or many") {
  Environment e;
  for (bool oneEdge : {true, false}) {
    CAPTURE(oneEdge);
    TcpPair pair;
    Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
    std::string order;
    for (char name : {'a', 'b', 'c', 'd'}) {
      e.go([&, name] {
        char byte;
        CHECK(read(*s, &byte, 1, in(10'000)) == 1);
        order += name;
        order += byte;
      });
    }
    e.turn(0);
    if (oneEdge) {
      sendText(pair.theirs, "1234");
      CHECK(e.run());
    } else {
      for (const char* byte : {"1", "2", "3", "4"}) {
        sendText(pair.theirs, byte);
        e.turn(1);
        e.turn(0);
      }
    }
    CHECK(order == "a1b2c3d4");
    close(s);
    ::close(pair.theirs);
  }
}

TEST_CASE("a reader that leaves by its deadline takes no wakeup with it") {
  Environment e;
  TcpPair pair;
  Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
  ssize_t first = 0, second = 0;
  auto* c = e.go([&] {
    char byte;
    first = read(*s, &byte, 1);
  });
  e.go([&] {
    char byte;
    second = read(*s, &byte, 1, in(10'000));
  });
  e.turn(0);
  // Woken, but not run yet, when the only edge comes.
  e.scheduler.wake(c, -ETIMEDOUT);
  sendText(pair.theirs, "x");
  e.poller.poll(1000);
  CHECK(e.run());
  CHECK(first == -ETIMEDOUT);
  CHECK(second == 1);
  close(s);
  ::close(pair.theirs);
}

TEST_CASE("isReady and waitForAny consume nothing") {
  Environment e;
  TcpPair pair(4096);
  Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
  std::vector<int> results;
  const auto wait = [&](bool write, Deadline deadline) {
    int32_t code = 0;
    while (code == 0 && isReady(*s, write) == 0) {
      Side side{s, write, {}};
      code = waitForAny(e.scheduler, &side, 1, deadline);
    }
    results.push_back(code);
  };
  e.go([&] {
    wait(false, in(2));
    wait(true, in(2));
    sendText(pair.theirs, "x");
    wait(false, in(10'000));
    wait(false, in(10'000));
    char byte;
    results.push_back(static_cast<int>(read(*s, &byte, 1)));
    std::string big(4 << 20, 'x');
    results.push_back(static_cast<int>(writeAll(*s, big.data(), big.size(), in(2))));
    wait(true, in(2));
    ::shutdown(pair.theirs, SHUT_WR);
    wait(false, in(10'000));
    close(s);
  });
  CHECK(e.run());
  CHECK(results == std::vector<int>{-ETIMEDOUT, 0, 0, 0, 1, -ETIMEDOUT, -ETIMEDOUT, 0});
  ::close(pair.theirs);
}
