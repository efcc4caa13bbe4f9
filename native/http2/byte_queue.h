// Bytes that wait between a stream's frames and the coroutine that reads or writes them.
#pragma once

#include <cstddef>

namespace stackful::http2 {

// Bytes that come in at one end and leave at the other.
class ByteQueue {
 public:
  ByteQueue() = default;
  ~ByteQueue();
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;

  size_t size() const noexcept { return end_ - start_; }
  const char* data() const noexcept { return bytes_ + start_; }
  // Room for `n` bytes behind the others, or null without memory. append() says how many of them were used.
  char* reserve(size_t n) noexcept;
  void append(size_t n) noexcept { end_ += n; }
  bool append(const void* data, size_t n) noexcept;
  // Empty, it holds no memory.
  void remove(size_t n) noexcept;
  // All of it at once, as memory of malloc's, which is the caller's now. Only while nothing was removed.
  char* release() noexcept;
  bool untouched() const noexcept { return start_ == 0; }

 private:
  char* bytes_ = nullptr;
  size_t start_ = 0;
  size_t end_ = 0;
  size_t capacity_ = 0;
};

}  // namespace stackful::http2
