#include "readiness.h"

#include <poll.h>

#include "layer.h"

namespace stackful::net {

int isReady(Socket& s, bool write) noexcept {
  if (s.flags & kClosed) return -EBADF;
  const uint32_t used = write ? kFull : kDrained;
  // Outside the epoll set no edge takes the flag back.
  const bool watched = s.flags & kRegistered;
  if (watched && (s.flags & used)) return 0;
  if ((s.flags & kLayered) && !write) {
    if (!watched) s.flags &= ~(kDrained | kWireDrained);
    return s.poller->layerOf(s)->isReadable(s);
  }
  pollfd p{s.fd, static_cast<short>(write ? POLLOUT : POLLIN | POLLRDHUP), 0};
  if (::poll(&p, 1, 0) > 0) return 1;
  if (watched) s.flags |= used;
  return 0;
}

int32_t waitForAny(sched::Scheduler& scheduler, Side* sides, size_t count, Deadline deadline,
                   sched::Reason reason) noexcept {
  bool keepAlive = deadline != kNoDeadline;
  for (size_t i = 0; i < count; ++i) {
    Socket& s = *sides[i].socket;
    if (s.flags & kClosed) return 0;
    if (!(s.flags & kRegistered)) {
      if (const int error = s.poller->enroll(s)) return error;
    }
    if (!(s.flags & kUnref)) keepAlive = true;
  }
  for (size_t i = 0; i < count; ++i) {
    Side& side = sides[i];
    ++side.socket->holds;
    ++side.socket->parked;
    side.waiter.coroutine = scheduler.running();
    (side.write ? side.socket->writers : side.socket->readers).pushBack(side.waiter);
  }
  if (!keepAlive) scheduler.adjustExternalWaits(-1);
  const int32_t code = scheduler.parkUntil(reason, deadline);
  if (!keepAlive) scheduler.adjustExternalWaits(1);
  for (size_t i = 0; i < count; ++i) {
    Socket& s = *sides[i].socket;
    --s.parked;
    (sides[i].write ? s.writers : s.readers).remove(sides[i].waiter);
    // What woke this coroutine may be meant for one that reads; this one may choose another case.
    if (!s.closed() && !sides[i].write) passOn(s);
    if (--s.holds == 0 && s.closed()) s.poller->recycle(s);
  }
  return code == -EBADF ? 0 : code;
}

}  // namespace stackful::net
