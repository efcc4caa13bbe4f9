#include "stack_memory.h"

#include <sys/mman.h>

#include <new>

#include "resident_pages.h"
#include "size_class.h"

namespace stackful::stack {
namespace {

int log2Ceil(size_t n) {
  return n <= 1 ? 0 : 64 - __builtin_clzll(n - 1);
}

}  // namespace

bool StackPool::grow(SizeClass& c) noexcept {
  void* arena = mmap(nullptr, c.arenaBytes(), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (arena == MAP_FAILED) return false;
  // A huge page under a stack that uses 2 KB of it would cost 2 MB.
  madvise(arena, c.arenaBytes(), MADV_NOHUGEPAGE);
  c.arenas.push_back({static_cast<char*>(arena)});
  stats_.reservedBytes += c.arenaBytes();
  return true;
}

StackPool::~StackPool() {
  for (SizeClass* c : classes_) {
    if (!c) continue;
    for (const SizeClass::Arena& arena : c->arenas) {
      munmap(arena.slots, c->arenaBytes());
      removeGuards(arena.protectedGuards);
    }
    delete c;
  }
  charge(-static_cast<ptrdiff_t>(stats_.residentBytes));
}

StackPool::SizeClass* StackPool::classFor(size_t bytes, bool create) noexcept {
  if (bytes > kLargestStack) return nullptr;
  const int index = log2Ceil((bytes < kSmallestStack ? kSmallestStack : bytes) / kPage);
  if (!classes_[index] && create) classes_[index] = new (std::nothrow) SizeClass(kPage << index);
  return classes_[index];
}

void StackPool::charge(ptrdiff_t bytes) noexcept {
  stats_.residentBytes += static_cast<size_t>(bytes);
  if (counted_) StackBudget::add(bytes);
}

void StackPool::noteResident(StackNote& note, uint32_t pages) noexcept {
  if (note.live && pages == 0) pages = 1;
  if (pages == note.residentPages) return;
  charge((static_cast<ptrdiff_t>(pages) - note.residentPages) * static_cast<ptrdiff_t>(kPage));
  note.residentPages = pages;
}

bool StackPool::isTight() const noexcept {
  return counted_ && !StackBudget::allows(StackBudget::limit() / 4);
}

bool StackPool::admit(size_t bytes) noexcept {
  if (!counted_ || StackBudget::allows(bytes)) return true;
  takeBackPooled(bytes);
  if (StackBudget::allows(bytes)) return true;
  if (relief_) relief_(reliefContext_);
  return StackBudget::allows(bytes);
}

void StackPool::takeBackPooled(size_t bytes) noexcept {
  const char* here = static_cast<const char*>(__builtin_frame_address(0));
  for (SizeClass* c : classes_) {
    for (; c && c->emptied < c->free.size(); ++c->emptied) {
      const Stack& stack = c->free[c->emptied];
      StackNote& note = noteOf(stack.record);
      if (note.residentPages == 0) continue;
      if (StackBudget::allows(bytes)) return;
      // A stack may have been released by code that still runs on it.
      if (here >= stack.base && here < stack.end) break;
      if (madvise(stack.base, stack.size(), MADV_DONTNEED) != 0) return;
      stats_.trimmedBytes += note.residentPages * kPage;
      noteResident(note, 0);
    }
  }
}

Stack StackPool::allocate(size_t bytes) noexcept {
  SizeClass* c = classFor(bytes, true);
  if (!c) return {};
  Stack stack;
  if (!c->free.empty()) {
    const bool empty = noteOf(c->free.back().record).residentPages == 0;
    if (!admit(empty ? kPage : 0)) return {};
    stack = c->free.back();
    c->free.pop_back();
    if (c->emptied > c->free.size()) c->emptied = c->free.size();
    --stats_.pooled;
    // Of what its last owner used, the next one may need little: near the budget that decides whether a spawn is refused.
    const bool unused = clean_ ? !empty : noteOf(stack.record).residentPages > 1 && isTight();
    if (unused && madvise(stack.base, stack.size(), MADV_DONTNEED) == 0)
      noteResident(noteOf(stack.record), 0);
  } else {
    if (!admit(kPage + kRecordStride)) return {};
    if ((c->arenas.empty() || c->arenas.back().used == c->slotsPerArena()) && !grow(*c)) return {};
    SizeClass::Arena& arena = c->arenas.back();
    stack = c->slot(arena, arena.used++);
    arena.protectedGuards += installGuard(stack.base - kGuardBytes);
    charge(kRecordStride);
  }
  StackNote& note = noteOf(stack.record);
  note.live = true;
  note.deepestPages = 0;
  if (note.residentPages == 0) noteResident(note, 1);
  ++stats_.live;
  return stack;
}

void StackPool::release(Stack stack) noexcept {
  SizeClass* c = classFor(stack.size() + kGuardBytes, false);
  c->free.push_back(stack);
  noteOf(stack.record).live = false;
  --stats_.live;
  ++stats_.pooled;
}

bool StackPool::takeOver(Stack stack) noexcept {
  if (clean_ || (counted_ && !StackBudget::allows(0))) return false;
  noteOf(stack.record).deepestPages = 0;
  endRest();
  return true;
}

StackStats StackPool::stats() const noexcept {
  return stats_;
}

size_t deepestUse(const Stack& stack) noexcept {
  ResidentPages pages;
  pages.look(stack.base, stack.size());
  const size_t now = pages.count() - pages.lowest();
  const size_t before = noteOf(stack.record).deepestPages;
  return (now > before ? now : before) * kPage;
}

size_t residentUse(const Stack& stack) noexcept {
  ResidentPages pages;
  pages.look(stack.base, stack.size());
  return pages.resident() * kPage;
}

}  // namespace stackful::stack
