// The caller's buffer as a task on the pool has it.
#pragma once

#include <cstddef>

#include "file.h"

namespace stackful::disk {

class HeldBuffer {
 public:
  HeldBuffer(void* data, size_t size, const KeepAlive& keep) noexcept
      : data_(static_cast<char*>(data)), size_(size), release_(keep.release) {
    if (keep.hold) held_ = keep.hold(keep.subject);
  }
  HeldBuffer(HeldBuffer&& other) noexcept { swap(other); }
  HeldBuffer& operator=(HeldBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~HeldBuffer() {
    if (held_ && release_) release_(held_);
  }

  char* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }

 private:
  void swap(HeldBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(release_, other.release_);
    std::swap(held_, other.held_);
  }

  char* data_ = nullptr;
  size_t size_ = 0;
  void (*release_)(void*) = nullptr;
  void* held_ = nullptr;
};

}  // namespace stackful::disk
