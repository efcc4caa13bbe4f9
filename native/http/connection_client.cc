// Connection's part that watches the client while it waits for its answer; see departure.h.
#include <errno.h>

#include <new>

#include "../net/poller.h"
#include "coarse_clock.h"
#include "connection.h"

namespace stackful::http {

// A request has begun on a socket that is not in the epoll set, or whose peer has ended its stream already.
[[gnu::noinline]] void Connection::watchClient() noexcept {
  if (socket_.flags & net::kRegistered) return clientLeft();
  // The first request came before its connection had to wait. Most such are over before the batch is, and a system call
  // for each would be 3 % of what they cost.
  if (!watch_.waiting()) socket_.poller->endOfBatch().add(watch_);
}

void Connection::watchLate(net::EndOfBatch::Task* task) noexcept {
  net::Socket& socket = static_cast<Watch*>(task)->connection.socket_;
  // A failure to watch the client is noticed by the next call that has to wait.
  if (!(socket.flags & (net::kRegistered | net::kClosed))) socket.poller->enroll(socket);
}

void Connection::hungUp() noexcept {
  // Outside of requests, the next read or write meets it.
  if (underWay()) clientLeft();
}

void Connection::clientLeft() noexcept {
  if (!departure_) {
    departure_ = new (std::nothrow) Departure(*this);
    if (!departure_) {
      fail(-ENOMEM);
      return;
    }
    departure_->fire = timeIsOver;
  }
  departure_->gone = socket_.flags & net::kPeerGone;
  if (!departure_->gone) giveTime();
  server_.departures.add(*departure_);
}

void Connection::giveTime() noexcept {
  sched::Timers& timers = socket_.poller->scheduler().timers();
  timers.cancel(*departure_);
  departure_->moves = moves_;
  timers.insert(*departure_, coarseNow() + milliseconds(server_.limits.halfCloseMs));
}

void Connection::timeIsOver(sched::Timer* timer) noexcept {
  auto* departure = static_cast<Departure*>(timer);
  Connection& self = departure->connection;
  if (!self.underWay()) return;
  if (departure->moves != self.moves_ || self.socket_.holds > 0) return self.giveTime();
  departure->gone = true;
  self.server_.departures.add(*departure);
}

void Connection::forgetClient() noexcept {
  if (watch_.waiting()) socket_.poller->endOfBatch().remove(watch_);
  if (!departure_) return;
  server_.departures.remove(*departure_);
  if (departure_->armed()) socket_.poller->scheduler().timers().cancel(*departure_);
  delete departure_;
  departure_ = nullptr;
}

void Connection::forgetTimers() noexcept {
  idle_.forget();
  if (departure_) departure_->next = departure_->prev = nullptr;
}

}  // namespace stackful::http
