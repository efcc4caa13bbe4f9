#include "recent.h"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <ctime>

namespace stackful::disk {
namespace {

constexpr size_t kEntries = 1024;
constexpr uint64_t kMilliseconds = 1000;
// An entry: the time in the low bits, the rest of the path's hash above. Two paths of one hash share their fate.
constexpr uint64_t kTimeBits = 32;
constexpr uint64_t kTimeMask = (uint64_t{1} << kTimeBits) - 1;

// One word each, because every environment's thread and the pool's come here.
std::atomic<uint64_t> entries[kEntries];

uint64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  // Never 0, which an unused entry has.
  return (static_cast<uint64_t>(time.tv_sec) * 1000 + static_cast<uint64_t>(time.tv_nsec) / 1'000'000 +
          kMilliseconds + 1) &
         kTimeMask;
}

uint64_t hashOf(const char* path, Found what) {
  constexpr uint64_t kFactor = 0x9e3779b97f4a7c15;
  uint64_t hash = static_cast<uint64_t>(what) + 1;
  size_t length = strlen(path);
  for (; length >= 8; path += 8, length -= 8) {
    uint64_t word;
    memcpy(&word, path, 8);
    hash = (hash ^ word) * kFactor;
    hash ^= hash >> 32;
  }
  uint64_t rest = length;
  for (; length > 0; ++path, --length) rest = rest << 8 | static_cast<unsigned char>(*path);
  hash = (hash ^ rest) * kFactor;
  return hash ^ hash >> 29;
}

}  // namespace

bool wasCached(const char* path, Found what) noexcept {
  const uint64_t hash = hashOf(path, what);
  const uint64_t entry = entries[hash % kEntries].load(std::memory_order_relaxed);
  return (entry ^ hash) >> kTimeBits == 0 && ((now() - entry) & kTimeMask) < kMilliseconds;
}

void noteCached(const char* path, Found what) noexcept {
  const uint64_t hash = hashOf(path, what);
  entries[hash % kEntries].store((hash & ~kTimeMask) | now(), std::memory_order_relaxed);
}

}  // namespace stackful::disk
