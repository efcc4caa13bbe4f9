#include "address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace stackful::net {
namespace {

size_t copyOut(const char* text, size_t length, char* out, size_t size) {
  if (size == 0) return 0;
  if (length >= size) length = size - 1;
  memcpy(out, text, length);
  out[length] = 0;
  return length;
}

int query(int fd, Address& out, int (*ask)(int, sockaddr*, socklen_t*)) {
  out.length = sizeof(out.local);
  if (ask(fd, &out.any, &out.length) != 0) return -errno;
  // The kernel reports the true length even when it had to cut.
  if (out.length > sizeof(out.local)) out.length = sizeof(out.local);
  return 0;
}

}  // namespace

uint16_t Address::port() const noexcept {
  if (family() == AF_INET) return ntohs(v4.sin_port);
  if (family() == AF_INET6) return ntohs(v6.sin6_port);
  return 0;
}

size_t Address::host(char* out, size_t size) const noexcept {
  char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
  if (family() == AF_INET) {
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return copyOut(text, strlen(text), out, size);
  }
  if (family() == AF_INET6) {
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    size_t length = strlen(text);
    if (v6.sin6_scope_id != 0) {
      char name[IF_NAMESIZE];
      if (if_indextoname(v6.sin6_scope_id, name)) {
        length += static_cast<size_t>(snprintf(text + length, sizeof(text) - length, "%%%s", name));
      } else {
        length +=
            static_cast<size_t>(snprintf(text + length, sizeof(text) - length, "%%%u", v6.sin6_scope_id));
      }
    }
    return copyOut(text, length, out, size);
  }
  if (family() == AF_UNIX && length > offsetof(sockaddr_un, sun_path)) {
    size_t n = length - offsetof(sockaddr_un, sun_path);
    if (local.sun_path[0] != 0) n = strnlen(local.sun_path, n);
    return copyOut(local.sun_path, n, out, size);
  }
  return copyOut("", 0, out, size);
}

size_t Address::text(char* out, size_t size) const noexcept {
  char name[kAddressText];
  const size_t length = host(name, sizeof(name));
  if (family() == AF_UNIX) {
    if (length > 0 && name[0] == 0) name[0] = '@';
    return copyOut(name, length, out, size);
  }
  char all[kAddressText];
  const int n = snprintf(all, sizeof(all), family() == AF_INET6 ? "[%s]:%u" : "%s:%u", name, port());
  return copyOut(all, static_cast<size_t>(n), out, size);
}

bool Address::parseIp(const char* host, uint16_t port) noexcept {
  v6 = {};
  if (host[0] == 0) {
    // A kernel without IPv6 refuses the socket: that is how the machine is asked.
    const int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe >= 0) ::close(probe);
    host = probe >= 0 ? "::" : "0.0.0.0";
  }
  if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    length = sizeof(v4);
    return true;
  }
  v6 = {};
  char numeric[INET6_ADDRSTRLEN];
  const char* scope = strchr(host, '%');
  const size_t n = scope ? static_cast<size_t>(scope - host) : strlen(host);
  if (n >= sizeof(numeric)) return false;
  memcpy(numeric, host, n);
  numeric[n] = 0;
  if (inet_pton(AF_INET6, numeric, &v6.sin6_addr) != 1) return false;
  if (scope) {
    char* end;
    v6.sin6_scope_id = if_nametoindex(scope + 1);
    if (v6.sin6_scope_id == 0) {
      v6.sin6_scope_id = static_cast<uint32_t>(strtoul(scope + 1, &end, 10));
      if (scope[1] == 0 || *end != 0) return false;
    }
  }
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  length = sizeof(v6);
  return true;
}

void Address::setIpv4(uint32_t host, uint16_t port) noexcept {
  v4 = {};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(host);
  v4.sin_port = htons(port);
  length = sizeof(v4);
}

void Address::mapToIpv6() noexcept {
  if (family() != AF_INET) return;
  const sockaddr_in from = v4;
  v6 = {};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = from.sin_port;
  v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xff;
  memcpy(&v6.sin6_addr.s6_addr[12], &from.sin_addr, 4);
  length = sizeof(v6);
}

bool Address::setPath(const char* path, size_t pathLength) noexcept {
  const bool isAbstract = pathLength > 0 && path[0] == 0;
  // A path in the file system also needs its final zero.
  if (pathLength == 0 || pathLength + !isAbstract > sizeof(local.sun_path)) return false;
  local = {};
  local.sun_family = AF_UNIX;
  memcpy(local.sun_path, path, pathLength);
  length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + pathLength + !isAbstract);
  return true;
}

int localAddress(const Socket& socket, Address& out) noexcept {
  return localAddress(socket.fd, out);
}

int localAddress(int descriptor, Address& out) noexcept {
  return query(descriptor, out, [](int fd, sockaddr* a, socklen_t* n) { return getsockname(fd, a, n); });
}

int peerAddress(const Socket& socket, Address& out) noexcept {
  return query(socket.fd, out, [](int fd, sockaddr* a, socklen_t* n) { return getpeername(fd, a, n); });
}

size_t describeParked(const sched::Reason& reason, char* out, size_t size) noexcept {
  const size_t n = sched::describe(reason, out, size);
  const bool isSocket =
      (reason.kind >= sched::ParkKind::kSocketRead && reason.kind <= sched::ParkKind::kSocketWritable) ||
      (reason.kind >= sched::ParkKind::kTlsHandshake && reason.kind <= sched::ParkKind::kDatagramSend);
  if (!isSocket || reason.fd < 0 || n + 2 > size) return n;
  Address address;
  auto ask = [&](auto f) {
    return query(reason.fd, address, f) == 0 && address.length > offsetof(sockaddr_un, sun_path);
  };
  if (!ask([](int fd, sockaddr* a, socklen_t* l) { return getpeername(fd, a, l); }) &&
      !ask([](int fd, sockaddr* a, socklen_t* l) { return getsockname(fd, a, l); })) {
    return n;
  }
  out[n] = ' ';
  return n + 1 + address.text(out + n + 1, size - n - 1);
}

}  // namespace stackful::net
