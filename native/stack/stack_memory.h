// Stack memory: large reserved arenas cut into equal slots, each with a guard region at its low end.
// Knows nothing of V8 or of coroutines.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stackful::stack {

// One reserved slot. The machine stack grows down from near `end` to `base`; below `base` lies the guard.
// `record` are kRecordBytes for the owner's bookkeeping, packed with those of other stacks: in the stack's own top page
// they would push an ordinary handler's frames into a second page (4 KB each), while six records share a page here.
// They keep their contents when the stack is released and handed out again, and start as zeros.
struct Stack {
  char* base = nullptr;
  char* end = nullptr;
  char* record = nullptr;
  size_t size() const { return static_cast<size_t>(end - base); }
  explicit operator bool() const { return base != nullptr; }
};

inline constexpr size_t kRecordBytes = 704;

struct StackStats {
  size_t live = 0;           // slots handed out
  size_t pooled = 0;         // slots waiting for reuse
  size_t reservedBytes = 0;  // address space in arenas
};

// Hands out stacks of any size (rounded up to a power of two of pages) and keeps returned ones for reuse,
// newest first, because the newest is the one whose top page is still in the cache.
// Not thread-safe: one pool per environment.
class StackPool {
 public:
  StackPool() = default;
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  // An empty Stack when the kernel refuses more address space.
  Stack allocate(size_t bytes) noexcept;
  // Safe to call from code still running on that stack: the memory is neither unmapped nor written.
  void release(Stack stack) noexcept;
  // Gives the pages of pooled stacks back to the kernel; at most `most` stacks a call.
  size_t trim(size_t most) noexcept;
  StackStats stats() const noexcept;

 private:
  struct SizeClass;
  static constexpr int kClasses = 24;
  SizeClass* classes_[kClasses] = {};
  StackStats stats_;
  SizeClass* classFor(size_t bytes, bool create) noexcept;
};

// How the guard below each stack is made on this kernel: "guard-install", "mprotect" or "none".
const char* guardKind() noexcept;

}  // namespace stackful::stack
