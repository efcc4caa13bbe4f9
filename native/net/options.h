// Socket options by their numbers, and memberships of multicast groups. Nothing here parks. 0 or -errno.
#pragma once

#include <cstdint>

#include "socket.h"

namespace stackful::net {

// setsockopt's arguments, for options that are a number.
struct SocketOption {
  int32_t level;
  int32_t name;
  int32_t value;
};

// A list of them, the caller's.
struct SocketOptions {
  const SocketOption* list = nullptr;
  uint32_t count = 0;
};

int setOptions(int fd, const SocketOptions& options) noexcept;
int getOption(int fd, int level, int name, int& value) noexcept;
// How many connections wait at a TCP listener to be accepted.
int backlogOf(int fd) noexcept;

// An interface is nothing (the system chooses), a name, a number, one of its IPv4 addresses (for IPv4 only), or "::%name". Joins a
// group or leaves it; `source` null = what all send.
int changeMembership(int fd, bool join, const char* group, const char* interface,
                     const char* source) noexcept;
// The interface through which a socket sends to groups.
int setMulticastInterface(int fd, const char* interface) noexcept;

}  // namespace stackful::net
