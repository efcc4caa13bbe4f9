// What a parked coroutine waits for. Recorded as three numbers at every park, rendered only when a report
// asks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stackful::sched {

// The name of each is in park_reason.cc, in the same order. The JavaScript side passes them by number.
enum class ParkKind : uint8_t {
  kNone,
  kYield,
  kSleep,
  kJoin,
  kPromise,
  kChannelSend,
  kChannelReceive,
  kSelect,
  kMutex,
  kSemaphore,
  kReadLock,
  kWriteLock,
  kCondition,
  kEvent,
  kWaitGroup,
  kBarrier,
  kScope,
  kOffload,
  kSocketRead,
  kSocketWrite,
  kSocketAccept,
  kSocketConnect,
  kSocketReadable,
  kSocketWritable,
  kFileOpen,
  kFileRead,
  kFileWrite,
  kFileClose,
  kFileStat,
  kFileDirectory,
  kFileOther,
  kLookup,
  kChild,
  kWorker,
  kFiber,
  kOther,
  kFileSync,
  kModule,
  kChildStart,
  kTlsHandshake,
  kSocketPipe,
  kDatagramReceive,
  kDatagramSend,
  kSoftTimer,
  kCount,
};

struct Reason {
  ParkKind kind = ParkKind::kOther;
  int32_t fd = -1;     // the descriptor waited for, or -1
  int64_t number = 0;  // kSleep, kSoftTimer: nanoseconds; kJoin, kPromise, ...: an id; 0 = nothing to say
};

const char* parkKindName(ParkKind kind) noexcept;

// "socket.read fd=12", "sleep 20ms", "join #7". Writes at most `size` bytes including the final zero; returns
// the length. The peer's address is not known down here: net::describeParked adds it.
size_t describe(const Reason& reason, char* out, size_t size) noexcept;

}  // namespace stackful::sched
