#include "options.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "address.h"

namespace stackful::net {
namespace {

int set(int fd, int level, int name, const void* value, socklen_t size) {
  return setsockopt(fd, level, name, value, size) == 0 ? 0 : -errno;
}

struct Interface {
  uint32_t index = 0;
  in_addr address{};
  bool isIpv4 = false;  // given by an address of IPv4, which sockets of IPv6 cannot be told

  // False when there is no such interface.
  bool parse(const char* text) {
    if (!text || !*text) return true;
    if (inet_pton(AF_INET, text, &address) == 1) return isIpv4 = true;
    if (const char* scope = strchr(text, '%')) text = scope + 1;
    if (!strcmp(text, "::")) return true;
    index = if_nametoindex(text);
    if (index != 0) return true;
    char* end;
    index = static_cast<uint32_t>(strtoul(text, &end, 10));
    return index != 0 && *end == 0;
  }
};

int familyOf(int fd) {
  int family = 0;
  socklen_t length = sizeof(family);
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) == 0 ? family : -errno;
}

}  // namespace

int setOptions(int fd, const SocketOptions& options) noexcept {
  for (uint32_t i = 0; i < options.count; ++i) {
    const SocketOption& o = options.list[i];
    if (const int error = set(fd, o.level, o.name, &o.value, sizeof(o.value))) return error;
  }
  return 0;
}

int getOption(int fd, int level, int name, int& value) noexcept {
  socklen_t length = sizeof(value);
  return getsockopt(fd, level, name, &value, &length) == 0 ? 0 : -errno;
}

int backlogOf(int fd) noexcept {
  tcp_info info{};
  socklen_t length = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return -errno;
  // Of a listener the kernel reports the length of its queue there.
  return static_cast<int>(info.tcpi_unacked);
}

int changeMembership(int fd, bool join, const char* group, const char* interface,
                     const char* source) noexcept {
  Address to, from;
  Interface at;
  if (!to.parseIp(group, 0) || !at.parse(interface)) return -EINVAL;
  if (to.family() == AF_INET6 && at.isIpv4) return -EINVAL;
  if (source && (!from.parseIp(source, 0) || from.family() != to.family())) return -EINVAL;
  if (to.family() == AF_INET && source && at.index == 0) {
    ip_mreq_source request{};
    request.imr_multiaddr = to.v4.sin_addr;
    request.imr_interface = at.address;
    request.imr_sourceaddr = from.v4.sin_addr;
    const int name = join ? IP_ADD_SOURCE_MEMBERSHIP : IP_DROP_SOURCE_MEMBERSHIP;
    return set(fd, IPPROTO_IP, name, &request, sizeof(request));
  }
  if (to.family() == AF_INET && !source) {
    ip_mreqn request{};
    request.imr_multiaddr = to.v4.sin_addr;
    request.imr_address = at.address;
    request.imr_ifindex = static_cast<int>(at.index);
    return set(fd, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &request, sizeof(request));
  }
  const int level = to.family() == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
  if (!source) {
    group_req request{};
    request.gr_interface = at.index;
    memcpy(&request.gr_group, &to.any, to.length);
    return set(fd, level, join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &request, sizeof(request));
  }
  group_source_req request{};
  request.gsr_interface = at.index;
  memcpy(&request.gsr_group, &to.any, to.length);
  memcpy(&request.gsr_source, &from.any, from.length);
  return set(fd, level, join ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP, &request, sizeof(request));
}

int setMulticastInterface(int fd, const char* interface) noexcept {
  Interface at;
  if (!at.parse(interface)) return -EINVAL;
  const int family = familyOf(fd);
  if (family < 0) return family;
  if (family == AF_INET6 && at.isIpv4) return -EINVAL;
  if (family == AF_INET6) return set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &at.index, sizeof(at.index));
  ip_mreqn request{};
  request.imr_address = at.address;
  request.imr_ifindex = static_cast<int>(at.index);
  return set(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof(request));
}

}  // namespace stackful::net
