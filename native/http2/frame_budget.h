// How many frames a peer may send that are part of no message: each costs one, time and what it gets done earn more.
#pragma once

#include <algorithm>
#include <cstdint>

#include "../http/coarse_clock.h"

namespace stackful::http2 {

class FrameBudget {
 public:
  void begin(uint32_t frames, uint32_t perSecond) noexcept {
    most_ = left_ = frames * kFrame;
    perSecond_ = perSecond;
    at_ = http::coarseNow();
  }
  void earn(int64_t frames) noexcept { left_ += frames * kFrame; }
  // False when it is spent.
  bool spend() noexcept {
    const int64_t now = http::coarseNow();
    const int64_t elapsed = std::min(now - at_, kMostRefillNs);
    at_ = now;
    left_ += elapsed / 1000 * perSecond_;
    left_ = std::min(left_, most_) - kFrame;
    return left_ >= 0;
  }

 private:
  static constexpr int64_t kFrame = 1'000'000;
  static constexpr int64_t kMostRefillNs = int64_t{3600} * 1'000'000'000;

  int64_t left_ = 0;
  int64_t most_ = 0;
  int64_t perSecond_ = 0;
  int64_t at_ = 0;  // when it was last refilled
};

}  // namespace stackful::http2
