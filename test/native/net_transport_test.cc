// The seam between sockets and the kernel, one attempt at a time: what each result says about the next one.
#include "../../native/net/transport.h"

#include <sys/mman.h>

#include <cerrno>
#include <csignal>
#include <vector>

#include "net_harness.h"

using namespace stackful;
using namespace stackful::net;
using test::Environment;
using test::sendText;
using test::TcpPair;
using test::UnixPair;

namespace {

// A TCP or Unix connection: `s` is attached, `theirs` blocks.
struct Connected {
  Environment e;
  Socket* s;
  int theirs;

  explicit Connected(Kind kind, int bufferBytes = 0) {
    int ours;
    if (kind == Kind::kTcp) {
      TcpPair pair(bufferBytes);
      ours = pair.ours, theirs = pair.theirs;
    } else {
      UnixPair pair;
      ours = pair.ours, theirs = pair.theirs;
    }
    s = attach(e.poller, ours, kind);
  }
  ~Connected() {
    close(s);
    if (theirs >= 0) ::close(theirs);
  }
  bool is(uint32_t flag) const { return s->flags & flag; }
  void endTheirs() {
    ::close(theirs);
    theirs = -1;
  }
  // Until the kernel has passed on what was sent or ended.
  void awaitInput() {
    char byte;
    while (::recv(s->fd, &byte, 1, MSG_PEEK) < 0) usleep(100);
  }
};

// The two ends of a pipe.
struct Pipe {
  Environment e;
  Socket* from;
  Socket* to;

