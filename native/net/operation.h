// The shape of every operation on a socket: system call first; on EAGAIN enter the epoll set, join the
// waiters, park; again. waitOn is where they stop; only select
// (waitForAny) and a connect to a full Unix backlog park by themselves.
//
// Why no wakeup is lost: kDrained and kFull are set right after a system call came up short (transport.h) and cleared by
// the poller when an edge arrives. Both happen on this thread, so an edge older than the system call can only
// clear the flag too often (one superfluous call), and one that is younger is still in the epoll set and is
// seen by the next poll. Entering the epoll set late is the same case: EPOLL_CTL_ADD reports what is ready at
// that moment.
#pragma once

#include <cerrno>

#include "../sched/result_code.h"
#include "output.h"
#include "poller.h"
#include "transport.h"

namespace stackful::net {

// A call that had to wait holds the record, so that close() by another coroutine leaves it valid.
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
  return self ? self->interrupted() : kNotInCoroutine;
}

// Parks as a member of `list`: the last, or if it was woken before for nothing, the first. Only with a Hold.
int32_t waitOn(Socket& s, WaiterList& list, sched::ParkKind kind, Deadline deadline,
               bool again = false) noexcept;

// A read may have left something: the next reader looks for itself.
inline void passOn(Socket& s) noexcept {
  if (!s.readers.empty() && !drained(s)) wakeFirst(s.poller->scheduler(), s.readers);
}

// Bytes that a reader could have were received and are kept by the embedding: one of those that wait, or are about to, ends its
// readOperation with -EAGAIN, and looks there before the next one.
inline void letReaderLook(Socket& s) noexcept {
  s.flags |= kLookAgain;
  wakeFirst(s.poller->scheduler(), s.readers);
}

template <class Attempt>
[[gnu::noinline]] ssize_t readAfterWaiting(Socket& s, sched::ParkKind kind, Deadline deadline,
                                           Attempt& attempt) {
  Hold hold(s);
  ssize_t result;
  bool again = false;
  do {
    if (s.flags & kLookAgain) [[unlikely]] {
      s.flags &= ~kLookAgain;
      result = -EAGAIN;
      break;
    }
    result = waitOn(s, s.readers, kind, deadline, again);
    again = true;
    if (s.flags & kClosed) return -EBADF;
    if (result < 0) break;
    if (s.flags & kFlushError) return kFlushFailed;
    result = drained(s) || (s.flags & kLookAgain) ? -EAGAIN : attempt();
  } while (result == -EAGAIN);
  passOn(s);
  return result;
}

// `attempt()` makes the system call and returns its result or -errno; it sets kDrained as receive() does. Used for
// everything that waits for "readable". -EAGAIN only after letReaderLook.
template <class Attempt>
inline ssize_t readOperation(Socket& s, sched::ParkKind kind, Deadline deadline, Attempt attempt) {
  sched::Scheduler& scheduler = s.poller->scheduler();
  if (const int32_t code = refusal(scheduler)) return code;
  if (s.flags & (kClosed | kFlushError)) [[unlikely]]
    return s.flags & kClosed ? -EBADF : kFlushFailed;
  // With others waiting for what is there, take a place behind them.
  if (!drained(s) && s.readers.empty()) {
    const ssize_t n = attempt();
    if (n != -EAGAIN) {
      scheduler.charge();
      return n;
    }
  }
  return readAfterWaiting(s, kind, deadline, attempt);
}

// The write side: one owner at a time, from its first byte to its last.
bool ownWriteSide(Socket& s, Deadline deadline, ssize_t& error,
                  sched::ParkKind kind = sched::ParkKind::kSocketWrite) noexcept;
void disownWriteSide(Socket& s) noexcept;

inline constexpr uint32_t kUnwritable = kClosed | kBroken | kFlushError;
inline ssize_t unwritable(const Socket& s) noexcept {
  return s.flags & kClosed ? -EBADF : s.flags & kFlushError ? kFlushFailed : -EPIPE;
}

// `attempt()` writes more and returns the bytes, or -errno; it sets kFull as transmit() does; `left()` says whether
// something is still to be written; `sent` counts. Some: a caller that takes what it gets. When it gives up before anything
// counts, it goes on with the same bytes later, or makes no more of the socket; another call leaves nothing behind, or breaks it.
template <bool Some, class Attempt, class Left>
[[gnu::noinline]] ssize_t writeAfterWaiting(Socket& s, Deadline deadline, size_t& sent, Attempt& attempt,
                                            Left& left, sched::ParkKind kind) {
  Hold hold(s);
  sched::Scheduler& scheduler = s.poller->scheduler();
  ssize_t result = 0;
  // Bytes are out already: this call is the owner, no other write came in between.
  const bool owner = sent > 0;
  if (owner) {
    s.flags |= kWriteOwned;
  } else if (!ownWriteSide(s, deadline, result, kind)) {
    return result;
  }
  for (;;) {
    if (s.flags & kUnwritable) {
      result = unwritable(s);
      break;
    }
    result = s.flags & kFull ? -EAGAIN : s.flags & kBuffered ? flushNow(s) : 0;
    if (result == 0) result = attempt();
    if (result == -EAGAIN) {
      result = waitOn(s, s.writers, kind, deadline);
      if (result < 0) break;
      continue;
    }
    if (result < 0) break;
    sent += static_cast<size_t>(result);
    if (result == 0 || !left()) break;
    scheduler.charge();
  }
  if (result < 0 && (sent > 0 || (!Some && owes(s)))) s.flags |= kBroken;
  disownWriteSide(s);
  return result < 0 ? result : static_cast<ssize_t>(sent);
}

template <bool Some = false, class Attempt, class Left>
inline ssize_t writeOperation(Socket& s, Deadline deadline, Attempt attempt, Left left,
                              sched::ParkKind kind = sched::ParkKind::kSocketWrite) {
  sched::Scheduler& scheduler = s.poller->scheduler();
  if (const int32_t code = refusal(scheduler)) return code;
  if (s.flags & kUnwritable) return unwritable(s);
  size_t sent = 0;
  if (mayTransmit(s)) {
    const ssize_t n = attempt();
    if (n >= 0) {
      sent = static_cast<size_t>(n);
      if (n == 0 || !left()) {
        scheduler.charge();
        return n;
      }
    } else if (n != -EAGAIN) {
      return n;
    }
  }
  return writeAfterWaiting<Some>(s, deadline, sent, attempt, left, kind);
}

}  // namespace stackful::net
