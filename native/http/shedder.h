// Which requests are refused because the server cannot keep up: those that have waited too long for their turn, while
// there is a standing queue. It is one when over a whole interval no request got its turn within the target: the
// criterion of CoDel (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue, 2012), which a burst or a pause for
// garbage collection does not meet. What is done then is not CoDel's: its drops grow slowly, for senders that slow down
// when they see one. Clients of a server do not, so everything beyond the target is refused, as in "Fail at Scale"
// (Maurer, ACM Queue, 2015), until an interval has passed in which nothing was.
#pragma once

#include <algorithm>
#include <cstdint>

namespace stackful::http {

class Shedder {
 public:
  // Nanoseconds; a target of 0 refuses nothing.
  Shedder(int64_t target, int64_t interval) noexcept : target_(target), interval_(interval) {}

  bool enabled() const noexcept { return target_ > 0; }

  // Whether to refuse a request that has waited `delay` for its turn.
  bool refuses(int64_t now, int64_t delay) noexcept {
    if (now >= end_) beginInterval(now);
    least_ = std::min(least_, delay);
    if (delay <= target_) return false;
    exceeded_ = true;
    return shedding_;
  }

 private:
  void beginInterval(int64_t now) noexcept {
    // Without requests for longer than an interval there was no queue either.
    const bool idle = now >= end_ + interval_;
    shedding_ = !idle && exceeded_ && (shedding_ || least_ > target_);
    exceeded_ = false;
    least_ = INT64_MAX;
    end_ = now + interval_;
  }

  const int64_t target_;
  const int64_t interval_;
  int64_t end_ = 0;            // of the interval
  int64_t least_ = INT64_MAX;  // delay in it
  bool exceeded_ = false;      // some delay was beyond the target
  bool shedding_ = false;
};

}  // namespace stackful::http
