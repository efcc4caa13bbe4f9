#include "operation.h"

namespace stackful::net {

using sched::ParkKind;
using sched::Scheduler;

int32_t waitOn(Socket& s, WaiterList& list, ParkKind kind, Deadline deadline, bool again) noexcept {
  if (!(s.flags & kRegistered)) {
    if (const int error = s.poller->enroll(s)) return error;
  }
  Scheduler& scheduler = s.poller->scheduler();
  Waiter waiter;
  waiter.coroutine = scheduler.running();
  if (again) {
    list.pushFront(waiter);
  } else {
    list.pushBack(waiter);
  }
  ++s.parked;
  if (s.flags & kUnref) scheduler.adjustExternalWaits(-1);
  const int32_t code = scheduler.parkUntil({kind, s.fd, 0}, deadline);
  // setKeepAlive may have changed it, and the count, meanwhile.
  if (s.flags & kUnref) scheduler.adjustExternalWaits(1);
  --s.parked;
  list.remove(waiter);
  return code;
}

bool ownWriteSide(Socket& s, Deadline deadline, ssize_t& error, ParkKind kind) noexcept {
  if (!(s.flags & kWriteOwned)) {
    s.flags |= kWriteOwned;
    return true;
  }
  error = waitOn(s, s.writeQueue, kind, deadline);
  // Woken with 0, the side was handed over: kWriteOwned has stayed set, for us.
  return error >= 0;
}

void disownWriteSide(Socket& s) noexcept {
  if (!wakeFirst(s.poller->scheduler(), s.writeQueue)) s.flags &= ~kWriteOwned;
}

}  // namespace stackful::net
