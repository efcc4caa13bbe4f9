#include "ancillary.h"

#include <cstring>

#include "operation.h"

namespace stackful::net {
namespace {

union Control {
  cmsghdr header;
  char room[CMSG_SPACE(sizeof(int) * kMostDescriptors)];
};

// A system call of its own frame: 1 KiB of control data, which is not to lie in the stack of a coroutine that waits.
[[gnu::noinline]] ssize_t sendFirst(Socket& s, const iovec& part, const int* descriptors,
                                    int count) noexcept {
  Control control;
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(&part);
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = CMSG_SPACE(sizeof(int) * static_cast<size_t>(count));
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof(int) * static_cast<size_t>(count));
  memcpy(CMSG_DATA(&control.header), descriptors, sizeof(int) * static_cast<size_t>(count));
  const ssize_t n = kernel::untilNoSignal([&] { return ::sendmsg(s.fd, &message, MSG_NOSIGNAL); });
  if (n == -EAGAIN) s.flags |= kFull;
  return n;
}

[[gnu::noinline]] ssize_t receiveOnce(Socket& s, void* to, size_t size, Received& received) noexcept {
  Control control;
  iovec part{to, size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof(control);
  const ssize_t n = kernel::untilNoSignal([&] { return ::recvmsg(s.fd, &message, MSG_CMSG_CLOEXEC); });
  if (n == -EAGAIN) s.flags |= kDrained;
  if (n < 0) return n;
  received.cut = message.msg_flags & MSG_CTRUNC;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(received.descriptors + received.count, CMSG_DATA(c), count * sizeof(int));
    received.count += static_cast<int>(count);
  }
  return n;
}

}  // namespace

ssize_t sendDescriptors(Socket& s, const void* data, size_t size, const int* descriptors, int count,
                        Deadline deadline) noexcept {
  // Its bytes would go out beside what the layer has sealed.
  if (s.flags & kLayered) return -EOPNOTSUPP;
  const char* at = static_cast<const char*>(data);
  const char* const end = at + size;
  bool first = true;
  return writeOperation(
      s, deadline,
      [&]() noexcept -> ssize_t {
        const auto left = static_cast<size_t>(end - at);
        const ssize_t n =
            first ? sendFirst(s, {const_cast<char*>(at), left}, descriptors, count) : transmit(s, at, left);
        if (n <= 0) return n;
        first = false;
        at += n;
        return n;
      },
      [&]() noexcept { return at != end; });
}

ssize_t receiveDescriptors(Socket& s, void* to, size_t size, Received& received, Deadline deadline) noexcept {
  // These bytes are the layer's.
  if (s.flags & kLayered) return -EOPNOTSUPP;
  return readOperation(s, sched::ParkKind::kSocketRead, deadline,
                       [&]() noexcept { return receiveOnce(s, to, size, received); });
}

int peerCredentials(const Socket& s, ucred& out) noexcept {
  socklen_t length = sizeof(out);
  return getsockopt(s.fd, SOL_SOCKET, SO_PEERCRED, &out, &length) == 0 ? 0 : -errno;
}

}  // namespace stackful::net
