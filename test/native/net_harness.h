// Connected descriptors for the tests of net/.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "../../native/net/dialling.h"
#include "environment.h"

namespace stackful::test {

// A TCP connection over the loopback: `ours` does not block, `theirs` does.
struct TcpPair {
  int ours = -1;
  int theirs = -1;

  explicit TcpPair(int bufferBytes = 0) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(at);
    const auto address = reinterpret_cast<sockaddr*>(&at);
    if (bufferBytes) setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &bufferBytes, sizeof(bufferBytes));
    bind(listener, address, length);
    ::listen(listener, 1);
    getsockname(listener, address, &length);
    ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bufferBytes) setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &bufferBytes, sizeof(bufferBytes));
    ::connect(ours, address, length);
    theirs = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    ::close(listener);
    fcntl(ours, F_SETFL, O_NONBLOCK);
  }
};

struct UnixPair {
  int ours = -1;
  int theirs = -1;
  UnixPair() {
    int fds[2];
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
    ours = fds[0];
    theirs = fds[1];
    fcntl(ours, F_SETFL, O_NONBLOCK);
  }
};

inline net::Address loopback(uint16_t port) {
  net::Address a;
  a.parseIp("127.0.0.1", port);
  return a;
}

// A listener on a port of the kernel's choice.
inline net::Socket* listenAnywhere(Environment& e, uint16_t& port, int backlog = 128) {
  net::ListenOptions options;
  options.backlog = backlog;
  net::Socket* listener = nullptr;
  CHECK(net::listen(e.poller, loopback(0), options, listener) == 0);
  net::Address bound;
  CHECK(net::localAddress(*listener, bound) == 0);
  port = bound.port();
  return listener;
}

inline ssize_t sendText(int fd, const std::string& text) {
  return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace stackful::test