  Pipe() {
    int fds[2];
    REQUIRE(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
    from = attach(e.poller, fds[0], Kind::kPipe);
    to = attach(e.poller, fds[1], Kind::kPipe);
  }
  ~Pipe() {
    if (from) close(from);
    if (to) close(to);
  }
};

int fileOf(size_t size) {
  const int file = memfd_create("sent", MFD_CLOEXEC);
  const std::string content(size, 'f');
  REQUIRE(::write(file, content.data(), size) == static_cast<ssize_t>(size));
  return file;
}

// What is there, without waiting for more.
std::string arrived(int fd) {
  std::string all(1 << 20, 0);
  const ssize_t n = ::recv(fd, all.data(), all.size(), MSG_DONTWAIT);
  all.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return all;
}

}  // namespace

TEST_CASE("a short read means drained with TCP, and nothing with others") {
  for (Kind kind : {Kind::kTcp, Kind::kOtherSocket}) {
    Connected c(kind);
    char buffer[4];
    sendText(c.theirs, "abcdef");
    c.awaitInput();
    CHECK(receive(*c.s, buffer, 4) == 4);
    CHECK_FALSE(drained(*c.s));
    CHECK(receive(*c.s, buffer, 4) == 2);
    CHECK(drained(*c.s) == (kind == Kind::kTcp));
    CHECK(std::string(buffer, 4) == "efcd");
  }
}

TEST_CASE("a read that fills the buffer with the last byte does not mean drained; the next one finds out") {
  Connected c(Kind::kTcp);
  char buffer[6];
  sendText(c.theirs, "abcdef");
  c.awaitInput();
  CHECK(receive(*c.s, buffer, 6) == 6);
  CHECK_FALSE(drained(*c.s));
  CHECK(receive(*c.s, buffer, 6) == -EAGAIN);
  CHECK(drained(*c.s));
}

TEST_CASE("the end of the stream is 0, again and again, and does not mean drained") {
  for (Kind kind : {Kind::kTcp, Kind::kOtherSocket}) {
    Connected c(kind);
    c.endTheirs();
    c.awaitInput();
    char byte;
    CHECK(receive(*c.s, &byte, 1) == 0);
    CHECK_FALSE(drained(*c.s));
    CHECK(receive(*c.s, &byte, 1) == 0);
  }
}

TEST_CASE("after the peer has hung up, a short read says nothing any more: the end is behind it") {
  Connected c(Kind::kTcp);
  c.e.poller.enroll(*c.s);
  sendText(c.theirs, "abc");
  c.endTheirs();
  while (!c.is(kPeerEnded)) c.e.poller.poll(10);
  char buffer[10];
  CHECK(receive(*c.s, buffer, 10) == 3);
  CHECK_FALSE(drained(*c.s));
  CHECK(receive(*c.s, buffer, 10) == 0);
}

TEST_CASE("an edge takes drained and full back") {
  Connected c(Kind::kTcp);
  char buffer[10];
  c.e.poller.enroll(*c.s);
  c.e.poller.poll(0);
  CHECK(receive(*c.s, buffer, 10) == -EAGAIN);
  c.s->flags |= kFull;
  sendText(c.theirs, "abc");
  while (drained(*c.s)) c.e.poller.poll(10);
  CHECK(receive(*c.s, buffer, 10) == 3);
  CHECK(mayTransmit(*c.s));
}

TEST_CASE("a write that the kernel takes in part means full with TCP; with others only EAGAIN does") {
  for (Kind kind : {Kind::kTcp, Kind::kOtherSocket}) {
    for (bool gathered : {false, true}) {
      CAPTURE(gathered);
      Connected c(kind, 4096);
      std::string big(8 << 20, 'x');
      const iovec parts[] = {{big.data(), 1000}, {big.data() + 1000, big.size() - 1000}};
      const auto once = [&] {
        return gathered ? transmit(*c.s, parts, 2, big.size()) : transmit(*c.s, big.data(), big.size());
      };
      const ssize_t first = once();
      CHECK(first > 0);
      CHECK(first < static_cast<ssize_t>(big.size()));
      CHECK(c.is(kFull) == (kind == Kind::kTcp));
      ssize_t n;
      do {
        n = once();
      } while (n > 0);
      CHECK(n == -EAGAIN);
      CHECK(c.is(kFull));
      CHECK_FALSE(mayTransmit(*c.s));
    }
  }
}

TEST_CASE("a write that the kernel takes whole says nothing") {
  for (Kind kind : {Kind::kTcp, Kind::kOtherSocket}) {
    Connected c(kind);
    char text[] = "abcdef";
    const iovec parts[] = {{text, 2}, {text + 2, 4}};
    CHECK(transmit(*c.s, text, 6) == 6);
    CHECK(transmit(*c.s, parts, 2, 6) == 6);
    CHECK(transmit(*c.s, parts, 1, 2) == 2);
    CHECK(transmit(*c.s, text, 0) == 0);
    CHECK_FALSE(c.is(kFull));
    std::string got;
    while (got.size() < 14) got += arrived(c.theirs);
    CHECK(got == "abcdefabcdefab");
  }
}

TEST_CASE("a peer that is gone is an error of each attempt, without a signal") {
  for (Kind kind : {Kind::kTcp, Kind::kOtherSocket}) {
    Connected c(kind);
    if (kind == Kind::kTcp) {
      const linger hard{1, 0};  // a reset
      setsockopt(c.theirs, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    c.endTheirs();
    char buffer[10] = {};
    const iovec parts[] = {{buffer, 2}, {buffer, 3}};
    if (kind == Kind::kTcp) {
      ssize_t n;
      while ((n = receive(*c.s, buffer, 10)) == -EAGAIN) usleep(100);
      CHECK(n == -ECONNRESET);
    }
    CHECK(transmit(*c.s, buffer, 10) == -EPIPE);
    CHECK(transmit(*c.s, parts, 2, 5) == -EPIPE);
    CHECK_FALSE(c.is(kFull));
  }
}

TEST_CASE("what says that a write has to wait, or would fail") {
  Connected c(Kind::kTcp);
  CHECK(mayTransmit(*c.s));
  for (uint32_t flag : {kFull, kWriteOwned, kBroken, kClosed}) {
    c.s->flags |= flag;
    CHECK_FALSE(mayTransmit(*c.s));
    c.s->flags &= ~flag;
  }
  c.s->flags |= kDrained | kRegistered;
  CHECK(mayTransmit(*c.s));
}

TEST_CASE("pipes are read and written by calls of their own, and only EAGAIN tells") {
  Pipe p;
  char buffer[10];
  CHECK(receive(*p.from, buffer, 10) == -EAGAIN);
  CHECK(drained(*p.from));
  p.from->flags &= ~kDrained;
  char text[] = "abcdef";
  const iovec parts[] = {{text, 2}, {text + 2, 4}};
  CHECK(transmit(*p.to, text, 3) == 3);
  CHECK(transmit(*p.to, parts, 2, 6) == 6);
  CHECK(receive(*p.from, buffer, 10) == 9);
  CHECK(std::string(buffer, 9) == "abcabcdef");
  CHECK_FALSE(drained(*p.from));
  const std::string big(1 << 20, 'x');
  const ssize_t first = transmit(*p.to, big.data(), big.size());
  CHECK(first > 0);
  CHECK(first < static_cast<ssize_t>(big.size()));
  CHECK(mayTransmit(*p.to));
  CHECK(transmit(*p.to, big.data(), big.size()) == -EAGAIN);
  CHECK_FALSE(mayTransmit(*p.to));
  close(p.to);
  p.to = nullptr;
  std::string rest(2 << 20, 0);
  CHECK(receive(*p.from, rest.data(), rest.size()) == first);
  CHECK(receive(*p.from, rest.data(), rest.size()) == 0);
  CHECK_FALSE(drained(*p.from));
}

TEST_CASE("sendFile sends up to the end of the file, and then 0") {
  for (Kind kind : {Kind::kTcp, Kind::kOtherSocket}) {
    Connected c(kind);
    const int file = fileOf(1000);
    off_t at = 400;
    CHECK(sendFile(*c.s, file, at, 100) == 100);
    CHECK(at == 500);
    // Short, because the file ends: that does not mean full.
    CHECK(sendFile(*c.s, file, at, 9000) == 500);
    CHECK(at == 1000);
    CHECK(sendFile(*c.s, file, at, 9000) == 0);
    CHECK(at == 1000);
    at = 2000;
    CHECK(sendFile(*c.s, file, at, 10) == 0);
    CHECK(mayTransmit(*c.s));
    std::string got;
    while (got.size() < 600) got += arrived(c.theirs);
    CHECK(got == std::string(600, 'f'));
    ::close(file);
  }
}

TEST_CASE("sendFile of a file that has shrunk sends what is left, and then 0") {
  Connected c(Kind::kTcp);
  const int file = fileOf(100'000);
  off_t at = 0;
  CHECK(sendFile(*c.s, file, at, 10'000) == 10'000);
  REQUIRE(ftruncate(file, 10'500) == 0);
  CHECK(sendFile(*c.s, file, at, 90'000) == 500);
  REQUIRE(ftruncate(file, 5'000) == 0);
  CHECK(sendFile(*c.s, file, at, 89'500) == 0);
  CHECK(at == 10'500);
  CHECK(mayTransmit(*c.s));
  ::close(file);
}

TEST_CASE("sendFile to a socket that is full gives EAGAIN, and `at` stays") {
  for (Kind kind : {Kind::kTcp, Kind::kOtherSocket}) {
    Connected c(kind, 4096);
    const int file = fileOf(8 << 20);
    off_t at = 0, sent = 0;
    ssize_t n;
    while ((n = sendFile(*c.s, file, at, (8 << 20) - static_cast<size_t>(at))) > 0) sent += n;
    CHECK(n == -EAGAIN);
    CHECK(sent > 0);
    CHECK(at == sent);
    CHECK(c.is(kFull));
    ::close(file);
  }
}

TEST_CASE("sendFile's errors: no file, one that cannot be mapped, a peer that is gone") {
  Connected c(Kind::kOtherSocket);
  off_t at = 0;
  CHECK(sendFile(*c.s, -1, at, 10) == -EBADF);
  int fds[2];
  REQUIRE(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
  CHECK(sendFile(*c.s, fds[0], at, 10) < 0);
  CHECK(at == 0);
  CHECK(mayTransmit(*c.s));
  for (int fd : fds) ::close(fd);
  const int file = fileOf(100);
  c.endTheirs();
  // sendfile(2) has no MSG_NOSIGNAL; Node ignores the signal, and so does this.
  signal(SIGPIPE, SIG_IGN);
  CHECK(sendFile(*c.s, file, at, 10) == -EPIPE);
  CHECK(at == 0);
  ::close(file);
}
