// Stack memory: large reserved arenas cut into equal slots, each with a guard region at its low end.
// Knows nothing of V8 or of coroutines.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stack_budget.h"
#include "stack_guard.h"

namespace stackful::stack {

inline constexpr size_t kPage = 4096;

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

// What the pool knows of one stack; behind the owner's part of the record.
struct StackNote {
  uint32_t residentPages : 15;  // by the last look at it, one at least while it is handed out
  uint32_t deepestPages : 15;   // high-water mark of what has been given back since it was handed out
  uint32_t live : 1;
};

inline constexpr size_t kRecordStride = 704;
inline constexpr size_t kRecordBytes = kRecordStride - sizeof(StackNote);  // the owner's part

inline StackNote& noteOf(char* record) noexcept {
  return *reinterpret_cast<StackNote*>(record + kRecordBytes);
}

inline constexpr size_t kSmallestStack = size_t{64} << 10;
inline constexpr size_t kLargestStack = size_t{64} << 20;
static_assert(kLargestStack / kPage < 1 << 15, "StackNote counts its pages");

struct StackStats {
  size_t live = 0;            // slots handed out
  size_t pooled = 0;          // slots waiting for reuse
  size_t reservedBytes = 0;   // address space in arenas
  size_t residentBytes = 0;   // of stacks and records, as far as the pool has looked
  uint64_t trimmedBytes = 0;  // given back to the kernel so far
};

// Hands out stacks of any size (rounded up to a power of two of pages) and keeps returned ones for reuse,
// newest first, because the newest is the one whose top page is still in the cache.
// Not thread-safe: one pool per environment.
class StackPool {
 public:
  enum class Counts { kYes, kNo };
  // One whose memory the budget does not count is for tests of the engine.
  explicit StackPool(Counts counts = Counts::kYes) noexcept : counted_(counts == Counts::kYes) {}
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  // An empty Stack when the budget or the kernel refuses, or when `bytes` is more than kLargestStack.
  Stack allocate(size_t bytes) noexcept;
  // From now on stacks are handed out without the pages of their earlier uses: what deepestUse needs in order to be exact,
  // for a system call (200 ns) a stack and the page faults.
  void handOutClean(bool on) noexcept { clean_ = on; }
  // Safe to call from code still running on that stack: its memory is neither unmapped nor written.
  void release(Stack stack) noexcept;
  // The stack counts as pooled and stays as it is, with what is in use of it, until takeOver or endRest.
  void rest() noexcept {
    --stats_.live;
    ++stats_.pooled;
  }
  // Another coroutine uses one of those. False when the budget is spent, and when stacks are to be clean.
  bool takeOver(Stack stack) noexcept;
  // One of those is given up: release it.
  void endRest() noexcept {
    ++stats_.live;
    --stats_.pooled;
  }
  StackStats stats() const noexcept;

  // Called before the budget refuses, at most once for every refusal: looks again at how much is used, and gives back
  // what it can. See StackTrimmer::relieve.
  using Relief = void (*)(void* context);
  void setRelief(Relief relief, void* context) noexcept {
    relief_ = relief;
    reliefContext_ = context;
  }

 private:
  friend class StackTrimmer;
  struct SizeClass;
  static constexpr int kClasses = 16;  // 4 KiB to 128 MiB, of which those between the limits are used
  SizeClass* classFor(size_t bytes, bool create) noexcept;
  bool grow(SizeClass& c) noexcept;
  bool admit(size_t bytes) noexcept;
  // Whether three quarters of the budget are used.
  bool isTight() const noexcept;
  // Gives pages of pooled stacks back, oldest first, until the budget allows so many bytes. In every refusal, because the
  // relief may decline to look again so soon: what was released since then must not count against a spawn.
  void takeBackPooled(size_t bytes) noexcept;
  void charge(ptrdiff_t bytes) noexcept;
  // A look at a stack has found so many pages.
  void noteResident(StackNote& note, uint32_t pages) noexcept;

  SizeClass* classes_[kClasses] = {};
  StackStats stats_;
  const bool counted_;
  bool clean_ = false;
  Relief relief_ = nullptr;
  void* reliefContext_ = nullptr;
};

// Bytes between the deepest page of the stack that is resident, or was since it was handed out, and its end. Pages that an
// earlier use of the same stack left count too, unless it was wiped.
size_t deepestUse(const Stack& stack) noexcept;
// Bytes that are resident now.
size_t residentUse(const Stack& stack) noexcept;

}  // namespace stackful::stack
