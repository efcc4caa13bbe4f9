#include <sys/resource.h>

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include "net_harness.h"

using namespace stackful;
using namespace stackful::net;
using test::Environment;
using test::in;
using test::kMany;
using test::listenAnywhere;
using test::loopback;
using test::TcpPair;
using test::UnixPair;

TEST_CASE("many connections at once, each with its coroutine") {
  Environment e;
  uint16_t port;
  Socket* listener = listenAnywhere(e, port, 4096);
  // Both ends are descriptors of this process.
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  const int connections = static_cast<int>(std::min<rlim_t>(kMany / 5, limit.rlim_cur / 3));
  int served = 0, echoed = 0;
  e.go([&] {
    for (int i = 0; i < connections; ++i) {
      Socket* s = nullptr;
      CHECK(accept(*listener, s) == 0);
      if (!s) continue;
      e.go([&, s] {
        char buffer[64];
        ssize_t n;
        while ((n = read(*s, buffer, sizeof(buffer))) > 0)
          CHECK(writeAll(*s, buffer, static_cast<size_t>(n)) == n);
        ++served;
        close(s);
      });
    }
    close(listener);
  });
  for (int i = 0; i < connections; ++i) {
    e.go([&] {
      Socket* s = nullptr;
      CHECK(connect(e.poller, loopback(port), s) == 0);
      if (!s) return;
      char buffer[64];
      for (int k = 0; k < 5; ++k) {
        CHECK(writeAll(*s, "ping", 4) == 4);
        if (read(*s, buffer, sizeof(buffer)) == 4) ++echoed;
      }
      close(s);
    });
  }
  CHECK(e.run());
  CHECK(served == connections);
  CHECK(echoed == 5 * connections);
  CHECK(e.poller.openSockets() == 0);
}

TEST_CASE("no wakeup is lost under random traffic") {
  for (bool tcp : {true, false}) {
    CAPTURE(tcp);
    Environment e;
    constexpr int kSockets = 8;
    constexpr size_t kBytes = 400'000;
    std::vector<std::thread> peers;
    size_t right = 0;
    for (int i = 0; i < kSockets; ++i) {
      int ours, theirs;
      if (tcp) {
        TcpPair p;
        ours = p.ours, theirs = p.theirs;
      } else {
        UnixPair p;
        ours = p.ours, theirs = p.theirs;
      }
      peers.emplace_back([theirs, i] {
        std::mt19937 random(static_cast<unsigned>(i));
        std::vector<char> chunk(5000);
        size_t sent = 0;
        while (sent < kBytes) {
          const size_t n = std::min(kBytes - sent, size_t{1} + random() % chunk.size());
          for (size_t k = 0; k < n; ++k) chunk[k] = static_cast<char>((sent + k) % 251);
          ::send(theirs, chunk.data(), n, MSG_NOSIGNAL);
          sent += n;
          if (random() % 8 == 0) std::this_thread::yield();
        }
        ::close(theirs);
      });
      Socket* s = attach(e.poller, ours, tcp ? Kind::kTcp : Kind::kOtherSocket);
      e.go([&, s, i] {
        std::mt19937 random(static_cast<unsigned>(i + 100));
        std::vector<char> buffer(4096);
        size_t at = 0;
        for (;;) {
          const size_t want = 1 + random() % buffer.size();
          const ssize_t n = read(*s, buffer.data(), want, in(30'000));
          if (n <= 0) {
            CHECK(n == 0);
            break;
          }
          for (size_t k = 0; k < static_cast<size_t>(n); ++k, ++at) {
            if (buffer[k] == static_cast<char>(at % 251)) ++right;
          }
        }
        close(s);
      });
    }
    CHECK(e.run());
    for (auto& t : peers) t.join();
    CHECK(right == kSockets * kBytes);
  }
}
