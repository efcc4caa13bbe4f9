// Buffers of one size, lent to connections while they have something in them: a thousand idle ones share few.
#pragma once

#include <cstddef>

#include "../stack/cache_line.h"

namespace stackful::http {

// Not thread-safe: one pool per environment.
class BufferPool {
 public:
  explicit BufferPool(size_t bufferBytes) noexcept : bufferBytes_(bufferBytes) {}
  // Frees the lent ones too: at the end of an environment, coroutines that hold some are forgotten where they
  // stand.
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // The one given back last, because it is still in the cache. nullptr when there is no memory.
  char* take() noexcept;
  void give(char* buffer) noexcept;

  size_t bufferBytes() const noexcept { return bufferBytes_; }
  // For tests: counts those that were not given back.
  size_t lent() const noexcept;

 private:
  // In front of every buffer.
  struct alignas(stack::kCacheLine) Link {
    Link* next;
    Link* prev;
  };
  static void freeAll(Link*& first) noexcept;

  static constexpr size_t kMostFree = 256;

  Link* firstFree_ = nullptr;
  Link* firstLent_ = nullptr;
  size_t free_ = 0;
  const size_t bufferBytes_;
};

}  // namespace stackful::http
