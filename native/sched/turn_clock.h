// Tells the scheduler when to look at the clock, so that neither many short turns pay for it nor a few long ones are missed.
//
// Every kLookEvery-th turn looks at the machine's counter (10 ns), and the clock (23 ns) is due when that shows that
// kDueNs have passed, or after kCheckEvery turns. Where turns take long every one of them looks, and does for kWary looks
// after one that did: turns that take long come in groups. The first looks of a batch come after fewer, so that what has
// just been woken is soon known for what it is.
//
// While a soft timer (soft_timers.h) is due within kNearNs every turn looks, and the look tells whether it is due; otherwise such
// timers cost a comparison a look.
#pragma once

#include <algorithm>
#include <cstdint>

#include "clock.h"

namespace stackful::sched {

class TurnClock {
 public:
  static constexpr uint32_t kCheckEvery = 64;
  static constexpr uint32_t kLookEvery = 32, kFirstLook = 4;
  static constexpr int64_t kLongNs = 250'000, kDueNs = kLongNs / 4;
  static constexpr uint32_t kWary = 8;
  static constexpr int64_t kNearNs = 1'000'000;

  // A turn is over: whether it is time for a look.
  bool count() noexcept { return --untilLook_ == 0; }

  // The look: whether the clock is due. If so, note() has to follow.
  bool look() noexcept {
    const uint64_t now = ticks();
    turns_ += span_;
    // A counter that has gone back, on another core, gives a huge difference: the clock is asked too often, no more.
    if (now - looked_ >= longTicks_ / 4) {
      step_ = 1;
      wary_ = kWary;
    } else if (wary_ > 0) {
      --wary_;
    } else {
      step_ = std::min(step_ * 2, kLookEvery);
    }
    looked_ = now;
    lookAfterSpan();
    return now - noted_ >= longTicks_ / 4 || turns_ >= kCheckEvery;
  }

  // The clock has been read, and a turn begins.
  void note(int64_t nowNs) noexcept {
    const uint64_t now = ticks();
    // What a tick is, from the first two readings that lie far enough apart.
    if (!calibrated_ && firstNs_ != 0 && nowNs - firstNs_ >= 2'000'000) {
      const uint64_t perLong = (now - first_) / static_cast<uint64_t>((nowNs - firstNs_) / kLongNs);
      if (perLong > 0 && perLong < longTicks_ * 100) longTicks_ = perLong;
      calibrated_ = true;
    } else if (firstNs_ == 0) {
      firstNs_ = nowNs;
      first_ = now;
    }
    noted_ = looked_ = now;
    turns_ = 0;
    if (softNext_ - nowNs <= kNearNs || isNear()) [[unlikely]]
      approach(nowNs);
    lookAfterSpan();
  }

  // The next soft timer is due at `next`, or there is none. It is `nowNs` now.
  void expectSoft(Deadline next, int64_t nowNs) noexcept {
    softNext_ = next;
    approach(nowNs);
    if (!isNear()) return;
    span_ -= untilLook_ - 1;
    untilLook_ = 1;
  }
  Deadline softNext() const noexcept { return softNext_; }
  // Whether it is due now.
  bool softIsDue() const noexcept { return isNear() && ticks() >= softDue_; }
  // Whether the last look found that it is due.
  bool softDue() const noexcept { return looked_ >= softDue_; }

  // A batch begins, and note() follows.
  void begin() noexcept { step_ = std::min(step_, kFirstLook); }

  // The next turn's end asks the clock, whatever the counter says.
  void checkNext() noexcept {
    untilLook_ = 1;
    turns_ = kCheckEvery;
  }

  // How many times kLongNs have passed since the last look.
  uint64_t longSpansSinceLook() const noexcept { return (ticks() - looked_) / longTicks_; }

 private:
  bool isNear() const noexcept { return softDue_ != UINT64_MAX; }
  void approach(int64_t nowNs) noexcept {
    const int64_t left = std::max<int64_t>(softNext_ - nowNs, 0);
    softDue_ = left > kNearNs ? UINT64_MAX : ticks() + static_cast<uint64_t>(left) * longTicks_ / kLongNs;
  }
  void lookAfterSpan() noexcept { untilLook_ = span_ = isNear() ? 1 : step_; }

  uint32_t untilLook_ = kLookEvery;
  uint32_t span_ = kLookEvery;  // what untilLook_ counted from
  uint32_t step_ = kLookEvery;  // turns until the next look
  uint32_t wary_ = 0;           // looks that are not followed by fewer
  uint32_t turns_ = 0;          // since the clock was read
  bool calibrated_ = false;
  // In kLongNs; too few until calibrated, so that the clock is asked a little early.
  uint64_t longTicks_ = ticksIn(kLongNs);
  uint64_t looked_ = 0;
  uint64_t noted_ = 0;
  uint64_t first_ = 0;
  int64_t firstNs_ = 0;
  Deadline softNext_ = kNoDeadline;
  uint64_t softDue_ =
      UINT64_MAX;  // the same on the machine's counter, or a little before; only while it is near
};

}  // namespace stackful::sched
