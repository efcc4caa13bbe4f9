#include "output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "operation.h"

namespace stackful::net {
namespace {

Output& outputOf(Socket& s) noexcept {
  return *s.poller->outputs().of(s);
}

// The end of a socket that close() has left to its last bytes.
void bury(Socket& s) noexcept {
  ::close(s.fd);
  if (--s.holds == 0) s.poller->recycle(s);
}

void settle(Socket& s) noexcept {
  Output& output = outputOf(s);
  if (output.holdsLoop) s.poller->scheduler().adjustExternalWaits(-1);
  s.poller->endOfBatch().remove(output);
  s.poller->outputs().release(s);
  s.flags &= ~(kBuffered | kFlushError);
}

// Until settle: the process must not end with them because no coroutine waits.
void holdLoop(Socket& s) noexcept {
  Output& output = outputOf(s);
  if (output.holdsLoop) return;
  output.holdsLoop = true;
  s.poller->scheduler().adjustExternalWaits(1);
}

// At the end of a batch, or when there is room again: no call waits for the result.
void flushUnwatched(Socket& s) noexcept {
  const bool over = s.closed();
  int result = flushNow(s);
  // Outside the epoll set nothing would tell that there is room.
  if (result == -EAGAIN && !(s.flags & kRegistered)) result = s.poller->enroll(s);
  if (s.flags & kBuffered) {
    if (result == 0 || result == -EAGAIN) return holdLoop(s);
    // The epoll set did not take the socket. The connection goes on, so that a later write would close the gap.
    settle(s);
    s.flags |= kBroken;
  }
  if (over) return bury(s);
  if (result == 0) return;
  // Told to the next call.
  Output* output = s.poller->outputs().make(s);
  // Without memory for the error: later writes fail all the same.
  if (!output) {
    s.flags |= kBroken;
    return;
  }
  output->error = result;
  s.flags |= kFlushError;
  // A reader need not hear of it from the kernel.
  wakeFirst(s.poller->scheduler(), s.readers);
}

void putOff(Output& output) noexcept {
  if (!output.waiting()) output.socket->poller->endOfBatch().add(output);
}

}  // namespace

Outputs::~Outputs() {
  for (Output* output : table_) delete output;
  for (Output* output : spare_) delete output;
}

Output* Outputs::make(Socket& s) noexcept {
  if (s.index >= table_.size()) table_.resize(s.index + 1 + s.index / 2, nullptr);
  Output* output;
  if (spare_.empty()) {
    output = new (std::nothrow) Output;
    if (!output) return nullptr;
    output->run = [](EndOfBatch::Task* task) { flushUnwatched(*static_cast<Output*>(task)->socket); };
  } else {
    output = spare_.back();
    spare_.pop_back();
  }
  output->socket = &s;
  output->start = output->end = 0;
  output->error = 0;
  output->shutsDown = output->holdsLoop = false;
  return table_[s.index] = output;
}

void Outputs::release(Socket& s) noexcept {
  Output* output = table_[s.index];
  table_[s.index] = nullptr;
  if (spare_.size() < kMostSpare) {
    spare_.push_back(output);
  } else {
    delete output;
  }
}

bool buffer(Socket& s, const void* data, size_t size) noexcept {
  // Over a layer nothing is put off: what it has sealed cannot be taken back, and the announcement of its end is not in these bytes.
  if (s.flags & (kClosed | kBroken | kWriteOwned | kFlushError | kLayered)) return false;
  Output* output = s.poller->outputs().of(s);
  if (size > Output::kMost - (output ? output->length() : 0)) return false;
  if (!output && !(output = s.poller->outputs().make(s))) return false;
  if (size > Output::kMost - output->end) {
    memmove(output->bytes, output->bytes + output->start, output->length());
    output->end -= output->start;
    output->start = 0;
  }
  memcpy(output->bytes + output->end, data, size);
  output->end += static_cast<uint32_t>(size);
  s.flags |= kBuffered;
  putOff(*output);
  return true;
}

size_t buffered(const Socket& s) noexcept {
  return s.flags & kBuffered ? s.poller->outputs().of(s)->length() : 0;
}

int flushNow(Socket& s) noexcept {
  if (!(s.flags & kBuffered)) return 0;
  Output& output = outputOf(s);
  while (output.length() > 0) {
    const ssize_t n = s.flags & kFull ? -EAGAIN : transmit(s, output.bytes + output.start, output.length());
    if (n == -EAGAIN) return -EAGAIN;
    if (n < 0) {
      settle(s);
      // These two pass, and the next write would close the gap.
      if (n == -ENOMEM || n == -ENOBUFS) s.flags |= kBroken;
      return static_cast<int>(n);
    }
    output.start += static_cast<uint32_t>(n);
  }
  const bool shutsDown = output.shutsDown;
  settle(s);
  if (shutsDown) ::shutdown(s.fd, SHUT_WR);
  return 0;
}

ssize_t flush(Socket& s, Deadline deadline) noexcept {
  if (!(s.flags & (kBuffered | kFlushError))) return refusal(s.poller->scheduler());
  // An empty write behind the bytes: writeAfterWaiting sends them first.
  return writeOperation(
      s, deadline, []() noexcept -> ssize_t { return 0; }, []() noexcept { return false; });
}

ssize_t writeBehindBuffered(Socket& s, const void* data, size_t size, Deadline deadline) noexcept {
  if (const int32_t code = refusal(s.poller->scheduler())) return code;
  if (!buffer(s, data, size)) return writeAll(s, data, size, deadline);
  const ssize_t result = flush(s, deadline);
  if (result >= 0) return static_cast<ssize_t>(size);
  // Closed meanwhile, by another coroutine: the bytes are on their way, or their socket is gone.
  if (!(s.flags & kBuffered) || s.closed()) return result;
  // Given up while the kernel takes no more. The others' bytes stay; these are withdrawn if none of them is out.
  Output& output = outputOf(s);
  if (output.length() >= size) {
    output.end -= static_cast<uint32_t>(size);
    if (output.length() == 0) settle(s);
  } else {
    settle(s);
    s.flags |= kBroken;
  }
  return result;
}

int takeFlushError(Socket& s) noexcept {
  if (!(s.flags & kFlushError)) return 0;
  const int error = outputOf(s).error;
  settle(s);
  return error;
}

bool lingers(Socket& s) noexcept {
  if (s.flags & kFlushError) settle(s);
  if (!(s.flags & kBuffered)) return false;
  if (flushNow(s) != -EAGAIN) return false;
  if (!(s.flags & kRegistered) && s.poller->enroll(s) != 0) {
    settle(s);
    return false;
  }
  ++s.holds;
  holdLoop(s);
  return true;
}

void shutDownBehindBuffered(Socket& s) noexcept {
  outputOf(s).shutsDown = true;
}

void flushLater(Socket& s) noexcept {
  putOff(outputOf(s));
}

}  // namespace stackful::net
