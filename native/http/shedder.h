// Which requests are refused because the server cannot keep up: those that have waited too long for their turn, while
// there is a standing queue. It is one when for a whole interval every request that got its turn had waited longer than
// half the target, in a queue that was never empty: a criterion on the least delay, as in CoDel (Nichols and Jacobson,
// "Controlling Queue Delay", ACM Queue, 2012), which bursts, lost time slices and pauses for garbage collection do not
// meet. What is done then is not CoDel's: its drops grow slowly, for senders that slow down when they see one. Clients of
// a server do not, so everything beyond the target is refused at once, as in "Fail at Scale" (Maurer, ACM Queue, 2015).
// The first request that has waited half the target or less ends it. Half, because while requests are refused, those
// that are answered have waited for just about the target: with one threshold for both, the first of them would end it,
// and the queue would grow for another interval.
#pragma once

#include <cstdint>

namespace stackful::http {

class Shedder {
 public:
  // Nanoseconds; a target of 0 refuses nothing.
  Shedder(int64_t target, int64_t interval) noexcept : target_(target), interval_(interval) {}

  bool enabled() const noexcept { return target_ > 0; }

  // Whether to refuse a request that got its turn at `now` and has waited `delay` for it. To be asked about every request
  // that was in the queue, in the order of their turns.
  bool refuses(int64_t now, int64_t delay) noexcept {
    // It came after the one before it had got its turn: so it waited for that one, or for a pause.
    const bool queueWasEmpty = now - delay > lastTurn_;
    lastTurn_ = now;
    if (queueWasEmpty || delay <= target_ / 2) {
      shedding_ = false;
      standingSince_ = now;
      return false;
    }
    shedding_ = shedding_ || now - standingSince_ >= interval_;
    return shedding_ && delay > target_;
  }

 private:
  const int64_t target_;
  const int64_t interval_;
  int64_t lastTurn_ = -1;
  int64_t standingSince_ = 0;  // the last turn that showed the queue to be short
  bool shedding_ = false;
};

}  // namespace stackful::http
