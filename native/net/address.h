// Socket addresses and their text.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdint>

#include "socket.h"

namespace stackful::net {

struct Address {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un local;
  };
  socklen_t length = 0;

  Address() noexcept : v6{} {}
  int family() const noexcept { return any.sa_family; }
  uint16_t port() const noexcept;
  // The numeric host ("127.0.0.1", "fe80::1%eth0"), or the path of a Unix socket. Returns the length; an
  // abstract path begins with a zero byte.
  size_t host(char* out, size_t size) const noexcept;
  // "127.0.0.1:80", "[::1]:80", "/run/x.sock".
  size_t text(char* out, size_t size) const noexcept;

  // False when `host` is no numeric address. "" = any address, IPv6 where the machine has it.
  bool parseIp(const char* host, uint16_t port) noexcept;
  // `host`: in the order of this machine.
  void setIpv4(uint32_t host, uint16_t port) noexcept;
  // An IPv4 address as "::ffff:a.b.c.d", which an IPv6 socket takes.
  void mapToIpv6() noexcept;
  // False when `path` does not fit (107 bytes).
  bool setPath(const char* path, size_t length) noexcept;
};

inline constexpr size_t kAddressText = 160;

// 0 or -errno.
int localAddress(const Socket& socket, Address& out) noexcept;
int localAddress(int fd, Address& out) noexcept;
int peerAddress(const Socket& socket, Address& out) noexcept;

// sched::describe, and for a socket its peer (its own address for a listener): "socket.read fd=12
// 127.0.0.1:5123".
size_t describeParked(const sched::Reason& reason, char* out, size_t size) noexcept;

}  // namespace stackful::net
