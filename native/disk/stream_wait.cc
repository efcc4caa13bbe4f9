#include "stream_wait.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace stackful::disk {

bool isStream(mode_t mode) noexcept {
  return S_ISFIFO(mode) || S_ISCHR(mode) || S_ISSOCK(mode);
}

StreamWait& StreamWait::operator=(StreamWait&& other) noexcept {
  state_ = other.state_.exchange(state_);
  std::swap(event_, other.event_);
  return *this;
}

StreamWait::~StreamWait() {
  if (event_ >= 0) ::close(event_);
}

void StreamWait::stop() noexcept {
  const int event = state_.exchange(kStopped);
  if (event >= 0) eventfd_write(event, 1);
}

// 0: the descriptor is ready, or has an error to tell. `pause`: it has said so before and was not.
int64_t StreamWait::await(int fd, short events, bool pause) noexcept {
  if (event_ < 0) {
    event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_ < 0) return -errno;
    int expected = kNothingWaits;
    if (!state_.compare_exchange_strong(expected, event_)) return pool::kStopped;
  }
  pollfd both[] = {{event_, POLLIN, 0}, {fd, events, 0}};
  // Another reader was faster, or this is a device that knows nothing of poll(2): asked in a loop, it would take a whole core.
  if (pause) ::poll(both, 1, 1);
  while (::poll(both, 2, -1) < 0) {
    if (errno != EINTR) return -errno;
  }
  // Also when there is something: a stream may never come to its end.
  return both[0].revents != 0 ? pool::kStopped : 0;
}

template <class Attempt>
int64_t StreamWait::attempt(int fd, short events, Attempt&& once) noexcept {
  for (bool pause = false;; pause = true) {
    if (const int64_t code = await(fd, events, pause)) return code;
    ssize_t n;
    do {
      n = once();
    } while (n < 0 && errno == EINTR);
    if (n >= 0) return n;
    if (errno != EAGAIN) return -errno;
  }
}

int64_t StreamWait::read(int fd, char* to, size_t size) noexcept {
  return attempt(fd, POLLIN, [&]() -> ssize_t {
    const iovec part{to, size};
    const ssize_t n = preadv2(fd, &part, 1, -1, RWF_NOWAIT);
    // The kernel cannot read this one without waiting, which matters only if another reader has just been faster.
    return n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS) ? ::read(fd, to, size) : n;
  });
}

int64_t StreamWait::write(int fd, const char* from, size_t size) noexcept {
  return attempt(fd, POLLOUT, [&]() -> ssize_t {
    const iovec part{const_cast<char*>(from), size};
    const ssize_t n = pwritev2(fd, &part, 1, -1, RWF_NOWAIT);
    // There is room for this much, as a pipe says when it can be written.
    return n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)
               ? ::write(fd, from, std::min<size_t>(size, PIPE_BUF))
               : n;
  });
}

}  // namespace stackful::disk
