#include "byte_queue.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace stackful::http2 {

ByteQueue::~ByteQueue() {
  std::free(bytes_);
}

char* ByteQueue::reserve(size_t n) noexcept {
  constexpr size_t kLeast = 256;
  if (capacity_ - end_ >= n && bytes_) return bytes_ + end_;
  if (start_ > 0) {
    std::memmove(bytes_, bytes_ + start_, size());
    end_ -= start_;
    start_ = 0;
  }
  if (capacity_ - end_ < n) {
    // The first time as much as is asked for: most are filled once.
    const size_t wanted = std::max({end_ + n, capacity_ * 2, kLeast});
    auto* grown = static_cast<char*>(std::realloc(bytes_, wanted));
    if (!grown) return nullptr;
    bytes_ = grown;
    capacity_ = wanted;
  }
  return bytes_ + end_;
}

bool ByteQueue::append(const void* data, size_t n) noexcept {
  if (n == 0) return true;
  char* to = reserve(n);
  if (!to) return false;
  std::memcpy(to, data, n);
  end_ += n;
  return true;
}

void ByteQueue::remove(size_t n) noexcept {
  start_ += n;
  if (start_ < end_) return;
  std::free(bytes_);
  bytes_ = nullptr;
  start_ = end_ = capacity_ = 0;
}

char* ByteQueue::release() noexcept {
  char* const bytes = bytes_;
  bytes_ = nullptr;
  start_ = end_ = capacity_ = 0;
  return bytes;
}

}  // namespace stackful::http2
