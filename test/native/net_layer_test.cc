// Sockets whose bytes pass through a layer: what the operations above it make of what it says.
#include "../../native/net/layer.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "../../native/net/operation.h"
#include "../../native/net/readiness.h"
#include "../../native/net/transport.h"
#include "net_harness.h"

using namespace stackful;
using namespace stackful::net;
using test::Environment;
using test::sendText;
using test::TcpPair;

namespace {

int layers = 0;

// Turns every letter round. It receives as many bytes as it can and gives them out `most` at a time, so that it holds some; it
// seals what it transmits, like TLS: what the kernel has not taken is kept, and owed until a call comes for it again.
class Mirror final : public Layer {
 public:
  explicit Mirror(size_t most = SIZE_MAX) : most_(most) { ++layers; }
  ~Mirror() override { --layers; }

  ssize_t receive(Socket& s, void* to, size_t size) noexcept override {
    if (held_.empty()) {
      if (s.flags & kWireDrained) return s.flags |= kDrained, -EAGAIN;
      char buffer[1000];
      const ssize_t n = kernel::receive(s.fd, buffer, sizeof buffer);
      if (n == -EAGAIN) s.flags |= kWireDrained | kDrained;
      if (n <= 0) return n;
      if (n < 1000) s.flags |= kWireDrained;
      held_.assign(buffer, static_cast<size_t>(n));
    }
    const size_t n = std::min({size, most_, held_.size()});
    for (size_t i = 0; i < n; ++i) static_cast<char*>(to)[i] = turned(held_[i]);
    held_.erase(0, n);
    if (held_.empty() && (s.flags & kWireDrained)) s.flags |= kDrained;
    return static_cast<ssize_t>(n);
  }

  ssize_t transmit(Socket& s, const iovec* parts, int count) noexcept override {
    if (sealed_.empty()) {
      for (int i = 0; i < count; ++i) {
        const auto* data = static_cast<const char*>(parts[i].iov_base);
        for (size_t j = 0; j < parts[i].iov_len; ++j) sealed_ += turned(data[j]);
      }
      owed_ = sealed_.size();
    }
    const ssize_t n = kernel::transmit(s.fd, sealed_.data(), sealed_.size());
    if (n == -EAGAIN) s.flags |= kFull;
    if (n < 0) return n;
    sealed_.erase(0, static_cast<size_t>(n));
    if (!sealed_.empty()) return s.flags |= kFull, -EAGAIN;
    return static_cast<ssize_t>(std::exchange(owed_, 0));
  }

  ssize_t sendFile(Socket& s, int, off_t& at, size_t size) noexcept override {
    std::string text(std::min<size_t>(size, 10), 'f');
    const iovec part{text.data(), text.size()};
    const ssize_t n = transmit(s, &part, 1);
    if (n > 0) at += n;
    return n;
  }

  bool isReadable(Socket& s) noexcept override {
    char byte;
    return !held_.empty() || recv(s.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
  }
  bool owes() const noexcept override { return owed_ > 0; }
  int announceEnd(Socket& s) noexcept override {
    ++announced;
    return room ? static_cast<int>(std::min<ssize_t>(0, kernel::transmit(s.fd, "!", 1))) : -EAGAIN;
  }
  void leave(Socket&) noexcept override { left = true; }

  bool room = true;
  int announced = 0;
  bool left = false;

 private:
  static char turned(char c) { return static_cast<char>(c ^ 0x20); }

  const size_t most_;
  std::string held_;
  std::string sealed_;
  size_t owed_ = 0;
};

struct Layered {
  Environment e;
  TcpPair tcp;
  Mirror* mirror;
  Socket* s;

