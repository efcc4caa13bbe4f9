// Reading and writing on a pool thread what may keep it waiting for ever: a pipe, a terminal, a socket.
//
// A thread that waits inside read(2) cannot be told to stop: it would take the bytes that come after its coroutine's call has
// been ended early, and no reader would ever get them. So it waits in poll(2), for the descriptor and for stop(), which any
// thread may call once. Descriptors that do not block (O_NONBLOCK) are waited for, too.
//
//   nothing waits --(a thread will wait)--> an eventfd --stop()--> stopped
//   nothing waits --stop()--> stopped
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>

#include "../pool/pool.h"

namespace stackful::disk {

// What poll(2) knows something about that a file on a disk has no need of.
bool isStream(mode_t mode) noexcept;

class StreamWait {
 public:
  StreamWait() = default;
  // Moved only while no thread waits.
  StreamWait(StreamWait&& other) noexcept { *this = std::move(other); }
  StreamWait& operator=(StreamWait&& other) noexcept;
  ~StreamWait();

  // What one read(2) gives once there is something; -errno; pool::kStopped: stop() came first, and nothing was read.
  int64_t read(int fd, char* to, size_t size) noexcept;
  // What one write(2) takes once there is room; -errno; pool::kStopped: nothing was written.
  int64_t write(int fd, const char* from, size_t size) noexcept;
  void stop() noexcept;

 private:
  static constexpr int kNothingWaits = -1, kStopped = -2;

  int64_t await(int fd, short events, bool pause) noexcept;
  template <class Attempt>
  int64_t attempt(int fd, short events, Attempt&& once) noexcept;

  std::atomic<int> state_{kNothingWaits};  // or the eventfd
  int event_ = -1;                         // the eventfd; the waiting thread's
};

}  // namespace stackful::disk
