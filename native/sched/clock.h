// Time as this project counts it: nanoseconds of CLOCK_MONOTONIC.
#pragma once

#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

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

// The machine's own counter: of no known unit, and for questions where a wrong answer does no harm, but it takes 10 ns where
// the clock takes 23.
inline uint64_t ticks() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  uint64_t count;
  asm volatile("mrs %0, cntvct_el0" : "=r"(count));
  return count;
#else
  return static_cast<uint64_t>(monotonicNow());
#endif
}

// At most as many of them as there are in `ns`: for as long as the clock is not measured.
inline uint64_t ticksIn(int64_t ns) noexcept {
#if defined(__aarch64__)
  uint64_t aSecond;
  asm volatile("mrs %0, cntfrq_el0" : "=r"(aSecond));
  return aSecond * static_cast<uint64_t>(ns) / 1'000'000'000;
#else
  return static_cast<uint64_t>(ns);  // no machine of ours counts slower than that
#endif
}

}  // namespace stackful::sched
