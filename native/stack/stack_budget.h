// The process's budget for stack memory, and how much of it is used: resident pages of stacks plus their records, of the
// pools of all threads. A page counts from when its stack is handed out or, deeper ones, from when a look at the stack
// found it (StackTrimmer), so the sum lags behind a stack that is just growing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace stackful::stack {

class StackBudget {
 public:
  static size_t limit() noexcept { return limit_.load(std::memory_order_relaxed); }
  static void setLimit(size_t bytes) noexcept { limit_.store(bytes, std::memory_order_relaxed); }
  static size_t used() noexcept { return used_.load(std::memory_order_relaxed); }
  static bool allows(size_t moreBytes) noexcept { return used() + moreBytes <= limit(); }
  // `bytes` may be negative.
  static void add(ptrdiff_t bytes) noexcept {
    used_.fetch_add(static_cast<size_t>(bytes), std::memory_order_relaxed);
  }

 private:
  static inline std::atomic<size_t> limit_{SIZE_MAX / 2};
  static inline std::atomic<size_t> used_{0};
};

}  // namespace stackful::stack
