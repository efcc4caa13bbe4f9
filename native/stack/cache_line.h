// Memory that begins with a cache line, for what the kernel copies into: to what begins inside of one it copies 13 % slower.
// 8 KiB of a cached file took 421 ns instead of 366; reading a message of 4 KiB and writing it back, on both ends of a
// socket, 5.8 us instead of 5.7. Of malloc's small blocks three in four begin inside of one, of its large ones all.
#pragma once

#include <cstddef>
#include <cstdlib>

namespace stackful::stack {

inline constexpr size_t kCacheLine = 64;

// To be given back by free(). nullptr when there is no memory.
inline char* allocateLines(size_t bytes) noexcept {
  return static_cast<char*>(aligned_alloc(kCacheLine, (bytes + kCacheLine - 1) / kCacheLine * kCacheLine));
}

}  // namespace stackful::stack
