// A descriptor that coroutines wait on: TCP and Unix sockets, listeners, pipes.
//
// Rules of use, which no code here checks twice:
//  1. Every operation makes its system call first and parks only on EAGAIN; it returns >= 0 or a negative
//     number: -errno, -ETIMEDOUT at the deadline, -EBADF once the socket is closed, the coroutine's
//     interruption (-ECANCELED), or kNotInCoroutine / kCannotPark.
//  2. After close() or detach() the caller's pointer is invalid. The coroutines parked on the socket are
//     woken with -EBADF; the record stays until the last of them has left.
//  3. Buffers need to stay valid only until the call returns: nothing is left behind in the kernel.
//  4. Several coroutines may use one socket; those that have to wait are served in order of arrival. Writes
//     are whole: a writeAll never lands in the middle of what another coroutine writes.
//  5. A write that ends early after part of it was sent (deadline, cancellation) breaks the socket: later
//     writes return -EPIPE, because the peer would read the middle of one message as the beginning of the
//     next.
//  6. Bytes given to buffer() (output.h) keep their place among writes. close() and detach() see to them: detach() is refused
//     with -EAGAIN while the kernel does not take them.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

#include "../sched/clock.h"
#include "../stack/cache_line.h"
#include "waiter.h"

namespace stackful::net {

class Layer;
class Poller;
using sched::Deadline;
using sched::kNoDeadline;

enum SocketFlag : uint32_t {
  // The next read would give EAGAIN: no edge has arrived since the last one came up short. kFull: the same
  // for writing.
  kDrained = 1 << 0,
  kFull = 1 << 1,
  kClosed = 1 << 2,
  // In the epoll set; done at the first wait, which short connections never reach.
  kRegistered = 1 << 3,
  // A coroutine is in the middle of a write. kBroken: one once gave up there.
  kWriteOwned = 1 << 4,
  kBroken = 1 << 5,
  // TCP only: a short read or write means drained or full (see epoll(7)). Cleared for good by hang-up, error
  // and urgent data, after which no new edge would follow a short read.
  kTrustShort = 1 << 6,
  kIsSocket = 1 << 7,  // recv and send rather than read and write
  kUnref = 1 << 8,     // waiting on it does not keep the host's loop alive
  kInUse = 1 << 9,     // the slot holds a socket
  // What the poller has heard of the peer: it sends no more (a FIN), or the connection is no more (a reset, an error, or
  // both directions are at their end). Known only of sockets in the epoll set.
  kPeerEnded = 1 << 10,
  kPeerGone = 1 << 11,
  kTellsHangUp = 1 << 12,  // those two are told, too: see Poller::tellHangUps
  kReadShut = 1 << 13,     // by shutdownRead: the end of the stream is not the peer's
  // Bytes pass through a Layer (see Poller::layerOf), and kIsSocket is off. kWireDrained is kDrained of the descriptor below
  // it, for its use alone: it may hold bytes while the descriptor has none.
  kLayered = 1 << 14,
  kWireDrained = 1 << 15,
  // Bytes wait in output.h to be sent first. kFlushError: it could not send some, which no call has been told.
  kBuffered = 1 << 16,
  kFlushError = 1 << 17,
  // Bytes of the stream are where the embedding keeps some: see letReaderLook.
  kLookAgain = 1 << 19,
  kIpv6 = 1 << 18,  // of a datagram socket: it takes IPv4 addresses only as IPv6 ones
};

// What `attach` is told about a descriptor.
enum class Kind : uint8_t { kTcp, kOtherSocket, kPipe, kDatagram };

// How much of a socket's owner is prefetched when its reader is woken, from the owner's first byte: what it needs then should
// lie there.
inline constexpr size_t kFetchedOfOwner = 3 * stack::kCacheLine;

// One cache line. Lives in the poller's table; the address is stable.
struct alignas(64) Socket {
  Poller* poller = nullptr;
  int32_t fd = -1;
  uint32_t flags = 0;
  uint32_t index = 0;       // in the poller's table
  uint32_t generation = 0;  // tells this socket from earlier ones with the same index
  WaiterList readers;
  WaiterList writers;     // woken by "writable": the owner of the write side, connect, select
  WaiterList writeQueue;  // waiting to become the owner
  uint32_t holds = 0;     // calls that have had to wait and are not over
  uint32_t parked = 0;    // coroutines parked right now; the next free index while the slot is free
  void* owner = nullptr;  // the embedding's own record, not read here: see kFetchedOfOwner

  bool closed() const noexcept { return flags & kClosed; }
  bool broken() const noexcept { return flags & kBroken; }
};
static_assert(sizeof(Socket) == 64);

// Takes ownership of a non-blocking descriptor. nullptr only when there is no memory (the descriptor stays
// open).
Socket* attach(Poller& poller, int fd, Kind kind) noexcept;

// 0 = end of stream.
ssize_t read(Socket& socket, void* buffer, size_t size, Deadline deadline = kNoDeadline) noexcept;
// Everything, or an error; returns the sum of the parts. Any number of parts.
ssize_t writeAll(Socket& socket, const iovec* parts, int count, Deadline deadline = kNoDeadline) noexcept;
ssize_t writeAll(Socket& socket, const void* data, size_t size, Deadline deadline = kNoDeadline) noexcept;
// At least one byte. After -ETIMEDOUT the next write has to begin with the same bytes: a layer may have sealed them.
ssize_t writeSome(Socket& socket, const void* data, size_t size, Deadline deadline = kNoDeadline) noexcept;
ssize_t writeSome(Socket& socket, const iovec* parts, int count, Deadline deadline = kNoDeadline) noexcept;
// At least one byte of file[offset, offset + length); 0 when the file ends before. Reads the file through the page cache
// and blocks the thread if it is not there: warm it first (disk::ensureCached).
ssize_t sendFileSome(Socket& socket, int file, int64_t offset, size_t length,
                     Deadline deadline = kNoDeadline) noexcept;

// From now on the socket's bytes pass through `layer`, which it owns. -ENOMEM: it does not, and the layer is the caller's.
int addLayer(Socket& socket, Layer* layer) noexcept;
// Sends the end of stream; reading goes on. Never parks. -ENOTCONN etc. as shutdown(2); -EAGAIN when a layer has to announce
// it first, and there is no room: then finishWriting is what waits.
int shutdownWrite(Socket& socket) noexcept;
// The same, behind what other coroutines are writing and what is put off, and with a wait for room. Outside a coroutine it does not
// wait: the end follows what is put off. May park.
int finishWriting(Socket& socket, Deadline deadline = kNoDeadline) noexcept;
// Waits until no other coroutine writes; at once outside a coroutine. 0 or a negative number. Parks.
int awaitWrites(Socket& socket) noexcept;
// What has arrived can still be read; behind it is the end of the stream, which wakes parked readers. Never parks.
int shutdownRead(Socket& socket) noexcept;
// Never parks, callable from the main stack.
void close(Socket* socket) noexcept;
// Gives the descriptor back, open and out of the epoll set.
int detach(Socket* socket) noexcept;
// Whether waiting on it keeps the host's loop alive (it does, to begin with).
void setKeepAlive(Socket& socket, bool keep) noexcept;

}  // namespace stackful::net
