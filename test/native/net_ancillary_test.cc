// Descriptors over Unix sockets.
#include "../../native/net/ancillary.h"

#include <cerrno>

#include "net_harness.h"

using namespace stackful;
using namespace stackful::net;
using test::Environment;
using test::in;
using test::UnixPair;

TEST_CASE("descriptors come as copies, closed on exec, with the bytes of their message") {
  Environment e;
  UnixPair p;
  fcntl(p.theirs, F_SETFL, O_NONBLOCK);
  Socket* a = attach(e.poller, p.ours, Kind::kOtherSocket);
  Socket* b = attach(e.poller, p.theirs, Kind::kOtherSocket);
  e.go([&] {
    const int sent[] = {0, 1};
    CHECK(sendDescriptors(*a, "two", 3, sent, 2) == 3);
    CHECK(writeAll(*a, "none", 4) == 4);
    Received received;
    char buffer[10];
    CHECK(receiveDescriptors(*b, buffer, sizeof buffer, received) == 3);
    CHECK(received.count == 2);
    CHECK(!received.cut);
    for (int i = 0; i < 2; ++i) {
      CHECK((fcntl(received.descriptors[i], F_GETFD) & FD_CLOEXEC));
      ::close(received.descriptors[i]);
    }
    Received none;
    CHECK(receiveDescriptors(*b, buffer, sizeof buffer, none) == 4);
    CHECK(none.count == 0);
    CHECK(receiveDescriptors(*b, buffer, sizeof buffer, none, in(5)) == -ETIMEDOUT);
    const int wrong[] = {98'765};
    CHECK(sendDescriptors(*a, "x", 1, wrong, 1) == -EBADF);
    ucred peer{};
    CHECK(peerCredentials(*a, peer) == 0);
    CHECK(peer.pid == getpid());
    close(a);
    CHECK(receiveDescriptors(*b, buffer, sizeof buffer, none) == 0);
    close(b);
  });
  CHECK(e.run());
}

TEST_CASE("a connection is adopted, another descriptor refused and left alone") {
  Environment e;
  UnixPair p;
  Socket* s = nullptr;
  CHECK(adopt(e.poller, p.ours, false, s) == 0);
  CHECK(s->fd == p.ours);
  close(s);
  int fds[2];
  CHECK(pipe2(fds, O_CLOEXEC) == 0);
  CHECK(adopt(e.poller, fds[0], false, s) == -ENOTSOCK);
  const int datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  CHECK(adopt(e.poller, datagram, false, s) == -EINVAL);
  CHECK(fcntl(datagram, F_GETFD) >= 0);
  CHECK(adopt(e.poller, p.theirs, true, s) == -EINVAL);
  uint16_t port = 0;
  Socket* listener = listenAnywhere(e, port);
  CHECK(adopt(e.poller, listener->fd, false, s) == -EINVAL);
  const int copy = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);
  CHECK(adopt(e.poller, copy, true, s) == 0);
  close(s);
  close(listener);
  for (int fd : {fds[0], fds[1], datagram, p.theirs}) ::close(fd);
}
