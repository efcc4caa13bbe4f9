// Clocks that cost 5 ns instead of 20, because they are only as fine as the kernel's tick (1 to 10 ms): good
// enough for deadlines of seconds and for the Date field.
#pragma once

#include <time.h>

#include <cstdint>

namespace stackful::http {

// Comparable with sched::monotonicNow(), and at most a tick behind it.
inline int64_t coarseNow() noexcept {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

// Seconds since 1970.
inline int64_t coarseSeconds() noexcept {
  timespec t;
  clock_gettime(CLOCK_REALTIME_COARSE, &t);
  return t.tv_sec;
}

constexpr int64_t milliseconds(uint32_t ms) {
  return int64_t{ms} * 1'000'000;
}

// How long `bytes` may take at `bytesPerSecond`, in nanoseconds.
constexpr int64_t timeFor(int64_t bytes, uint32_t bytesPerSecond) {
  // Beyond, the product would overflow, and the answer is "for months".
  constexpr int64_t kMost = int64_t{1} << 33;
  return (bytes < kMost ? bytes : kMost) * 1'000'000'000 / (bytesPerSecond > 0 ? bytesPerSecond : 1);
}

}  // namespace stackful::http
