#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "net_harness.h"

using namespace stackful;
using namespace stackful::net;
using test::Environment;
using test::in;
using test::listenAnywhere;
using test::loopback;
using test::TcpPair;

namespace {

std::string textOf(const Address& a) {
  char out[kAddressText];
  return std::string(out, a.text(out, sizeof(out)));
}

}  // namespace

TEST_CASE("addresses: parsing and rendering") {
  Address a;
  CHECK(a.parseIp("127.0.0.1", 80));
  CHECK(textOf(a) == "127.0.0.1:80");
  CHECK(a.family() == AF_INET);
  CHECK(a.parseIp("::1", 65535));
  CHECK(textOf(a) == "[::1]:65535");
  CHECK(a.port() == 65535);
  CHECK(a.parseIp("fe80::1%lo", 1));
  CHECK(textOf(a) == "[fe80::1%lo]:1");
  CHECK(a.parseIp("fe80::1%1", 1));
  CHECK(textOf(a) == "[fe80::1%lo]:1");
  CHECK(a.parseIp("", 5));
  CHECK((textOf(a) == "[::]:5" || textOf(a) == "0.0.0.0:5"));
  for (const char* bad :
       {"localhost", "1.2.3", "1.2.3.4.5", ":::", "fe80::1%", "fe80::1%nosuchif", "127.0.0.1 "}) {
    CAPTURE(bad);
    CHECK_FALSE(a.parseIp(bad, 1));
  }
  CHECK(a.setPath("/tmp/x", 6));
  CHECK(textOf(a) == "/tmp/x");
  CHECK(a.port() == 0);
  CHECK(a.setPath("\0abc", 4));
  CHECK(textOf(a) == "@abc");
  char host[10];
  CHECK(a.host(host, sizeof(host)) == 4);
  CHECK(memcmp(host, "\0abc", 4) == 0);
  const std::string longest(107, 'p'), tooLong(108, 'p');
  CHECK(a.setPath(longest.data(), 107));
  CHECK(textOf(a) == longest);
  CHECK_FALSE(a.setPath(tooLong.data(), 108));
  CHECK_FALSE(a.setPath("", 0));
  char tiny[4];
  CHECK(a.text(tiny, sizeof(tiny)) == 3);
}

TEST_CASE("connect, accept, exchange; addresses and parkedOn") {
  Environment e;
  uint16_t port;
  Socket* listener = listenAnywhere(e, port);
  std::string got;
  auto* acceptor = e.go([&] {
    Socket* s = nullptr;
    CHECK(accept(*listener, s) == 0);
    char buffer[10];
    const ssize_t n = read(*s, buffer, sizeof(buffer));
    got.assign(buffer, static_cast<size_t>(n));
    int noDelay = 0;
    socklen_t length = sizeof(noDelay);
    getsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &noDelay, &length);
    CHECK(noDelay == 1);
    CHECK((s->flags & kTrustShort));
    close(s);
    close(listener);
  });
  e.turn(0);
  char text[200];
  describeParked(acceptor->parkedOn(), text, sizeof(text));
  CHECK(std::string(text) ==
        "socket.accept fd=" + std::to_string(listener->fd) + " 127.0.0.1:" + std::to_string(port));
  e.go([&] {
    Socket* s = nullptr;
    CHECK(connect(e.poller, loopback(port), s) == 0);
    Address peer, local;
    CHECK(peerAddress(*s, peer) == 0);
    CHECK(localAddress(*s, local) == 0);
    CHECK(peer.port() == port);
    CHECK(local.family() == AF_INET);
    CHECK(writeAll(*s, "hi", 2) == 2);
    char byte;
    CHECK(read(*s, &byte, 1) == 0);
    close(s);
  });
  CHECK(e.run());
  CHECK(got == "hi");
  CHECK(e.poller.openSockets() == 0);
}

