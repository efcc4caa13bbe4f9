// Clients that leave while a request of theirs is under way.
//
// What is known of such a client, and what follows:
//
//   here                  nothing else is known
//   here  -> ended        its FIN: it sends no more. It may have left, or only half-closed the connection and wait for the
//                         answer; until something is sent to it, that is not known. Told at once. From then on it has
//                         limits.halfCloseMs, and as much again whenever something was sent or received meanwhile, or a
//                         call waits for the socket, which has limits of its own: a client that has left answers with a reset.
//   here, ended -> gone   a reset; or that time is over. Told at once: the answer has no reader.
//
// With the next request on the connection an ended client is as it was when it ended: its time begins anew.
//
// "Told" means put on the server's list, and the coroutine that waits for that (see Departures) is woken: the poller finds
// these things out in the middle of a poll, where nothing else may be done.
#pragma once

#include <cstdint>

#include "../sched/scheduler.h"

namespace stackful::http {

class Connection;

// Made for a connection when its client leaves, and kept until the connection goes.
struct Departure : sched::Timer {
  explicit Departure(Connection& c) noexcept : connection(c) {}

  Connection& connection;
  Departure* after = nullptr;  // on the list; null while it is told, or there is nothing to tell
  Departure* before = nullptr;
  uint16_t moves = 0;  // of the connection, when the time began
  bool gone = false;   // else only ended
};

// Those that have not been told yet, and the coroutine that is to hear of them.
class Departures {
 public:
  bool empty() const noexcept { return first_ == nullptr; }

  // Does no more than update it when it is on the list already.
  void add(Departure& d) noexcept {
    if (!d.after) {
      if (first_) {
        d.after = first_;
        d.before = first_->before;
        d.before->after = first_->before = &d;
      } else {
        first_ = d.after = d.before = &d;
      }
    }
    if (waiter_) scheduler_->wake(waiter_, kClientLeft);
  }

  // The one that left first, or nullptr.
  Departure* take() noexcept {
    Departure* d = first_;
    if (d) remove(*d);
    return d;
  }

  // Does nothing to one that is not on the list.
  void remove(Departure& d) noexcept {
    if (!d.after) return;
    if (d.after == &d) {
      first_ = nullptr;
    } else {
      d.before->after = d.after;
      d.after->before = d.before;
      if (first_ == &d) first_ = d.after;
    }
    d.after = d.before = nullptr;
  }

  // While one lives, the running coroutine is woken with kClientLeft, whatever it is parked on.
  class Waiting {
   public:
    Waiting(Departures& departures, sched::Scheduler& scheduler) noexcept : departures_(departures) {
      departures.scheduler_ = &scheduler;
      departures.waiter_ = scheduler.running();
    }
    ~Waiting() { departures_.waiter_ = nullptr; }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    Departures& departures_;
  };

 private:
  Departure* first_ = nullptr;
  sched::Coroutine* waiter_ = nullptr;
  sched::Scheduler* scheduler_ = nullptr;  // while there is a waiter
};

}  // namespace stackful::http
