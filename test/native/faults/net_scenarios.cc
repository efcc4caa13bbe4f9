// Bytes that are put off, datagrams, descriptors, splicing.
#include <cerrno>
#include <memory>

#include "../../../native/net/ancillary.h"
#include "../../../native/net/datagram.h"
#include "../../../native/net/operation.h"
#include "../../../native/net/output.h"
#include "../../../native/net/splice.h"
#include "../disk_harness.h"
#include "inject.h"
#include "scenario_harness.h"

namespace stackful::faults {

// What is put off, sent at the end of the batch; the errors of that are told to later calls.
Outcome putOff() {
  Outcome outcome;
  Codes codes{outcome};
  std::string sent;
  int fds[2];
  {
    Calm calm;
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
  }
  Environment e;
  if (!opened(e, outcome, {fds[0], fds[1]})) return outcome;
  net::Socket* out = net::attach(e.poller, fds[0], net::Kind::kOtherSocket);
  net::Socket* in = net::attach(e.poller, fds[1], net::Kind::kOtherSocket);
  go(e, codes, [&] {
    for (int i = 0; i < 30; ++i) {
      const std::string piece = test::pattern(1000 + static_cast<size_t>(i));
      if (!net::buffer(*out, piece.data(), piece.size())) {
        ssize_t n = net::writeBehindBuffered(*out, piece.data(), piece.size(), test::in(kPatienceMs));
        if (n == kFlushFailed) n = net::takeFlushError(*out);
        if (!codes.ok(n)) break;
      }
      sent += piece;
      if (i % 10 == 9) sched::sleepFor(e.scheduler, test::kMs);
      if (const int error = net::takeFlushError(*out)) {
        codes.ok(error);
        break;
      }
    }
    ssize_t last = net::flush(*out, test::in(kPatienceMs));
    codes.ok(last == kFlushFailed ? net::takeFlushError(*out) : last);
    net::close(out);
  });
  receiveAll(e, outcome, codes, in, sent);
  return outcome;
}

// Datagrams there, and their number back.
Outcome datagrams() {
  Outcome outcome;
  Codes codes{outcome};
  int received = 0;
  bool answered = false;
  {
    Environment e;
    if (!opened(e, outcome)) return outcome;
    net::Socket *one = nullptr, *two = nullptr;
    net::Address at;
    const net::SocketOption option{SOL_SOCKET, SO_REUSEADDR, 1};
    const bool ready = codes.ok(net::openDatagram(e.poller, AF_INET, {&option, 1}, one)) &&
                       codes.ok(net::openDatagram(e.poller, AF_INET, {}, two)) &&
                       codes.ok(net::bindDatagram(*two, test::loopback(0))) &&
                       codes.ok(net::localAddress(*two, at)) && codes.ok(net::connectDatagram(*one, &at));
    if (ready) {
      go(e, codes, [&] {
        std::unique_ptr<net::DatagramBatch> batch(net::DatagramBatch::make());
        if (!batch) return void(codes.ok(-ENOMEM));
        net::Address from;
        while (received < 12) {
          const ssize_t n = net::readOperation(*two, sched::ParkKind::kDatagramReceive, test::in(kPatienceMs),
                                               [&] { return batch->receive(*two); });
          if (!codes.ok(n)) return;
          received += static_cast<int>(n);
          batch->from(0, from);
        }
        codes.ok(net::sendDatagram(*two, "12", 2, &from, test::in(kPatienceMs)));
      });
      go(e, codes, [&] {
        iovec part{const_cast<char*>("x"), 1};
        mmsghdr messages[6] = {};
        for (mmsghdr& one : messages) {
          one.msg_hdr.msg_iov = &part;
          one.msg_hdr.msg_iovlen = 1;
        }
        for (int sent = 0; sent < 6;) {
          const ssize_t n = net::sendDatagrams(*one, messages + sent, static_cast<unsigned>(6 - sent),
                                               test::in(kPatienceMs));
          if (!codes.ok(n)) return;
          sent += static_cast<int>(n);
        }
        for (int i = 0; i < 6; ++i)
          if (!codes.ok(net::sendDatagram(*one, "y", 1, nullptr, test::in(kPatienceMs)))) return;
        int receiver;
        net::Address there;
        {
          Calm calm;
          // Bound without a name, it gets an abstract one.
          receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
          there.any.sa_family = AF_UNIX;
          bind(receiver, &there.any, sizeof(sa_family_t));
          net::localAddress(receiver, there);
        }
        const bool told = codes.ok(net::sendToPath(there, "z", 1));
        {
          Calm calm;
          ::close(receiver);
        }
        if (!told) return;
        char answer[2];
        answered = codes.ok(net::read(*one, answer, 2, test::in(kPatienceMs)));
      });
    }
    finish(e, outcome, ready);
    if (one) net::close(one);
    if (two) net::close(two);
  }
  outcome.complete = outcome.complete && received == 12 && answered;
  return outcome;
}

// A descriptor over a Unix socket, and a look at who sent it.
Outcome descriptors() {
  Outcome outcome;
  Codes codes{outcome};
  int fds[2], arrived = 0;
  {
    Calm calm;
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
  }
  Environment e;
  if (!opened(e, outcome, {fds[0], fds[1]})) return outcome;
  net::Socket *a = nullptr, *b = nullptr;
  if (!codes.ok(net::adopt(e.poller, fds[0], false, a))) {
    Calm calm;
    ::close(fds[0]);
  }
  if (!codes.ok(net::adopt(e.poller, fds[1], false, b))) {
    Calm calm;
    ::close(fds[1]);
  }
  if (a) {
    go(e, codes, [&] {
      const int sent[] = {0, 1, 2};
      ucred peer{};
      if (codes.ok(net::peerCredentials(*a, peer)))
        codes.ok(net::sendDescriptors(*a, "three", 5, sent, 3, test::in(kPatienceMs)));
      net::close(a);
    });
  }
  if (b) {
    go(e, codes, [&] {
      char buffer[10];
      net::Received received;
      while (codes.ok(net::receiveDescriptors(*b, buffer, 10, received, test::in(kPatienceMs))) &&
             received.count > arrived) {
        arrived = received.count;
      }
      Calm calm;
      for (int i = 0; i < received.count; ++i) ::close(received.descriptors[i]);
      net::close(b);
    });
  }
  finish(e, outcome, true);
  outcome.complete = outcome.complete && arrived == 3;
  return outcome;
}

// From one connection to another, in the kernel.
Outcome splicing() {
  Outcome outcome;
  Codes codes{outcome};
  std::string sent = test::pattern(400'000);
  int first[2], second[2];
  {
    Calm calm;
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, first);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, second);
  }
  Environment e;
  if (!opened(e, outcome, {first[0], first[1], second[0], second[1]})) return outcome;
  net::Pipes pipes;
  net::Socket* out = net::attach(e.poller, first[0], net::Kind::kOtherSocket);
  net::Socket* from = net::attach(e.poller, first[1], net::Kind::kOtherSocket);
  net::Socket* to = net::attach(e.poller, second[0], net::Kind::kOtherSocket);
  net::Socket* in = net::attach(e.poller, second[1], net::Kind::kOtherSocket);
  auto write = [&] {
    codes.ok(net::writeAll(*out, sent.data(), sent.size(), test::in(kPatienceMs)));
    net::close(out);
  };
  auto passOn = [&] {
    uint64_t moved = 0;
    bool reading = false;
    const int64_t result = net::splice(*from, *to, pipes, UINT64_MAX, moved, reading);
    codes.ok(result);
    if (result == 0 && moved > sent.size()) outcome.wrong = "more was moved than was sent";
    net::close(from);
    net::close(to);
  };
  // No memory for a coroutine: then it ends no streams, for which the others wait.
  if (!e.go(write)) {
    codes.ok(-ENOMEM);
    net::close(out);
  }
  if (!e.go(passOn)) {
    codes.ok(-ENOMEM);
    net::close(from);
    net::close(to);
  }
  receiveAll(e, outcome, codes, in, sent);
  return outcome;
}

}  // namespace stackful::faults