TEST_CASE("IPv6 listeners take IPv4 too") {
  Environment e;
  Address any;
  any.parseIp("::", 0);
  Socket* listener = nullptr;
  const int error = listen(e.poller, any, {}, listener);
  if (error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL) {
    MESSAGE("not tested: no IPv6 here");
    return;
  }
  REQUIRE(error == 0);
  int isOnly = -1;
  socklen_t length = sizeof(isOnly);
  getsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &isOnly, &length);
  CHECK(isOnly == 0);
  Address bound;
  localAddress(*listener, bound);
  int result = 1;
  e.go([&] {
    Socket* s = nullptr;
    result = connect(e.poller, loopback(bound.port()), s);
    if (s) close(s);
  });
  CHECK(e.run());
  CHECK(result == 0);
  close(listener);
}

TEST_CASE("listening fails with the kernel's error") {
  Environment e;
  uint16_t port;
  Socket* first = listenAnywhere(e, port);
  Socket* second = nullptr;
  CHECK(listen(e.poller, loopback(port), {}, second) == -EADDRINUSE);
  CHECK(second == nullptr);
  Address elsewhere;
  elsewhere.parseIp("192.0.2.1", 0);
  CHECK(listen(e.poller, elsewhere, {}, second) == -EADDRNOTAVAIL);
  ListenOptions shared;
  shared.reusePort = true;
  Socket *a = nullptr, *b = nullptr;
  CHECK(listen(e.poller, loopback(0), shared, a) == 0);
  Address bound;
  localAddress(*a, bound);
  CHECK(listen(e.poller, bound, shared, b) == 0);
  for (Socket* s : {first, a, b}) close(s);
  CHECK(e.poller.openSockets() == 0);
}

TEST_CASE("connect: refused, timed out, cancelled") {
  Environment e;
  // Bound, so that no other process has the port, but not listening.
  const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Address at = loopback(0);
  REQUIRE(bind(silent, &at.any, at.length) == 0);
  REQUIRE(getsockname(silent, &at.any, &at.length) == 0);
  int refused = 1, timedOut = 1;
  e.go([&] {
    Socket* s = nullptr;
    refused = connect(e.poller, at, s);
    CHECK(s == nullptr);
  });
  CHECK(e.run());
  CHECK(refused == -ECONNREFUSED);
  ::close(silent);
  // A backlog of 0 holds one connection; the next SYNs are dropped.
  uint16_t port;
  Socket* listener = listenAnywhere(e, port, 0);
  int cancelled = 1;
  e.go([&] {
    std::vector<Socket*> open;
    for (int i = 0; i < 10; ++i) {
      Socket* s = nullptr;
      timedOut = connect(e.poller, loopback(port), s, in(20));
      if (timedOut < 0) break;
      open.push_back(s);
    }
    for (Socket* s : open) close(s);
  });
  CHECK(e.run());
  CHECK(timedOut == -ETIMEDOUT);
  close(listener);
  listener = listenAnywhere(e, port, 0);
  auto* c = e.go([&] {
    std::vector<Socket*> open;
    cancelled = 0;
    while (cancelled == 0) {
      Socket* s = nullptr;
      cancelled = connect(e.poller, loopback(port), s);
      if (s) open.push_back(s);
    }
    for (Socket* s : open) close(s);
  });
  for (int i = 0; i < 5; ++i) e.turn(1);
  e.scheduler.cancel(c);
  CHECK(e.run());
  CHECK(cancelled == -ECANCELED);
  close(listener);
  CHECK(e.poller.openSockets() == 0);
}

