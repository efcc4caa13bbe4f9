// How bytes pass between a socket and the kernel: receive, transmit and sendFile, one attempt each, which never parks. All
// reads and writes of sockets come here, those of http and of the binding too, because it is here that kDrained and kFull
// are set; the poller takes them back (Poller::dispatch), and operation.h and readiness.h wait for that.
//
// Sockets have their system calls inlined. Other descriptors (pipes) and layers (layer.h: TLS) are behind the branch that is not
// taken, so that plain sockets pay nothing for them. What a layer has to provide, so that no code above this file knows of it:
//
//   receive   Bytes for the caller, 0 at the end of the stream, or -errno. The end that a peer did not announce in the
//             transport's own way (TLS: no close_notify) is an error, not 0. -EAGAIN means that only "readable" can help: what
//             the transport itself has to write in order to go on, it sends along, or keeps for the next transmit.
//   transmit  How many of the caller's bytes the kernel has taken, one at least, or -errno, without SIGPIPE. -EAGAIN means that
//             only "writable" can help. Bytes whose record has gone out in part are not taken: the next transmit begins
//             with them again. A call that gives up in between breaks the socket, as it does after a count: see owes().
//   sendFile  As transmit, with bytes of a file; `at` moves on by their number. 0 when the file ends at `at` or before, also
//             because it has shrunk. Reads through the page cache and blocks for what is not there: see disk::CachedPieces.
//             A short count says nothing: it has reasons of its own.
//   -EINTR    is not returned: the call is made again.
//
//   kDrained  The next receive would give -EAGAIN unless an edge comes first. So it may not be set while the transport holds
//             bytes for the caller (decrypted ones that did not fit), even though the descriptor is drained: nothing would
//             wake the next reader for them. What it remembers of the descriptor in the meantime is kWireDrained, which
//             dispatch clears with kDrained: an edge that comes while it holds bytes is not repeated. And isReady
//             (readiness.h) asks the layer, not the descriptor.
//   kFull     The same for transmit.
//   kTrustShort  is about the layer's own calls of TCP: it sets kDrained and kFull by itself.
#pragma once

#include <sys/uio.h>

#include "socket.h"
#include "system_calls.h"

namespace stackful::net {

namespace detail {

// Through the layer, or read(2) and write(2).
ssize_t receiveOtherwise(Socket& s, void* to, size_t size) noexcept;
ssize_t transmitOtherwise(Socket& s, const void* data, size_t size) noexcept;

// What the result of a call for `wanted` bytes says about the next one: `flag` is kDrained or kFull. 0 says nothing: at the
// end of the stream a call does not wait.
inline ssize_t note(Socket& s, ssize_t result, size_t wanted, SocketFlag flag) noexcept {
  if (result > 0) {
    if (static_cast<size_t>(result) < wanted && (s.flags & kTrustShort)) s.flags |= flag;
  } else if (result == -EAGAIN) {
    s.flags |= flag;
  }
  return result;
}

}  // namespace detail

inline ssize_t receive(Socket& s, void* to, size_t size) noexcept {
  if (!(s.flags & kIsSocket)) return detail::receiveOtherwise(s, to, size);
  return detail::note(s, kernel::receive(s.fd, to, size), size, kDrained);
}

inline ssize_t transmit(Socket& s, const void* data, size_t size) noexcept {
  if (!(s.flags & kIsSocket)) return detail::transmitOtherwise(s, data, size);
  return detail::note(s, kernel::transmit(s.fd, data, size), size, kFull);
}

// At most 1,024 parts, of `total` bytes together.
ssize_t transmit(Socket& s, const iovec* parts, int count, size_t total) noexcept;

// At most `size` bytes of the file from `at` on.
ssize_t sendFile(Socket& s, int file, off_t& at, size_t size) noexcept;

// Whether a write that gives up now leaves bytes behind that only it could go on with.
bool owes(const Socket& s) noexcept;

// Whether receive would give -EAGAIN, as far as is known.
inline bool drained(const Socket& s) noexcept {
  return s.flags & kDrained;
}

// Whether transmit is allowed and may succeed. Otherwise a write has to wait, for room or behind another one, has to send
// what is buffered first, or it fails.
inline bool mayTransmit(const Socket& s) noexcept {
  return !(s.flags & (kClosed | kBroken | kFull | kWriteOwned | kBuffered));
}

}  // namespace stackful::net
