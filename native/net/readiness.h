// Waiting for several sockets at once, and asking one without waiting: what `select` is made of.
#pragma once

#include "operation.h"

namespace stackful::net {

// One direction of one socket, of several that a coroutine waits for.
struct Side {
  Socket* socket = nullptr;
  bool write = false;
  Waiter waiter;
};

// Whether a read (a write) would not block, end of stream and errors included: 1 or 0; -EBADF once closed. Consumes
// nothing, never parks.
int isReady(Socket& socket, bool write) noexcept;

// Parks until one of the sides may be ready (0), or whatever else wakes the coroutine or ends the wait; a socket that is
// closed meanwhile counts as ready.
int32_t waitForAny(sched::Scheduler& scheduler, Side* sides, size_t count, Deadline deadline,
                   sched::Reason reason = {sched::ParkKind::kSelect, -1, 0}) noexcept;

}  // namespace stackful::net
