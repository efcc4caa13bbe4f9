// How long a response waits for a client that does not take it: so long as bytes leave at the slowest rate put up with.
// What counts is what the client's system has acknowledged, not what ours has accepted: between the two lie megabytes of
// buffers, which a client that never reads gets for nothing, and which a slow one needs minutes to empty.
#pragma once

#include <sys/ioctl.h>

#include <linux/sockios.h>

#include <algorithm>
#include <cstdint>

#include "../net/socket.h"
#include "coarse_clock.h"
#include "server.h"

namespace stackful::http {

// Has passed already: a call with it waits for one poll at most.
inline constexpr net::Deadline kAtOnce = 1;

class SendPatience {
 public:
  SendPatience(const Limits& limits, const net::Socket& socket) noexcept
      : limits_(limits),
        socket_(socket),
        queued_(queued()),
        end_(coarseNow() + milliseconds(limits.sendMs)) {}

  net::Deadline deadline() const noexcept { return end_; }
  void wrote(int64_t bytes) noexcept { queued_ += bytes; }
  // After the deadline: whether the client has taken enough meanwhile to get a new one. An enclosing timeout ends a
  // call in the same way; its coroutine will find that at the next one.
  bool renew() noexcept {
    const int64_t now = queued();
    const int64_t taken = queued_ - now;
    queued_ = now;
    const int64_t earned =
        std::min(timeFor(taken, limits_.slowestBytesPerSecond), milliseconds(limits_.sendMs));
    end_ = coarseNow() + earned;
    return earned > 0;
  }

 private:
  // Bytes on their way, not acknowledged.
  int64_t queued() const noexcept {
    int bytes = 0;
    return ioctl(socket_.fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
  }

  const Limits& limits_;
  const net::Socket& socket_;
  int64_t queued_;
  net::Deadline end_;
};

}  // namespace stackful::http
