#include "transport.h"

#include <sys/sendfile.h>
#include <unistd.h>

#include "layer.h"
#include "poller.h"

namespace stackful::net {

using kernel::untilNoSignal;

namespace detail {

ssize_t receiveOtherwise(Socket& s, void* to, size_t size) noexcept {
  if (s.flags & kLayered) return s.poller->layerOf(s)->receive(s, to, size);
  return note(s, untilNoSignal([&] { return ::read(s.fd, to, size); }), size, kDrained);
}

ssize_t transmitOtherwise(Socket& s, const void* data, size_t size) noexcept {
  if (s.flags & kLayered) {
    const iovec part{const_cast<void*>(data), size};
    return s.poller->layerOf(s)->transmit(s, &part, 1);
  }
  return note(s, untilNoSignal([&] { return ::write(s.fd, data, size); }), size, kFull);
}

}  // namespace detail

ssize_t transmit(Socket& s, const iovec* parts, int count, size_t total) noexcept {
  if (count == 1) return transmit(s, parts->iov_base, parts->iov_len);
  if (s.flags & kLayered) return s.poller->layerOf(s)->transmit(s, parts, count);
  const ssize_t n = untilNoSignal([&] {
    if (!(s.flags & kIsSocket)) return ::writev(s.fd, parts, count);
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = static_cast<size_t>(count);
    return ::sendmsg(s.fd, &message, MSG_NOSIGNAL);
  });
  return detail::note(s, n, total, kFull);
}

ssize_t sendFile(Socket& s, int file, off_t& at, size_t size) noexcept {
  if (s.flags & kLayered) return s.poller->layerOf(s)->sendFile(s, file, at, size);
  const ssize_t n = untilNoSignal([&] { return ::sendfile(s.fd, file, &at, size); });
  // Short for reasons of its own as well (pages, pipe buffers, the file's end): only -EAGAIN says that the socket is full.
  if (n == -EAGAIN) s.flags |= kFull;
  return n;
}

bool owes(const Socket& s) noexcept {
  return (s.flags & (kLayered | kClosed)) == kLayered && s.poller->layerOf(s)->owes();
}

}  // namespace stackful::net
