// Bytes from one socket to another without a copy through this process: the kernel moves its pages through a pipe.
#pragma once

#include <cstdint>
#include <list>

#include "socket.h"

namespace stackful::net {

// The pipes of one environment: those that calls have taken, which a thread may end in the middle of, and some empty ones for
// the next calls, because making one costs four system calls.
class Pipes {
 public:
  struct Pipe {
    int read = -1;
    int write = -1;
  };
  using Taken = std::list<Pipe>::iterator;

  Pipes() = default;
  ~Pipes();
  Pipes(const Pipes&) = delete;
  Pipes& operator=(const Pipes&) = delete;

  int take(Taken& out) noexcept;  // 0 or -errno
  // Only an empty one may be used again.
  void giveBack(Taken pipe, bool empty) noexcept;

 private:
  static constexpr size_t kMostSpare = 16;
  std::list<Pipe> taken_;
  std::list<Pipe> spare_;
};

// Whether the kernel can move its bytes: not where this process has to change them (another transport).
bool spliceable(const Socket& socket) noexcept;

// Moves what comes from `from` to `to`, until the end of the stream or `most` bytes; `moved` counts what `to` has taken. 0, or
// the error, of the reading side if `reading` says so. When it ends early with bytes that are taken from one and not given to the
// other, `to` is broken. Parks.
int64_t splice(Socket& from, Socket& to, Pipes& pipes, uint64_t most, uint64_t& moved,
               bool& reading) noexcept;

}  // namespace stackful::net
