#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

#include "net_harness.h"

using namespace stackful;
using namespace stackful::net;
using test::Environment;
using test::in;
using test::TcpPair;
using test::UnixPair;

namespace {

// Reads everything that comes, on a thread, because the writer under test fills the socket.
std::thread drain(int fd, std::string& into) {
  return std::thread([fd, &into] {
    char buffer[30'000];
    ssize_t n;
    while ((n = ::read(fd, buffer, sizeof(buffer))) > 0) into.append(buffer, static_cast<size_t>(n));
    ::close(fd);
  });
}

std::string pattern(size_t size, char first) {
  std::string s(size, 0);
  for (size_t i = 0; i < size; ++i) s[i] = static_cast<char>(first + i % 23);
  return s;
}

}  // namespace

TEST_CASE("writeAll writes everything, from one part or from many") {
  for (bool tcp : {true, false}) {
    CAPTURE(tcp);
    Environment e;
    int ours, theirs;
    if (tcp) {
      TcpPair p;
      ours = p.ours, theirs = p.theirs;
    } else {
      UnixPair p;
      ours = p.ours, theirs = p.theirs;
    }
    Socket* s = attach(e.poller, ours, tcp ? Kind::kTcp : Kind::kOtherSocket);
    std::string got, expected;
    std::thread peer = drain(theirs, got);
    std::vector<std::string> parts;
    // More parts than a window, empty ones among them, some larger than the socket's buffer.
    for (int i = 0; i < 300; ++i)
      parts.push_back(pattern(i % 7 == 0 ? 0 : i % 50 == 1 ? 900'000 : 37 + i, 'a'));
    std::vector<iovec> vectors;
    for (auto& p : parts) {
      vectors.push_back({p.data(), p.size()});
      expected += p;
    }
    const std::string one = pattern(3'000'000, 'A');
    ssize_t gathered = 0, single = 0, nothing = 1, none = 1;
    e.go([&] {
      gathered = writeAll(*s, vectors.data(), static_cast<int>(vectors.size()));
      single = writeAll(*s, one.data(), one.size());
      nothing = writeAll(*s, vectors.data(), 1);  // one empty part
      none = writeAll(*s, vectors.data(), 0);
      close(s);
    });
    CHECK(e.run());
    peer.join();
    CHECK(gathered == static_cast<ssize_t>(expected.size()));
    CHECK(single == static_cast<ssize_t>(one.size()));
    CHECK(nothing == 0);
    CHECK(none == 0);
    CHECK((got == expected + one));
  }
}

TEST_CASE("writes of several coroutines do not mix") {
  Environment e;
  TcpPair pair(4096);
  Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
  constexpr int kWriters = 5;
  constexpr size_t kSize = 700'000;
  std::vector<std::string> texts;
  int left = kWriters;
  for (int i = 0; i < kWriters; ++i) texts.emplace_back(kSize, static_cast<char>('a' + i));
  for (int i = 0; i < kWriters; ++i) {
    e.go([&, i] {
      CHECK(writeAll(*s, texts[static_cast<size_t>(i)].data(), kSize) == static_cast<ssize_t>(kSize));
      if (--left == 0) close(s);
    });
  }
  e.turn(0);
  CHECK((s->flags & kWriteOwned));
  std::string got, expected;
  for (auto& t : texts) expected += t;
  std::thread peer = drain(pair.theirs, got);
  CHECK(e.run());
  peer.join();
  CHECK((got == expected));
}

TEST_CASE("a writer that gives up in the middle breaks the socket, one that only waited does not") {
  Environment e;
  TcpPair pair(4096);
  Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
  const std::string big(8 << 20, 'x');
  ssize_t first = 0, queued = 0, second = 0, third = 0, later = 0, some = 0;
  e.go([&] {
    first = writeAll(*s, big.data(), big.size(), in(20));
    later = writeAll(*s, "y", 1);
    some = writeSome(*s, "y", 1);
  });
  e.go([&] { queued = writeAll(*s, "q", 1, in(2)); });
  e.go([&] {
    second = writeAll(*s, "r", 1);  // handed the write side when the first gives up
    char byte;
    third = read(*s, &byte, 1, in(1));
  });
  e.turn(0);
  while (queued == 0) e.turn(100);
  CHECK(queued == -ETIMEDOUT);
  CHECK_FALSE(s->broken());
  CHECK(e.run());
  CHECK(first == -ETIMEDOUT);
  CHECK(second == -EPIPE);
  CHECK(later == -EPIPE);
  CHECK(some == -EPIPE);
  CHECK(third == -ETIMEDOUT);  // reading goes on
  CHECK(s->broken());
  CHECK_FALSE((s->flags & kWriteOwned));
  close(s);
  ::close(pair.theirs);
}

TEST_CASE("cancelling the owner of the write side, and one in the queue, in either order") {
  for (bool ownerFirst : {true, false}) {
    CAPTURE(ownerFirst);
    Environment e;
    UnixPair pair;
    Socket* s = attach(e.poller, pair.ours, Kind::kOtherSocket);
    const std::string big(8 << 20, 'x');
    ssize_t owner = 0, queued = 0, last = 0;
    auto* a = e.go([&] { owner = writeAll(*s, big.data(), big.size()); });
    auto* b = e.go([&] { queued = writeAll(*s, "q", 1); });
    e.go([&] { last = writeAll(*s, "z", 1); });
    e.turn(0);
    e.scheduler.cancel(ownerFirst ? a : b);
    e.scheduler.cancel(ownerFirst ? b : a);
    CHECK(e.run());
    CHECK(owner == -ECANCELED);
    CHECK(queued == -ECANCELED);
    CHECK(last == -EPIPE);
    close(s);
    ::close(pair.theirs);
  }
}

TEST_CASE("a peer that is gone gives EPIPE or ECONNRESET, and no signal") {
  Environment e;
  TcpPair pair;
  Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
  ssize_t result = 0;
  e.go([&] {
    ::close(pair.theirs);
    const std::string big(1 << 20, 'x');
    for (int i = 0; i < 100 && result >= 0; ++i) result = writeAll(*s, big.data(), big.size(), in(10'000));
    close(s);
  });
  CHECK(e.run());
  CHECK((result == -EPIPE || result == -ECONNRESET));
}

TEST_CASE("shutdownWrite ends the stream and leaves reading") {
  Environment e;
  TcpPair pair;
  Socket* s = attach(e.poller, pair.ours, Kind::kTcp);
  std::string got;
  std::thread peer([&] {
    char buffer[10];
    ssize_t n;
    while ((n = ::read(pair.theirs, buffer, sizeof(buffer))) > 0) got.append(buffer, static_cast<size_t>(n));
    CHECK(::send(pair.theirs, "bye", 3, MSG_NOSIGNAL) == 3);
    ::close(pair.theirs);
  });
  ssize_t answer = 0, end = -1;
  e.go([&] {
    CHECK(writeAll(*s, "hello", 5) == 5);
    CHECK(shutdownWrite(*s) == 0);
    char buffer[10];
    answer = read(*s, buffer, sizeof(buffer));
    end = read(*s, buffer, sizeof(buffer));
    close(s);
  });
  CHECK(e.run());
  peer.join();
  CHECK(got == "hello");
  CHECK(answer == 3);
  CHECK(end == 0);
}

TEST_CASE("sendFileSome sends from a range of a file, and what there is when the file is shorter") {
  for (bool tcp : {true, false}) {
    CAPTURE(tcp);
    Environment e;
    int ours, theirs;
    if (tcp) {
      TcpPair p;
      ours = p.ours, theirs = p.theirs;
    } else {
      UnixPair p;
      ours = p.ours, theirs = p.theirs;
    }
    Socket* s = attach(e.poller, ours, tcp ? Kind::kTcp : Kind::kOtherSocket);
    const int file = memfd_create("sendfile", MFD_CLOEXEC);
    const std::string content = pattern(5'000'000, 'a');
    CHECK(::write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    std::string got;
    std::thread peer = drain(theirs, got);
    ssize_t range = 0, shorter = 0, beyond = 1, error = 0;
    const auto sendAll = [&](int64_t offset, ssize_t length) {
      ssize_t sent = 0, n = 1;
      for (; n > 0 && sent < length; sent += n) {
        n = sendFileSome(*s, file, offset + sent, static_cast<size_t>(length - sent));
        REQUIRE(n >= 0);
      }
      return sent;
    };
    e.go([&] {
      range = sendAll(1000, 4'000'000);
      shorter = sendAll(4'500'000, 4'000'000);
      beyond = sendFileSome(*s, file, 6'000'000, 10);
      error = sendFileSome(*s, -1, 0, 10);
      close(s);
    });
    CHECK(e.run());
    peer.join();
    CHECK(range == 4'000'000);
    CHECK(shorter == 500'000);
    CHECK(beyond == 0);
    CHECK(error == -EBADF);
    CHECK((got == content.substr(1000, 4'000'000) + content.substr(4'500'000)));
    ::close(file);
  }
}

TEST_CASE("pipes are read and written like sockets") {
  Environment e;
  int fds[2];
  REQUIRE(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
  Socket* from = attach(e.poller, fds[0], Kind::kPipe);
  Socket* to = attach(e.poller, fds[1], Kind::kPipe);
  const std::string text = pattern(1'000'000, 'a');
  std::string got;
  e.go([&] {
    char buffer[7000];
    ssize_t n;
    while ((n = read(*from, buffer, sizeof(buffer))) > 0) got.append(buffer, static_cast<size_t>(n));
    close(from);
  });
  e.go([&] {
    const iovec parts[] = {{const_cast<char*>(text.data()), 400'000},
                           {const_cast<char*>(text.data()) + 400'000, text.size() - 400'000}};
    CHECK(writeAll(*to, parts, 2) == static_cast<ssize_t>(text.size()));
    close(to);
  });
  CHECK(e.run());
  CHECK((got == text));
  CHECK(e.poller.openSockets() == 0);
}

TEST_CASE("a descriptor that epoll does not take is an error, not a hang") {
  Environment e;
  const int file = memfd_create("plain", MFD_CLOEXEC);
  Socket* s = attach(e.poller, file, Kind::kPipe);
  s->flags |= kDrained;  // so that the first read has to wait
  ssize_t result = 0;
  e.go([&] {
    char byte;
    result = read(*s, &byte, 1);
  });
  CHECK(e.run());
  CHECK(result == -EPERM);
  CHECK(e.poller.active() == 0);
  close(s);
}
