// UDP sockets, and options of sockets.
#include "../../native/net/datagram.h"

#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>

#include "../../native/net/operation.h"
#include "net_harness.h"

using namespace stackful;
using namespace stackful::net;
using test::Environment;
using test::in;
using test::loopback;

namespace {

Socket* bound(Environment& e, Address& at) {
  Socket* s = nullptr;
  CHECK(openDatagram(e.poller, AF_INET, {}, s) == 0);
  CHECK(bindDatagram(*s, loopback(0)) == 0);
  CHECK(localAddress(*s, at) == 0);
  return s;
}

ssize_t receive(Socket& s, DatagramBatch& batch, Deadline deadline = kNoDeadline) {
  return readOperation(s, sched::ParkKind::kDatagramReceive, deadline, [&] { return batch.receive(s); });
}

}  // namespace

TEST_CASE("a batch holds what has come, with its senders; more than a batch, and nothing") {
  Environment e;
  std::unique_ptr<DatagramBatch> batch(DatagramBatch::make());
  e.go([&] {
    Address a, b;
    Socket* one = bound(e, a);
    Socket* two = bound(e, b);
    for (int i = 0; i < 20; ++i) {
      const std::string text(static_cast<size_t>(i), 'x');
      CHECK(sendDatagram(*one, text.data(), text.size(), &b) == i);
    }
    CHECK(receive(*two, *batch) == 16);
    Address from;
    for (unsigned i = 0; i < 16; ++i) {
      CHECK(batch->size(i) == i);
      batch->from(i, from);
      CHECK(from.port() == a.port());
    }
    CHECK(receive(*two, *batch) == 4);
    CHECK((two->flags & kDrained));
    CHECK(receive(*two, *batch, in(5)) == -ETIMEDOUT);
    close(one);
    close(two);
  });
  CHECK(e.run());
}

TEST_CASE("coroutines that wait get one datagram each") {
  Environment e;
  Address at;
  Socket* s = bound(e, at);
  std::string order;
  int done = 0;
  for (int i = 0; i < 3; ++i) {
    e.go([&, i] {
      std::unique_ptr<DatagramBatch> batch(DatagramBatch::make());
      CHECK(receive(*s, *batch) == 1);
      order += std::to_string(i) + batch->data(0)[0];
      if (++done == 3) close(s);
    });
  }
  e.go([&] {
    Address other;
    Socket* sender = bound(e, other);
    for (char c : {'a', 'b', 'c'}) sendDatagram(*sender, &c, 1, &at);
    close(sender);
  });
  CHECK(e.run());
  CHECK(order == "0a1b2c");
}

TEST_CASE("a connected socket hears that nobody listens") {
  Environment e;
  std::unique_ptr<DatagramBatch> batch(DatagramBatch::make());
  e.go([&] {
    Address gone, own;
    close(bound(e, gone));
    Socket* s = bound(e, own);
    CHECK(connectDatagram(*s, &gone) == 0);
    CHECK(sendDatagram(*s, "x", 1, nullptr) == 1);
    CHECK(receive(*s, *batch, in(1000)) == -ECONNREFUSED);
    CHECK(receive(*s, *batch, in(5)) == -ETIMEDOUT);
    CHECK(connectDatagram(*s, nullptr) == 0);
    CHECK(sendDatagram(*s, "x", 1, nullptr) == -EDESTADDRREQ);
    close(s);
  });
  CHECK(e.run());
}

TEST_CASE("several datagrams go out at once; the first that cannot ends the call") {
  Environment e;
  std::unique_ptr<DatagramBatch> batch(DatagramBatch::make());
  e.go([&] {
    Address a, b;
    Socket* one = bound(e, a);
    Socket* two = bound(e, b);
    std::string large(70'000, 'x');
    iovec parts[3] = {{large.data(), 1}, {large.data(), 2}, {large.data(), large.size()}};
    mmsghdr messages[3] = {};
    for (int i = 0; i < 3; ++i) {
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_name = &b.any;
      messages[i].msg_hdr.msg_namelen = b.length;
    }
    CHECK(sendDatagrams(*one, messages, 3) == 2);
    CHECK(sendDatagrams(*one, messages + 2, 1) == -EMSGSIZE);
    CHECK(!one->broken());
    CHECK(receive(*two, *batch) == 2);
    close(one);
    close(two);
  });
  CHECK(e.run());
}

TEST_CASE("options are set in order, and the first that the system refuses is told") {
  Environment e;
  const SocketOption good[] = {{SOL_SOCKET, SO_REUSEADDR, 1}, {SOL_SOCKET, SO_RCVBUF, 10'000}};
  const SocketOption bad[] = {{SOL_SOCKET, 9999, 1}};
  Socket* s = nullptr;
  CHECK(openDatagram(e.poller, AF_INET, {bad, 1}, s) == -ENOPROTOOPT);
  CHECK(openDatagram(e.poller, AF_INET, {good, 2}, s) == 0);
  int value = 0;
  CHECK(getOption(s->fd, SOL_SOCKET, SO_RCVBUF, value) == 0);
  CHECK(value == 20'000);
  CHECK(getOption(s->fd, SOL_SOCKET, 9999, value) == -ENOPROTOOPT);
  // QEMU, under which the tests of other processors run, takes no memberships.
#ifdef __x86_64__
  CHECK(changeMembership(s->fd, true, "239.1.2.3", "127.0.0.1", nullptr) == 0);
  CHECK(changeMembership(s->fd, false, "239.1.2.3", "127.0.0.1", nullptr) == 0);
  CHECK(changeMembership(s->fd, true, "239.1.2.3", "lo", "127.0.0.1") == 0);
  CHECK(setMulticastInterface(s->fd, "lo") == 0);
#endif
  CHECK(changeMembership(s->fd, true, "nonsense", "", nullptr) == -EINVAL);
  CHECK(changeMembership(s->fd, true, "239.1.2.3", "nosuchinterface", nullptr) == -EINVAL);
  CHECK(changeMembership(s->fd, true, "239.1.2.3", "", "::1") == -EINVAL);
  CHECK(setMulticastInterface(s->fd, "nosuchinterface") == -EINVAL);
  close(s);
}

TEST_CASE("addresses of IPv4 as IPv6 ones, and from numbers") {
  Address a;
  a.setIpv4(0x7f000001, 80);
  char text[kAddressText];
  a.text(text, sizeof text);
  CHECK(std::string(text) == "127.0.0.1:80");
  a.mapToIpv6();
  a.text(text, sizeof text);
  CHECK(std::string(text) == "[::ffff:127.0.0.1]:80");
  a.mapToIpv6();
  CHECK(a.family() == AF_INET6);
}

TEST_CASE("one datagram to a Unix socket, to a path or an abstract name, and to nobody") {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  Address at;
  std::string name = "_stackful-test-" + std::to_string(getpid());
  name[0] = 0;
  REQUIRE(at.setPath(name.data(), name.size()));
  REQUIRE(bind(fd, &at.any, at.length) == 0);
  CHECK(sendToPath(at, "READY=1", 7) == 0);
  char text[16];
  CHECK(recv(fd, text, sizeof text, 0) == 7);
  CHECK(std::string(text, 7) == "READY=1");
  ::close(fd);
  CHECK(sendToPath(at, "READY=1", 7) == -ECONNREFUSED);
}