  explicit Layered(size_t most = SIZE_MAX, int bufferBytes = 0) : tcp(bufferBytes), mirror(new Mirror(most)) {
    s = attach(e.poller, tcp.ours, Kind::kTcp);
    REQUIRE(addLayer(*s, mirror) == 0);
  }
  ~Layered() {
    if (s) close(s);
    ::close(tcp.theirs);
  }
  std::string theirs(size_t n) {
    std::string got(n, 0);
    REQUIRE(::recv(tcp.theirs, got.data(), n, MSG_WAITALL) == static_cast<ssize_t>(n));
    return got;
  }
};

}  // namespace

TEST_CASE("reads, writes and files go through the layer, which goes with the socket") {
  {
    Layered l;
    CHECK(layers == 1);
    l.e.go([&] {
      sendText(l.tcp.theirs, "abc");
      char buffer[10];
      CHECK(read(*l.s, buffer, sizeof buffer) == 3);
      CHECK(std::string(buffer, 3) == "ABC");
      CHECK(writeAll(*l.s, "xyz", 3) == 3);
      char two[] = "de";
      const iovec parts[] = {{two, 1}, {two + 1, 1}};
      CHECK(writeAll(*l.s, parts, 2) == 2);
      CHECK(sendFileSome(*l.s, -1, 0, 4) == 4);
    });
    CHECK(l.e.run());
    CHECK(l.theirs(9) == "XYZDEFFFF");
  }
  CHECK(layers == 0);
}

TEST_CASE(
    "a reader gets bytes that the layer holds although the descriptor has none, and waits for an edge "
    "otherwise") {
  Layered l(2);
  std::string got;
  l.e.go([&] {
    char buffer[10];
    while (got.size() < 7) {
      const ssize_t n = read(*l.s, buffer, sizeof buffer);
      REQUIRE(n > 0);
      got.append(buffer, static_cast<size_t>(n));
      if (got.size() == 2) CHECK(isReady(*l.s, false) == 1);
      if (got.size() == 5) CHECK(isReady(*l.s, false) == 0);
    }
  });
  sendText(l.tcp.theirs, "abcde");
  while (got.size() < 5) l.e.turn(10);
  sendText(l.tcp.theirs, "fg");
  CHECK(l.e.run());
  CHECK(got == "ABCDEFG");
}

TEST_CASE(
    "a write that gives up with something sealed breaks the socket; writeSome goes on with the same bytes") {
  Layered l(SIZE_MAX, 4096);
  const std::string big(1 << 20, 'x');
  bool done = false;
  l.e.go([&] {
    const sched::Deadline passed = 1;
    CHECK(writeSome(*l.s, big.data(), big.size(), passed) == -ETIMEDOUT);
    CHECK_FALSE(l.s->broken());
    CHECK(owes(*l.s));
    CHECK(writeAll(*l.s, big.data(), big.size(), passed) == -ETIMEDOUT);
    CHECK(l.s->broken());
    CHECK(writeAll(*l.s, "y", 1) == -EPIPE);
    // Half of a record is no place to announce the end at.
    CHECK(shutdownWrite(*l.s) == 0);
    CHECK(l.mirror->announced == 0);
    done = true;
  });
  CHECK(l.e.run());
  CHECK(done);
}

TEST_CASE("the end is announced once there is room, and by close") {
  Layered l;
  int result = 1;
  l.mirror->room = false;
  l.e.go([&] { result = finishWriting(*l.s); });
  l.e.go([&] {
    CHECK(result == 1);
    l.mirror->room = true;
    // As an edge would.
    l.s->flags &= ~kFull;
    wakeAll(l.e.scheduler, l.s->writers, 0);
  });
  CHECK(l.e.run());
  CHECK(result == 0);
  CHECK(l.mirror->announced >= 2);
  CHECK(l.theirs(1) == "!");
  CHECK_FALSE(l.mirror->left);
}

TEST_CASE("sockets with layers come and go, and the poller's end frees the rest") {
  {
    Environment e;
    for (int round = 0; round < 3; ++round) {
      Socket* sockets[300];
      for (Socket*& s : sockets) {
        TcpPair pair;
        ::close(pair.theirs);
        s = attach(e.poller, pair.ours, Kind::kTcp);
        REQUIRE(addLayer(*s, new Mirror) == 0);
      }
      CHECK(layers == 300);
      if (round == 2) break;
      for (Socket* s : sockets) close(s);
      CHECK(layers == 0);
    }
  }
  CHECK(layers == 0);
}
