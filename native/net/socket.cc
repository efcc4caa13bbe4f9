#include "socket.h"

#include <unistd.h>

#include "layer.h"
#include "operation.h"
#include "output.h"
#include "transport.h"

namespace stackful::net {
namespace {

using sched::ParkKind;

// A window onto the parts that are not sent yet: the kernel takes 1,024 at most, and fewer are copied for a
// call that is usually the only one.
class Gather {
 public:
  Gather(const iovec* parts, int count) noexcept : part_(parts), end_(parts + count) {}

  ssize_t send(Socket& s) noexcept {
    iovec window[kWindow];
    int n = 0;
    size_t wanted = 0;
    size_t skip = skip_;
    for (const iovec* p = part_; p != end_ && n < kWindow; ++p, skip = 0) {
      if (p->iov_len == 0) continue;
      window[n++] = {static_cast<char*>(p->iov_base) + skip, p->iov_len - skip};
      wanted += p->iov_len - skip;
    }
    if (n == 0) return 0;
    const ssize_t sent = transmit(s, window, n, wanted);
    if (sent > 0) advance(static_cast<size_t>(sent));
    return sent;
  }

  bool left() noexcept {
    while (part_ != end_ && part_->iov_len == 0) ++part_;
    return part_ != end_;
  }

 private:
  static constexpr int kWindow = 64;

  void advance(size_t n) noexcept {
    while (part_ != end_ && n >= part_->iov_len - skip_) {
      n -= part_->iov_len - skip_;
      skip_ = 0;
      ++part_;
    }
    skip_ += n;
  }

