// Time as this project counts it: nanoseconds of CLOCK_MONOTONIC.
#pragma once

#include <time.h>

#include <cstdint>

namespace stackful::sched {

// A moment in monotonic nanoseconds.
using Deadline = int64_t;
inline constexpr Deadline kNoDeadline = INT64_MAX;

inline int64_t monotonicNow() noexcept {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace stackful::sched
