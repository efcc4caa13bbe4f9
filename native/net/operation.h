// The shape of every operation on a socket: system call first; on EAGAIN enter the epoll set, join the
// waiters, park; again. waitOn is the only place in net/ where a coroutine stops.
//
// Why no wakeup is lost: kDrained and kFull are set right after a system call came up short and cleared by
// the poller when an edge arrives. Both happen on this thread, so an edge older than the system call can only
// clear the flag too often (one superfluous call), and one that is younger is still in the epoll set and is
// seen by the next poll. Entering the epoll set late is the same case: EPOLL_CTL_ADD reports what is ready at
// that moment.
#pragma once

#include <cerrno>

#include "poller.h"

namespace stackful::net {

// A call that had to wait holds the record, so that close() by somebody else leaves it valid.
class Hold {
 public:
  explicit Hold(Socket& s) noexcept : socket_(s) { ++s.holds; }
  ~Hold() {
    if (--socket_.holds == 0 && socket_.closed()) socket_.poller->recycle(socket_);
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

 private:
  Socket& socket_;
};

inline bool wakeFirst(sched::Scheduler& scheduler, WaiterList& list) noexcept {
  // Some may have been woken by a timer or a cancellation and just not have run yet.
  while (Waiter* w = list.pop()) {
    if (scheduler.wake(w->coroutine, 0)) return true;
  }
  return false;
}

inline void wakeAll(sched::Scheduler& scheduler, WaiterList& list, int32_t code) noexcept {
  while (Waiter* w = list.pop()) scheduler.wake(w->coroutine, code);
}

// Why an operation must not even begin, or 0.
inline int32_t refusal(sched::Scheduler& scheduler) noexcept {
  const sched::Coroutine* self = scheduler.running();
  return self ? self->interrupted() : sched::kNotInCoroutine;
}

// Parks as a member of `list`: the last, or if it was woken before for nothing, the first. Only with a Hold.
int32_t waitOn(Socket& s, WaiterList& list, sched::ParkKind kind, Deadline deadline,
               bool again = false) noexcept;

// Whoever has read may have left something: the next reader looks for itself.
inline void passOn(Socket& s) noexcept {
  if (!s.readers.empty() && !(s.flags & kDrained)) wakeFirst(s.poller->scheduler(), s.readers);
}

template <class Attempt>
[[gnu::noinline]] ssize_t readAfterWaiting(Socket& s, sched::ParkKind kind, Deadline deadline,
                                           Attempt& attempt) {
  Hold hold(s);
  ssize_t result;
  bool again = false;
  do {
    result = waitOn(s, s.readers, kind, deadline, again);
    again = true;
    if (s.flags & kClosed) return -EBADF;
    if (result < 0) break;
    result = -EAGAIN;
    if (s.flags & kDrained) continue;
    result = attempt();
    if (result == -EAGAIN) s.flags |= kDrained;
  } while (result == -EAGAIN);
  passOn(s);
  return result;
}

// `attempt()` makes the system call and returns its result or -errno. Used for everything that waits for
// "readable".
template <class Attempt>
inline ssize_t readOperation(Socket& s, sched::ParkKind kind, Deadline deadline, Attempt attempt) {
  sched::Scheduler& scheduler = s.poller->scheduler();
  if (const int32_t code = refusal(scheduler)) return code;
  if (s.flags & kClosed) return -EBADF;
  // With others waiting for what is there, take a place behind them.
  if (!(s.flags & kDrained) && s.readers.empty()) {
    const ssize_t n = attempt();
    if (n != -EAGAIN) {
      scheduler.chargeIo();
      return n;
    }
    s.flags |= kDrained;
  }
  return readAfterWaiting(s, kind, deadline, attempt);
}

// The write side: one owner at a time, from its first byte to its last.
bool ownWriteSide(Socket& s, Deadline deadline, ssize_t& error) noexcept;
void disownWriteSide(Socket& s) noexcept;

// `attempt()` writes more and returns the bytes, or -errno; it sets kFull when it knows; `left()` says what
// is still to be written; `sent` counts.
template <class Attempt, class Left>
[[gnu::noinline]] ssize_t writeAfterWaiting(Socket& s, Deadline deadline, size_t& sent, Attempt& attempt,
                                            Left& left) {
  Hold hold(s);
  sched::Scheduler& scheduler = s.poller->scheduler();
  ssize_t result = 0;
  // Bytes are out already: this call is the owner, nobody came in between.
  const bool owner = sent > 0;
  if (owner) {
    s.flags |= kWriteOwned;
  } else if (!ownWriteSide(s, deadline, result)) {
    return result;
  }
  for (;;) {
    if (s.flags & (kClosed | kBroken)) {
      result = s.flags & kClosed ? -EBADF : -EPIPE;
      break;
    }
    if (s.flags & kFull) {
      result = waitOn(s, s.writers, sched::ParkKind::kSocketWrite, deadline);
      if (result < 0) break;
      continue;
    }
    result = attempt();
    if (result == -EAGAIN) {
      s.flags |= kFull;
      continue;
    }
    if (result < 0) break;
    sent += static_cast<size_t>(result);
    if (result == 0 || !left()) break;
    scheduler.chargeIo();
  }
  if (result < 0 && sent > 0) s.flags |= kBroken;
  disownWriteSide(s);
  return result < 0 ? result : static_cast<ssize_t>(sent);
}

template <class Attempt, class Left>
inline ssize_t writeOperation(Socket& s, Deadline deadline, Attempt attempt, Left left) {
  sched::Scheduler& scheduler = s.poller->scheduler();
  if (const int32_t code = refusal(scheduler)) return code;
  if (s.flags & (kClosed | kBroken)) return s.flags & kClosed ? -EBADF : -EPIPE;
  size_t sent = 0;
  if (!(s.flags & (kFull | kWriteOwned))) {
    const ssize_t n = attempt();
    if (n >= 0) {
      sent = static_cast<size_t>(n);
      if (n == 0 || !left()) {
        scheduler.chargeIo();
        return n;
      }
    } else if (n == -EAGAIN) {
      s.flags |= kFull;
    } else {
      return n;
    }
  }
  return writeAfterWaiting(s, deadline, sent, attempt, left);
}

}  // namespace stackful::net
