// A binary heap of shares, the one with the earliest virtual time on top. Each share knows its place, so that it can be moved.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "share.h"

namespace stackful::sched {

template <VirtualTime (Share::*kTime)() const noexcept, uint32_t Share::*kPlace>
class ShareHeap {
 public:
  bool empty() const noexcept { return shares_.empty(); }
  Share* top() const noexcept { return shares_.empty() ? nullptr : shares_.front(); }
  // As they are in the heap: each one is not later than those at twice its place and one, and two, more.
  const std::vector<Share*>& all() const noexcept { return shares_; }

  void add(Share& share) noexcept {
    share.*kPlace = static_cast<uint32_t>(shares_.size());
    shares_.push_back(&share);
    rise(share.*kPlace);
  }

  void remove(Share& share) noexcept {
    const uint32_t at = share.*kPlace;
    swap(at, static_cast<uint32_t>(shares_.size() - 1));
    shares_.pop_back();
    if (at < shares_.size()) settle(at);
  }

  // Its time has changed.
  void moved(Share& share) noexcept { settle(share.*kPlace); }

 private:
  bool earlier(uint32_t one, uint32_t other) const noexcept {
    return (shares_[one]->*kTime)() - (shares_[other]->*kTime)() < 0;
  }
  void swap(uint32_t one, uint32_t other) noexcept {
    std::swap(shares_[one], shares_[other]);
    shares_[one]->*kPlace = one;
    shares_[other]->*kPlace = other;
  }
  uint32_t rise(uint32_t at) noexcept {
    for (; at > 0 && earlier(at, (at - 1) / 2); at = (at - 1) / 2) swap(at, (at - 1) / 2);
    return at;
  }
  void settle(uint32_t at) noexcept {
    at = rise(at);
    for (;;) {
      uint32_t first = at;
      for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < shares_.size(); ++child) {
        if (earlier(child, first)) first = child;
      }
      if (first == at) return;
      swap(at, first);
      at = first;
    }
  }

  std::vector<Share*> shares_;
};

}  // namespace stackful::sched
