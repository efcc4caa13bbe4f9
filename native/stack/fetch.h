// Prefetches a cache line. Any address will do.
//
// Assembly, because GCC takes an inline function that does nothing but __builtin_prefetch for one without effects, and
// leaves out the calls to it.
#pragma once

#include <cstddef>

#include "cache_line.h"

namespace stackful::stack {

inline void fetch(const void* address) noexcept {
#if defined(__x86_64__)
  asm volatile("prefetcht0 (%0)" : : "r"(address));
#elif defined(__aarch64__)
  asm volatile("prfm pldl1keep, [%0]" : : "r"(address));
#endif
}

// The lines of a range, counted from its first byte.
inline void fetch(const char* from, size_t bytes) noexcept {
  for (size_t i = 0; i < bytes; i += kCacheLine) fetch(from + i);
}

}  // namespace stackful::stack
