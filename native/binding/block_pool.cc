#include "block_pool.h"

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <mutex>

namespace stackful::binding {
namespace {

// Blocks of one size, a power of two. Of the process, because V8 frees memory on threads of its own, also after an environment.
class Shelf {
 public:
  void* take() noexcept {
    const std::lock_guard lock(mutex_);
    Free* block = first_;
    if (!block) return nullptr;
    first_ = block->next;
    --count_;
    return block;
  }
  // False when there are enough.
  bool give(void* block, size_t size) noexcept {
    const std::lock_guard lock(mutex_);
    if (count_ >= kMostBytes / size) return false;
    first_ = new (block) Free{first_};
    ++count_;
    return true;
  }

 private:
  static constexpr size_t kMostBytes = size_t{4} << 20;
  struct Free {
    Free* next;
  };

  std::mutex mutex_;
  Free* first_ = nullptr;
  size_t count_ = 0;
};

constexpr int kSmallest = 13;  // 8 KiB
constexpr int kLargest = 16;
static_assert(size_t{1} << kLargest == kMostBlock);

// Never destroyed: memory may come back while the process ends.
Shelf* const shelves = new Shelf[kLargest - kSmallest + 1];

void giveBack(void* data, size_t, void* shelf) {
  const auto i = reinterpret_cast<uintptr_t>(shelf);
  if (!shelves[i].give(data, size_t{1} << (kSmallest + i))) free(data);
}

}  // namespace

std::unique_ptr<v8::BackingStore> takeBlock(size_t size) {
  const int bits = std::bit_width(size - 1);
  const int i = bits < kSmallest ? 0 : bits - kSmallest;
  void* data = shelves[i].take();
  if (!data) data = malloc(size_t{1} << (kSmallest + i));
  if (!data) return nullptr;
  return v8::ArrayBuffer::NewBackingStore(data, size, giveBack,
                                          reinterpret_cast<void*>(static_cast<uintptr_t>(i)));
}

}  // namespace stackful::binding
