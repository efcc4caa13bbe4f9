// What Unix sockets carry besides bytes: descriptors, and who the peer is.
#pragma once

#include <sys/socket.h>

#include "socket.h"

namespace stackful::net {

// The most descriptors that one message carries (the kernel's SCM_MAX_FD).
inline constexpr int kMostDescriptors = 253;

// Sends all bytes, one at least, and copies of the descriptors with the first of them. As writeAll; -EOPNOTSUPP where the bytes
// pass through a layer.
ssize_t sendDescriptors(Socket& socket, const void* data, size_t size, const int* descriptors, int count,
                        Deadline deadline = kNoDeadline) noexcept;

struct Received {
  int descriptors[kMostDescriptors];
  int count = 0;
  // Some were sent that this process had no room for: the kernel has dropped them.
  bool cut = false;
};

// As read; -EOPNOTSUPP as above. Descriptors that came with the bytes are the caller's, closed in programs that are executed.
ssize_t receiveDescriptors(Socket& socket, void* to, size_t size, Received& received,
                           Deadline deadline = kNoDeadline) noexcept;

// The process that has called connect, or listen, at the time of that call. 0 or -errno.
int peerCredentials(const Socket& socket, ucred& out) noexcept;

}  // namespace stackful::net
