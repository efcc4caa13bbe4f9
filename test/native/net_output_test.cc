// Bytes that are put off: native/net/output.h.
#include "../../native/net/output.h"

#include <sys/epoll.h>

#include <cerrno>
#include <string>
#include <thread>

#include "net_harness.h"

using namespace stackful;
using namespace stackful::net;
using test::Environment;
using test::in;
using test::TcpPair;
using test::UnixPair;

namespace {

std::string readNow(int fd) {
  char buffer[70'000];
  const ssize_t n = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  return n > 0 ? std::string(buffer, static_cast<size_t>(n)) : "";
}

bool put(Socket& s, const std::string& text) {
  return buffer(s, text.data(), text.size());
}

// Until the kernel takes no more.
size_t fill(Socket& s) {
  const std::string piece(4096, 'f');
  size_t sent = 0;
  ssize_t n;
  while ((n = ::send(s.fd, piece.data(), piece.size(), MSG_NOSIGNAL)) > 0) sent += static_cast<size_t>(n);
  return sent;
}

std::string readToEnd(int fd) {
  std::string all;
  char buffer[30'000];
  ssize_t n;
  while ((n = ::read(fd, buffer, sizeof buffer)) > 0) all.append(buffer, static_cast<size_t>(n));
  return all;
}

}  // namespace

TEST_CASE("bytes that are put off leave at the end of the batch, in order") {
  Environment e;
  TcpPair p;
  Socket* s = attach(e.poller, p.ours, Kind::kTcp);
  std::string before, after;
  e.go([&] {
    CHECK(put(*s, "one "));
    CHECK(put(*s, "two"));
    CHECK(buffered(*s) == 7);
    before = readNow(p.theirs);
    char byte;
    CHECK(read(*s, &byte, 1, in(5)) == -ETIMEDOUT);
    after = readNow(p.theirs);
    CHECK(buffered(*s) == 0);
    CHECK(!(s->flags & kBuffered));
  });
  CHECK(e.run());
  CHECK(before == "");
  CHECK(after == "one two");
  ::close(p.theirs);
}

TEST_CASE("other writes, and the end of the stream, come behind what is put off") {
  Environment e;
  TcpPair p;
  Socket* s = attach(e.poller, p.ours, Kind::kTcp);
  e.go([&] {
    put(*s, "a");
    CHECK(writeAll(*s, "b", 1) == 1);
    put(*s, "c");
    iovec part{const_cast<char*>("d"), 1};
    CHECK(writeSome(*s, &part, 1) == 1);
    put(*s, "e");
    CHECK(writeBehindBuffered(*s, "f", 1) == 1);
    put(*s, "g");
    CHECK(flush(*s) == 0);
    CHECK(readNow(p.theirs) == "abcdefg");
    put(*s, "last");
    close(s);
  });
  CHECK(e.run());
  CHECK(readToEnd(p.theirs) == "last");
  ::close(p.theirs);
}

TEST_CASE("more than fits is not taken, and makes no other place") {
  Environment e;
  TcpPair p;
  Socket* s = attach(e.poller, p.ours, Kind::kTcp);
  const std::string most(Output::kMost, 'm');
  e.go([&] {
    CHECK(put(*s, most));
    CHECK(!put(*s, "x"));
    CHECK(buffered(*s) == most.size());
    CHECK(writeBehindBuffered(*s, "x", 1) == 1);
    CHECK(readNow(p.theirs) == most + "x");
    close(s);
  });
  CHECK(e.run());
  ::close(p.theirs);
}

TEST_CASE("what the kernel does not take waits for room, without a coroutine; close leaves it there") {
  for (bool closing : {false, true}) {
    CAPTURE(closing);
    Environment e;
    TcpPair p(4096);
    Socket* s = attach(e.poller, p.ours, Kind::kTcp);
    size_t filled = 0;
    e.go([&] {
      filled = fill(*s);
      put(*s, "behind");
      char byte;
      CHECK(read(*s, &byte, 1, in(5)) == -ETIMEDOUT);
      CHECK(buffered(*s) == 6);
      if (closing) close(s);
    });
    CHECK(e.run());
    CHECK(e.poller.openSockets() == 1);
    // Also of an open socket: the process does not end before them.
    CHECK(e.poller.active() == 1);
    std::string all;
    std::thread peer([&] {
      char buffer[30'000];
      while (all.size() < filled + 6) {
        const ssize_t n = ::read(p.theirs, buffer, sizeof buffer);
        if (n <= 0) break;
        all.append(buffer, static_cast<size_t>(n));
      }
    });
    for (int i = 0; i < 1000 && (s->flags & kBuffered); ++i) e.poller.poll(10);
    peer.join();
    CHECK(all.size() == filled + 6);
    CHECK(all.substr(filled) == "behind");
    CHECK(e.poller.active() == 0);
    CHECK(e.poller.openSockets() == (closing ? 0 : 1));
    ::close(p.theirs);
  }
}

TEST_CASE("an error that no call has seen is told to the next one, once") {
  for (bool reading : {false, true}) {
    CAPTURE(reading);
    Environment e;
    UnixPair p;
    Socket* s = attach(e.poller, p.ours, Kind::kOtherSocket);
    e.go([&] {
      put(*s, "x");
      ::close(p.theirs);
      e.poller.endOfBatch().run();
      char byte;
      CHECK((reading ? read(*s, &byte, 1) : writeAll(*s, "y", 1)) == kFlushFailed);
      CHECK(takeFlushError(*s) == -EPIPE);
      CHECK(takeFlushError(*s) == 0);
      CHECK(writeAll(*s, "y", 1) == -EPIPE);
      put(*s, "z");
      CHECK(flush(*s) == -EPIPE);
      put(*s, "closed with bytes");
      close(s);
    });
    CHECK(e.run());
    CHECK(e.poller.openSockets() == 0);
  }
}

TEST_CASE(
    "the end of the stream outside a coroutine comes behind them, and tells why they could not be sent") {
  for (bool gone : {false, true}) {
    CAPTURE(gone);
    Environment e;
    UnixPair p;
    Socket* s = attach(e.poller, p.ours, Kind::kOtherSocket);
    put(*s, "last");
    if (gone) ::close(p.theirs);
    CHECK(finishWriting(*s) == (gone ? -EPIPE : 0));
    CHECK(buffered(*s) == 0);
    if (!gone) CHECK(readToEnd(p.theirs) == "last");
    close(s);
    if (!gone) ::close(p.theirs);
  }
}

TEST_CASE("the end of the stream outside a coroutine waits for the room that they wait for") {
  Environment e;
  TcpPair p(4096);
  Socket* s = attach(e.poller, p.ours, Kind::kTcp);
  const size_t filled = fill(*s);
  put(*s, "behind");
  CHECK(finishWriting(*s) == 0);
  std::string all;
  std::thread peer([&] { all = readToEnd(p.theirs); });
  for (int i = 0; i < 1000 && (s->flags & kBuffered); ++i) e.poller.poll(10);
  peer.join();
  CHECK(all.size() == filled + 6);
  CHECK(e.poller.active() == 0);
  close(s);
  ::close(p.theirs);
}

TEST_CASE("a connection that lost them and goes on is broken, so that no later write closes the gap") {
  Environment e;
  TcpPair p(4096);
  Socket* s = attach(e.poller, p.ours, Kind::kTcp);
  // So that it cannot enter the epoll set.
  epoll_event event{};
  event.data.u64 = UINT32_MAX - 1;
  CHECK(epoll_ctl(e.poller.fd(), EPOLL_CTL_ADD, s->fd, &event) == 0);
  e.go([&] {
    fill(*s);
    put(*s, "lost");
    e.poller.endOfBatch().run();
    CHECK(e.poller.active() == 0);
    CHECK(writeAll(*s, "x", 1) == kFlushFailed);
    CHECK(takeFlushError(*s) == -EEXIST);
    CHECK(s->broken());
    CHECK(writeAll(*s, "x", 1) == -EPIPE);
    close(s);
  });
  CHECK(e.run());
  ::close(p.theirs);
}

TEST_CASE("a write behind them that is given up is withdrawn, if none of its bytes is out") {
  Environment e;
  TcpPair p(4096);
  Socket* s = attach(e.poller, p.ours, Kind::kTcp);
  size_t filled = 0;
  e.go([&] {
    filled = fill(*s);
    put(*s, "kept");
    CHECK(writeBehindBuffered(*s, "withdrawn", 9, in(5)) == -ETIMEDOUT);
    CHECK(buffered(*s) == 4);
    CHECK(!s->broken());
    close(s);
  });
  CHECK(e.run());
  std::string all;
  std::thread peer([&] { all = readToEnd(p.theirs); });
  for (int i = 0; i < 1000 && e.poller.openSockets() > 0; ++i) e.poller.poll(10);
  peer.join();
  CHECK(all.size() == filled + 4);
  CHECK(all.substr(filled) == "kept");
  ::close(p.theirs);
}

TEST_CASE("the end of the environment sends what it can, and closes what lingers") {
  TcpPair p(4096), q;
  {
    Environment e;
    Socket* full = attach(e.poller, p.ours, Kind::kTcp);
    Socket* s = attach(e.poller, q.ours, Kind::kTcp);
    e.go([&] {
      fill(*full);
      put(*full, "lost with the process");
      close(full);
      put(*s, "sent");
    });
    CHECK(e.run());
  }
  CHECK(readToEnd(q.theirs) == "sent");
  CHECK(!readToEnd(p.theirs).empty());
  ::close(p.theirs);
  ::close(q.theirs);
}