TEST_CASE("Unix sockets, in the file system and abstract, with a full backlog") {
  Environment e;
  const std::string path = "/tmp/stackful-test-" + std::to_string(getpid()) + ".sock";
  const std::string hidden = std::string(1, 0) + "stackful-test-" + std::to_string(getpid());
  for (const std::string& name : {path, hidden}) {
    Address at;
    REQUIRE(at.setPath(name.data(), name.size()));
    ListenOptions options;
    options.backlog = 1;
    Socket* listener = nullptr;
    CHECK(listen(e.poller, at, options, listener) == 0);
    constexpr int kClients = 8;
    int accepted = 0, connected = 0;
    // More than the backlog holds: those that find it full ask again.
    for (int i = 0; i < kClients; ++i) {
      e.go([&] {
        Socket* s = nullptr;
        CHECK(connect(e.poller, at, s, in(20'000)) == 0);
        ++connected;
        if (s) close(s);
      });
    }
    e.turn(0);
    e.turn(10);
    e.turn(10);
    e.go([&] {
      while (connected < kClients || accepted < kClients) {
        Socket* s = nullptr;
        const int code = accept(*listener, s, in(5));
        CHECK((code == 0 || code == -ETIMEDOUT));
        if (!s) continue;
        ++accepted;
        close(s);
      }
      close(listener);
    });
    CHECK(e.run());
    CHECK(accepted == kClients);
    CHECK(connected == kClients);
  }
  unlink(path.c_str());
}

TEST_CASE("a Unix backlog that stays full: the deadline and cancellation end the asking") {
  Environment e;
  const std::string name = std::string(1, 0) + "stackful-test-full-" + std::to_string(getpid());
  Address at;
  REQUIRE(at.setPath(name.data(), name.size()));
  ListenOptions options;
  options.backlog = 0;
  Socket* listener = nullptr;
  REQUIRE(listen(e.poller, at, options, listener) == 0);
  int first = 1, second = 0, third = 0;
  Socket* open = nullptr;
  e.go([&] {
    first = connect(e.poller, at, open);
    Socket* s = nullptr;
    second = connect(e.poller, at, s, in(3));
  });
  CHECK(e.run());
  auto* c = e.go([&] {
    Socket* s = nullptr;
    third = connect(e.poller, at, s);
  });
  e.turn(0);
  e.turn(3);
  e.scheduler.cancel(c);
  CHECK(e.run());
  CHECK(first == 0);
  CHECK(second == -ETIMEDOUT);
  CHECK(third == -ECANCELED);
  close(open);
  close(listener);
  CHECK(e.poller.openSockets() == 0);
}

TEST_CASE("several acceptors on one listener: no connection stays behind") {
  Environment e;
  uint16_t port;
  Socket* listener = listenAnywhere(e, port);
  constexpr int kEach = 40;
  int accepted = 0;
  for (int i = 0; i < 4; ++i) {
    e.go([&] {
      for (;;) {
        Socket* s = nullptr;
        if (accept(*listener, s) < 0) return;
        close(s);
        if (++accepted == 4 * kEach) close(listener);
        // Busy elsewhere for a while: the others must be told.
        sched::sleepFor(e.scheduler, test::kMs / 4);
      }
    });
  }
  for (int i = 0; i < 4; ++i) {
    e.go([&] {
      for (int k = 0; k < kEach; ++k) {
        Socket* s = nullptr;
        CHECK(connect(e.poller, loopback(port), s, in(20'000)) == 0);
        if (s) close(s);
      }
    });
  }
  CHECK(e.run());
  CHECK(accepted == 4 * kEach);
}

TEST_CASE("out of descriptors: accept says so and loses no connection") {
  Environment e;
  uint16_t port;
  Socket* listener = listenAnywhere(e, port);
  TcpPair warmUp;  // so that nothing below opens a descriptor for the first time
  ::close(warmUp.ours);
  ::close(warmUp.theirs);
  int full = 0, after = 1;
  Socket* client = nullptr;
  e.go([&] { CHECK(connect(e.poller, loopback(port), client) == 0); });
  CHECK(e.run());
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  e.go([&] {
    const rlimit none{0, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    Socket* s = nullptr;
    full = accept(*listener, s);
    setrlimit(RLIMIT_NOFILE, &before);
    after = accept(*listener, s, in(10'000));
    if (s) close(s);
  });
  CHECK(e.run());
  CHECK(full == -EMFILE);
  CHECK(after == 0);
  close(client);
  close(listener);
}
