// Bytes from socket to socket.
#include "../../native/net/splice.h"

#include <cerrno>
#include <string>
#include <thread>

#include "net_harness.h"

using namespace stackful;
using namespace stackful::net;
using test::Environment;
using test::TcpPair;

namespace {

std::thread sender(int fd, const std::string& text) {
  return std::thread([fd, &text] {
    for (size_t at = 0; at < text.size();) {
      const ssize_t n = ::send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
      if (n <= 0) break;
      at += static_cast<size_t>(n);
    }
    ::shutdown(fd, SHUT_WR);
  });
}

std::thread reader(int fd, std::string& into) {
  return std::thread([fd, &into] {
    char buffer[30'000];
    ssize_t n;
    while ((n = ::read(fd, buffer, sizeof buffer)) > 0) into.append(buffer, static_cast<size_t>(n));
  });
}

std::string counted(size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + ",";
  text.resize(size);
  return text;
}

}  // namespace

TEST_CASE("splice moves everything to the end of the stream, then to a limit") {
  Environment e;
  TcpPair a, b;
  Pipes pipes;
  Socket* from = attach(e.poller, a.ours, Kind::kTcp);
  Socket* to = attach(e.poller, b.ours, Kind::kTcp);
  const std::string sent = counted(3'000'000);
  std::string got;
  std::thread sending = sender(a.theirs, sent), reading = reader(b.theirs, got);
  e.go([&] {
    uint64_t moved = 0;
    bool side = false;
    CHECK(splice(*from, *to, pipes, 1000, moved, side) == 0);
    CHECK(moved == 1000);
    CHECK(splice(*from, *to, pipes, UINT64_MAX, moved, side) == 0);
    CHECK(moved == sent.size() - 1000);
    close(to);
    close(from);
  });
  CHECK(e.run());
  sending.join();
  reading.join();
  CHECK((got == sent));
  ::close(a.theirs);
  ::close(b.theirs);
}

TEST_CASE("pipes are closed with their environment, those in use, too") {
  int one = -1, other = -1;
  {
    Pipes pipes;
    Pipes::Taken first, second;
    CHECK(pipes.take(first) == 0);
    CHECK(pipes.take(second) == 0);
    one = first->read;
    other = second->write;
    pipes.giveBack(first, true);
    CHECK(fcntl(one, F_GETFD) >= 0);
    Pipes::Taken again;
    CHECK(pipes.take(again) == 0);
    CHECK(again->read == one);
    pipes.giveBack(again, false);
    CHECK(fcntl(one, F_GETFD) < 0);
  }
  CHECK(fcntl(other, F_GETFD) < 0);
}

TEST_CASE("splice that is cancelled with bytes on the way breaks the second socket, otherwise not") {
  for (bool full : {false, true}) {
    CAPTURE(full);
    Environment e;
    TcpPair a, b(4096);
    Pipes pipes;
    Socket* from = attach(e.poller, a.ours, Kind::kTcp);
    Socket* to = attach(e.poller, b.ours, Kind::kTcp);
    const std::string sent = counted(full ? 30'000'000 : 0);
    std::thread sending([&] { sender(a.theirs, sent).join(); });
    if (!full) sending.join();
    uint64_t moved = 0;
    bool side = true;
    int64_t result = 0;
    int shutAgain = full ? 0 : ::shutdown(a.theirs, SHUT_WR);
    CHECK(shutAgain == 0);
    auto* coroutine = e.go([&] { result = splice(*from, *to, pipes, UINT64_MAX, moved, side); });
    if (full) {
      for (int i = 0; i < 2000 && to->writers.empty(); ++i) e.turn(5);
      e.scheduler.cancel(coroutine);
    }
    CHECK(e.run());
    CHECK(result == (full ? -ECANCELED : 0));
    CHECK(side == !full);
    CHECK(to->broken() == full);
    e.go([&] {
      CHECK(splice(*from, *to, pipes, UINT64_MAX, moved, side) == (full ? -EPIPE : 0));
      close(from);
      close(to);
    });
    CHECK(e.run());
    if (full) sending.join();
    ::close(a.theirs);
    ::close(b.theirs);
  }
}
