#include "socket.h"

#include <poll.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "operation.h"
#include "system_calls.h"

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
    ssize_t sent;
    do {
      if (!(s.flags & kIsSocket)) {
        sent = ::writev(s.fd, window, n);
      } else if (n == 1) {
        sent = ::send(s.fd, window[0].iov_base, window[0].iov_len, MSG_NOSIGNAL);
      } else {
        msghdr message{};
        message.msg_iov = window;
        message.msg_iovlen = static_cast<size_t>(n);
        sent = ::sendmsg(s.fd, &message, MSG_NOSIGNAL);
      }
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return -errno;
    if (static_cast<size_t>(sent) < wanted && (s.flags & kTrustShort)) s.flags |= kFull;
    advance(static_cast<size_t>(sent));
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

ssize_t sendOnce(Socket& s, const char* data, size_t size) noexcept {
  ssize_t n;
  if (s.flags & kIsSocket) {
    n = transmit(s.fd, data, size);
  } else {
    do {
      n = ::write(s.fd, data, size);
    } while (n < 0 && errno == EINTR);
    if (n < 0) n = -errno;
  }
  if (n < 0) return n;
  if (static_cast<size_t>(n) < size && (s.flags & kTrustShort)) s.flags |= kFull;
  return n;
}

int pollOnce(const Socket& s, short events) noexcept {
  pollfd p{s.fd, events, 0};
  const int n = ::poll(&p, 1, 0);
  return n > 0 ? 0 : -EAGAIN;
}

}  // namespace

Socket* attach(Poller& poller, int fd, Kind kind) noexcept {
  Socket* s = poller.create();
  if (!s) return nullptr;
  s->fd = fd;
  s->flags = kInUse;
  if (kind != Kind::kPipe) s->flags |= kIsSocket;
  if (kind == Kind::kTcp) s->flags |= kTrustShort;
  return s;
}

ssize_t read(Socket& s, void* buffer, size_t size, Deadline deadline) noexcept {
  return readOperation(s, ParkKind::kSocketRead, deadline, [&s, buffer, size]() noexcept -> ssize_t {
    ssize_t n;
    if (s.flags & kIsSocket) {
      n = receive(s.fd, buffer, size);
    } else {
      do {
        n = ::read(s.fd, buffer, size);
      } while (n < 0 && errno == EINTR);
      if (n < 0) n = -errno;
    }
    if (n < 0) return n;
    if (static_cast<size_t>(n) < size && n > 0 && (s.flags & kTrustShort)) s.flags |= kDrained;
    return n;
  });
}

ssize_t readv(Socket& s, const iovec* parts, int count, Deadline deadline) noexcept {
  return readOperation(s, ParkKind::kSocketRead, deadline, [&s, parts, count]() noexcept -> ssize_t {
    ssize_t n;
    do {
      n = ::readv(s.fd, parts, count);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
  });
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
        const ssize_t n = sendOnce(s, at, static_cast<size_t>(end - at));
        if (n > 0) at += n;
        return n;
      },
      [&]() noexcept { return at != end; });
}

ssize_t writeSome(Socket& s, const void* data, size_t size, Deadline deadline) noexcept {
  return writeOperation(
      s, deadline, [&]() noexcept { return sendOnce(s, static_cast<const char*>(data), size); },
      []() noexcept { return false; });
}

ssize_t writeSome(Socket& s, const iovec* parts, int count, Deadline deadline) noexcept {
  Gather gather(parts, count);
  return writeOperation(
      s, deadline, [&]() noexcept { return gather.send(s); }, []() noexcept { return false; });
}

namespace {

// Short for reasons of its own as well (pages, pipe buffers): only EAGAIN says that the socket is full.
ssize_t sendFileOnce(Socket& s, int file, off_t& at, off_t end) noexcept {
  ssize_t n;
  do {
    n = ::sendfile(s.fd, file, &at, static_cast<size_t>(end - at));
  } while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : n;
}

}  // namespace

ssize_t sendFile(Socket& s, int file, int64_t offset, size_t length, Deadline deadline) noexcept {
  off_t at = offset;
  const off_t end = at + static_cast<off_t>(length);
  return writeOperation(
      s, deadline,
      [&]() noexcept -> ssize_t {
        const ssize_t n = sendFileOnce(s, file, at, end);
        if (n == 0) at = end;  // the file has become shorter
        return n;
      },
      [&]() noexcept { return at != end; });
}

ssize_t sendFileSome(Socket& s, int file, int64_t offset, size_t length, Deadline deadline) noexcept {
  off_t at = offset;
  const off_t end = at + static_cast<off_t>(length);
  return writeOperation(
      s, deadline, [&]() noexcept { return sendFileOnce(s, file, at, end); },
      []() noexcept { return false; });
}

int waitReadable(Socket& s, Deadline deadline) noexcept {
  return static_cast<int>(readOperation(s, ParkKind::kSocketReadable, deadline, [&s]() noexcept -> ssize_t {
    return pollOnce(s, POLLIN | POLLRDHUP);
  }));
}

int waitWritable(Socket& s, Deadline deadline) noexcept {
  sched::Scheduler& scheduler = s.poller->scheduler();
  if (const int32_t code = refusal(scheduler)) return code;
  Hold hold(s);
  for (bool waited = false;; waited = true) {
    if (s.flags & kClosed) return -EBADF;
    if (!(s.flags & kFull)) {
      if (pollOnce(s, POLLOUT) == 0) {
        if (!waited) scheduler.chargeIo();
        return 0;
      }
      s.flags |= kFull;
    }
    const int32_t code = waitOn(s, s.writers, ParkKind::kSocketWritable, deadline);
    if (s.flags & kClosed) return -EBADF;
    if (code < 0) return code;
  }
}

int shutdownWrite(Socket& s) noexcept {
  if (s.flags & kClosed) return -EBADF;
  return ::shutdown(s.fd, SHUT_WR) == 0 ? 0 : -errno;
}

namespace {

void retire(Socket& s) noexcept {
  s.flags |= kClosed;
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
  retire(*s);
  ::close(fd);
}

int detach(Socket* s) noexcept {
  if (s->flags & kClosed) return -EBADF;
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