  const iovec* part_;
  const iovec* end_;
  size_t skip_ = 0;  // of the first part
};

}  // namespace

Socket* attach(Poller& poller, int fd, Kind kind) noexcept {
  Socket* s = poller.create();
  if (!s) return nullptr;
  s->fd = fd;
  s->flags = kInUse;
  if (kind != Kind::kPipe) s->flags |= kIsSocket;
  if (kind == Kind::kTcp || kind == Kind::kDatagram) s->flags |= kTrustShort;
  return s;
}

ssize_t read(Socket& s, void* buffer, size_t size, Deadline deadline) noexcept {
  return readOperation(s, ParkKind::kSocketRead, deadline,
                       [&s, buffer, size]() noexcept { return receive(s, buffer, size); });
}

ssize_t writeAll(Socket& s, const iovec* parts, int count, Deadline deadline) noexcept {
  Gather gather(parts, count);
  return writeOperation(
      s, deadline, [&]() noexcept { return gather.send(s); }, [&]() noexcept { return gather.left(); });
}

ssize_t writeAll(Socket& s, const void* data, size_t size, Deadline deadline) noexcept {
  const char* at = static_cast<const char*>(data);
  const char* const end = at + size;
  return writeOperation(
      s, deadline,
      [&]() noexcept -> ssize_t {
        const ssize_t n = transmit(s, at, static_cast<size_t>(end - at));
        if (n > 0) at += n;
        return n;
      },
      [&]() noexcept { return at != end; });
}

ssize_t writeSome(Socket& s, const void* data, size_t size, Deadline deadline) noexcept {
  return writeOperation<true>(
      s, deadline, [&]() noexcept { return transmit(s, data, size); }, []() noexcept { return false; });
}

ssize_t writeSome(Socket& s, const iovec* parts, int count, Deadline deadline) noexcept {
  Gather gather(parts, count);
  return writeOperation<true>(
      s, deadline, [&]() noexcept { return gather.send(s); }, []() noexcept { return false; });
}

ssize_t sendFileSome(Socket& s, int file, int64_t offset, size_t length, Deadline deadline) noexcept {
  off_t at = offset;
  return writeOperation<true>(
      s, deadline, [&]() noexcept { return sendFile(s, file, at, length); }, []() noexcept { return false; });
}

int addLayer(Socket& s, Layer* layer) noexcept {
  if (s.flags & kBuffered) return -EBUSY;
  if (const int error = s.poller->setLayer(s, layer)) return error;
  s.flags = (s.flags & ~(kIsSocket | kDrained | kFull)) | kLayered;
  return 0;
}

int shutdownWrite(Socket& s) noexcept {
  if (s.flags & kClosed) return -EBADF;
  // After half a record nothing can be announced: the end without it says that.
  if ((s.flags & (kLayered | kBroken)) == kLayered) {
    const int result = s.poller->layerOf(s)->announceEnd(s);
    if (result == -EAGAIN) s.flags |= kFull;
    if (result < 0) return result;
  }
  return ::shutdown(s.fd, SHUT_WR) == 0 ? 0 : -errno;
}

namespace {

int finishBehindBuffered(Socket& s, Deadline deadline) noexcept {
  if (s.poller->scheduler().running()) {
    // An empty write, before which they are sent.
    return static_cast<int>(writeOperation(
        s, deadline, [&]() noexcept -> ssize_t { return shutdownWrite(s); },
        []() noexcept { return false; }));
  }
  const int result = flushNow(s);
  if (result == 0) return shutdownWrite(s);
  if (result != -EAGAIN) return result;
  shutDownBehindBuffered(s);
  return 0;
}

}  // namespace

int finishWriting(Socket& s, Deadline deadline) noexcept {
  if (s.flags & (kClosed | kFlushError)) return s.flags & kClosed ? -EBADF : kFlushFailed;
  if (s.flags & kBuffered) return finishBehindBuffered(s, deadline);
  if (!s.poller->scheduler().running()) return shutdownWrite(s);
  if (!(s.flags & kWriteOwned)) {
    const int result = shutdownWrite(s);
    if (result != -EAGAIN) return result;
  }
  Hold hold(s);
  ssize_t result = 0;
  if (!ownWriteSide(s, deadline, result)) return static_cast<int>(result);
  for (;;) {
    result = shutdownWrite(s);
    if (result != -EAGAIN) break;
    result = waitOn(s, s.writers, ParkKind::kSocketWrite, deadline);
    if (result < 0) break;
  }
  disownWriteSide(s);
  return static_cast<int>(result);
}

int awaitWrites(Socket& s) noexcept {
  if (!(s.flags & kWriteOwned) || !s.poller->scheduler().running()) return 0;
  Hold hold(s);
  ssize_t result = 0;
  if (!ownWriteSide(s, kNoDeadline, result)) return static_cast<int>(result);
  disownWriteSide(s);
  return 0;
}

int shutdownRead(Socket& s) noexcept {
  if (s.flags & kClosed) return -EBADF;
  // Before the call: the kernel announces it as it does the peer's.
  s.flags |= kReadShut;
  return ::shutdown(s.fd, SHUT_RD) == 0 ? 0 : -errno;
}

namespace {

void retire(Socket& s) noexcept {
  s.flags |= kClosed;
  if (s.flags & kLayered) s.poller->setLayer(s, nullptr);
  sched::Scheduler& scheduler = s.poller->scheduler();
  wakeAll(scheduler, s.readers, -EBADF);
  wakeAll(scheduler, s.writers, -EBADF);
  wakeAll(scheduler, s.writeQueue, -EBADF);
  if (s.holds == 0) s.poller->recycle(s);
}

}  // namespace

void close(Socket* s) noexcept {
  if (s->flags & kClosed) return;
  // The kernel takes the descriptor out of the epoll set by itself, unless a child process holds a copy for a
  // moment between fork and exec; events that come for it then carry an old generation.
  const int fd = s->fd;
  if (s->flags & kLayered) s->poller->layerOf(*s)->leave(*s);
  const bool lingering = lingers(*s);
  retire(*s);
  if (!lingering) ::close(fd);
}

int detach(Socket* s) noexcept {
  if (s->flags & kClosed) return -EBADF;
  if (const int result = flushNow(*s)) return result;
  takeFlushError(*s);
  if (s->flags & kRegistered) s->poller->withdraw(*s);
  const int fd = s->fd;
  retire(*s);
  return fd;
}

void setKeepAlive(Socket& s, bool keep) noexcept {
  if (keep == !(s.flags & kUnref)) return;
  s.flags ^= kUnref;
  const auto parked = static_cast<int32_t>(s.parked);
  s.poller->scheduler().adjustExternalWaits(keep ? parked : -parked);
}

}  // namespace stackful::net
