#include "splice.h"

#include <fcntl.h>
#include <unistd.h>

#include "operation.h"

namespace stackful::net {
namespace {

// Of a pipe, in one system call. Twice as many cost more: the pages no longer stay in the processor's cache.
constexpr int kPipeSize = 256 << 10;
constexpr unsigned kHow = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

ssize_t spliceOnce(int from, int to, size_t size) noexcept {
  return kernel::untilNoSignal([&] { return ::splice(from, nullptr, to, nullptr, size, kHow); });
}

void closeBoth(const Pipes::Pipe& pipe) noexcept {
  ::close(pipe.read);
  ::close(pipe.write);
}

}  // namespace

Pipes::~Pipes() {
  for (const Pipe& pipe : spare_) closeBoth(pipe);
  // Of calls that were forgotten with their coroutines.
  for (const Pipe& pipe : taken_) closeBoth(pipe);
}

int Pipes::take(Taken& out) noexcept {
  if (spare_.empty()) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return -errno;
    // Refused where the user has many large pipes: the default size works, too.
    fcntl(ends[1], F_SETPIPE_SZ, kPipeSize);
    spare_.push_front({ends[0], ends[1]});
  }
  out = spare_.begin();
  taken_.splice(taken_.begin(), spare_, out);
  return 0;
}

void Pipes::giveBack(Taken pipe, bool empty) noexcept {
  if (empty && spare_.size() < kMostSpare) return spare_.splice(spare_.begin(), taken_, pipe);
  closeBoth(*pipe);
  taken_.erase(pipe);
}

bool spliceable(const Socket& s) noexcept {
  return s.flags & kIsSocket;
}

int64_t splice(Socket& from, Socket& to, Pipes& pipes, uint64_t most, uint64_t& moved,
               bool& reading) noexcept {
  moved = 0;
  reading = true;
  if (const int32_t code = refusal(from.poller->scheduler())) return code;
  if (to.flags & kUnwritable) {
    reading = false;
    return unwritable(to);
  }
  Hold holdFrom(from), holdTo(to);
  Pipes::Taken pipe;
  int64_t result = 0;
  size_t inside = 0;
  bool taken = false;
  while (moved < most) {
    reading = true;
    const size_t wanted = most - moved < kPipeSize ? static_cast<size_t>(most - moved) : kPipeSize;
    result = readOperation(from, sched::ParkKind::kSocketPipe, kNoDeadline, [&]() noexcept -> ssize_t {
      // Only now, because most connections wait here for most of their time: then they need no pipe.
      if (!taken) {
        if (const int error = pipes.take(pipe)) return error;
        taken = true;
      }
      const ssize_t n = spliceOnce(from.fd, pipe->write, wanted);
      if (n == -EAGAIN) {
        from.flags |= kDrained;
        pipes.giveBack(pipe, true);
        taken = false;
      }
      return n;
    });
    if (result <= 0) break;
    inside = static_cast<size_t>(result);
    reading = false;
    result = writeOperation(
        to, kNoDeadline,
        [&]() noexcept -> ssize_t {
          const ssize_t n = spliceOnce(pipe->read, to.fd, inside);
          if (n == -EAGAIN) to.flags |= kFull;
          if (n > 0) {
            inside -= static_cast<size_t>(n);
            moved += static_cast<size_t>(n);
          }
          return n;
        },
        [&]() noexcept { return inside > 0; });
    if (result < 0) break;
  }
  // The bytes in the pipe are nowhere else.
  if (inside > 0) to.flags |= kBroken;
  if (taken) pipes.giveBack(pipe, inside == 0);
  return result < 0 ? result : 0;
}

}  // namespace stackful::net
