// Small writes that go out together: bytes that a call has taken and the kernel does not have yet. They leave with the next
// write of that socket which is not put off, or at the end of the batch, so before the thread waits for anything. Sixteen
// replies to requests that came in one packet are one system call, not sixteen: 1.3 us each.
//
// Nothing is lost silently and nothing changes places:
//  - kBuffered is set while there are bytes; every other write, sendFile and shutdown sends them first (operation.h).
//  - What the kernel does not take at the end of the batch waits for "writable" here, without a coroutine (Poller::dispatch), and
//    keeps the host's loop alive.
//  - An error of such a flush is kept (kFlushError): the next read or write of the socket returns kFlushFailed, and
//    takeFlushError tells which it was. Where the connection itself goes on after it, the socket is broken.
//  - close() with bytes left lets go of the socket, and its descriptor is closed when they are out, or on an error.
//  - finishWriting (socket.h) ends the stream behind them.
#pragma once

#include <cstdint>
#include <vector>

#include "end_of_batch.h"
#include "socket.h"

namespace stackful::net {

// The bytes of one socket. Only sockets that have some own one: an idle connection pays nothing.
struct Output : EndOfBatch::Task {
  static constexpr uint32_t kMost = 16 << 10;

  Socket* socket = nullptr;
  uint32_t start = 0;
  uint32_t end = 0;
  int32_t error = 0;       // of a flush, not yet told
  bool shutsDown = false;  // the stream ends behind these bytes
  bool holdsLoop = false;  // they wait for room, for which the host's loop stays alive
  char bytes[kMost];

  uint32_t length() const noexcept { return end - start; }
};

// Those of one poller.
class Outputs {
 public:
  ~Outputs();
  // nullptr when the socket has none.
  Output* of(const Socket& s) const noexcept { return s.index < table_.size() ? table_[s.index] : nullptr; }
  // nullptr when there is no memory.
  Output* make(Socket& s) noexcept;
  void release(Socket& s) noexcept;

 private:
  static constexpr size_t kMostSpare = 32;
  std::vector<Output*> table_;  // by the socket's index
  std::vector<Output*> spare_;
};

// Takes all of the bytes; false when it may not (closed, broken, another write is under way) or cannot. Then the caller
// writes as always. Never parks.
bool buffer(Socket& socket, const void* data, size_t size) noexcept;
size_t buffered(const Socket& socket) noexcept;

// Sends what the kernel takes. 0 when nothing is left, -EAGAIN when only "writable" can help, or the error; then the bytes are
// gone. Never parks.
int flushNow(Socket& socket) noexcept;
// Sends all. As writeAll: an early end leaves the rest to the end of the batch, in order.
ssize_t flush(Socket& socket, Deadline deadline = kNoDeadline) noexcept;
// Takes the bytes and sends all there are. As writeAll, also in what an early end leaves behind.
ssize_t writeBehindBuffered(Socket& socket, const void* data, size_t size,
                            Deadline deadline = kNoDeadline) noexcept;

// The error of a flush that nobody waited for, once; otherwise 0.
int takeFlushError(Socket& socket) noexcept;
// The stream ends behind the bytes, which flushNow has left.
void shutDownBehindBuffered(Socket& socket) noexcept;

// For socket.cc: whether close() has to leave the descriptor open for now.
bool lingers(Socket& socket) noexcept;
// For the poller, which has heard that there is room.
void flushLater(Socket& socket) noexcept;

}  // namespace stackful::net
