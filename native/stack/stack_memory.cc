#include "stack_memory.h"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <new>
#include <vector>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102  // Linux 6.13
#endif

namespace stackful::stack {
namespace {

constexpr size_t kPage = 4096;
// Wide enough that one frame with a large local array does not step over it.
constexpr size_t kGuardBytes = 4 * kPage;
constexpr size_t kArenaBytes = size_t{64} << 20;
constexpr size_t kSmallestStack = size_t{64} << 10;

enum class Guard { kUnknown, kInstall, kProtect, kNone };
// Shared by the environments of all threads; each of them would find out the same.
std::atomic<Guard> guardInUse{Guard::kUnknown};

// mprotect splits the mapping at every guard and fails with ENOMEM at about 32,000 stacks (vm.max_map_count);
// from there on stacks have no kernel guard and V8's own limit is the only one.
void installGuard(char* at) {
  if (guardInUse == Guard::kUnknown || guardInUse == Guard::kInstall) {
    if (madvise(at, kGuardBytes, MADV_GUARD_INSTALL) == 0) {
      guardInUse = Guard::kInstall;
      return;
    }
    if (guardInUse == Guard::kUnknown) guardInUse = Guard::kProtect;
  }
  if (guardInUse == Guard::kProtect && mprotect(at, kGuardBytes, PROT_NONE) != 0) guardInUse = Guard::kNone;
}

int log2Ceil(size_t n) {
  return n <= 1 ? 0 : 64 - __builtin_clzll(n - 1);
}

}  // namespace

const char* guardKind() noexcept {
  switch (guardInUse) {
    case Guard::kInstall:
      return "guard-install";
    case Guard::kProtect:
      return "mprotect";
    case Guard::kNone:
      return "none";
    default:
      return "undecided";
  }
}

struct StackPool::SizeClass {
  size_t bytes = 0;
  std::vector<Stack> free;  // slots that were used before, newest last
  size_t trimmed = 0;       // how many at the front of `free` hold no pages any more
  std::vector<char*> arenas;
  char* nextFresh = nullptr;  // slots never used yet, in the newest arena
  char* arenaEnd = nullptr;   // where its slots end and its records begin
  char* nextRecord = nullptr;
  // One page more than a power of two from slot to slot: at a power of two the tops of all stacks compete for the same
  // sets of the caches and the TLB.
  size_t stride() const { return bytes + kPage; }
  size_t slots() const { return bytes > kArenaBytes ? 1 : kArenaBytes / bytes; }
  bool grow();
  size_t arenaBytes() const {
    return slots() * stride() + (slots() * kRecordBytes + kPage - 1) / kPage * kPage;
  }
};

bool StackPool::SizeClass::grow() {
  void* arena =
      mmap(nullptr, arenaBytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (arena == MAP_FAILED) return false;
  // A huge page under a stack that uses 2 KB of it would cost 2 MB.
  madvise(arena, arenaBytes(), MADV_NOHUGEPAGE);
  nextFresh = static_cast<char*>(arena);
  arenaEnd = nextRecord = nextFresh + slots() * stride();
  arenas.push_back(nextFresh);
  return true;
}

StackPool::~StackPool() {
  for (SizeClass* c : classes_) {
    if (!c) continue;
    for (char* arena : c->arenas) munmap(arena, c->arenaBytes());
    delete c;
  }
}

StackPool::SizeClass* StackPool::classFor(size_t bytes, bool create) noexcept {
  const int index = log2Ceil((bytes < kSmallestStack ? kSmallestStack : bytes) / kPage);
  if (index >= kClasses) return nullptr;
  if (!classes_[index] && create) {
    classes_[index] = new (std::nothrow) SizeClass;
    if (classes_[index]) classes_[index]->bytes = kPage << index;
  }
  return classes_[index];
}

Stack StackPool::allocate(size_t bytes) noexcept {
  SizeClass* c = classFor(bytes, true);
  if (!c) return {};
  ++stats_.live;
  if (!c->free.empty()) {
    const Stack stack = c->free.back();
    c->free.pop_back();
    if (c->trimmed > c->free.size()) c->trimmed = c->free.size();
    --stats_.pooled;
    return stack;
  }
  if (c->nextFresh == c->arenaEnd && !c->grow()) {
    --stats_.live;
    return {};
  }
  if (c->nextFresh == c->arenas.back()) stats_.reservedBytes += c->arenaBytes();
  char* slot = c->nextFresh;
  c->nextFresh += c->stride();
  installGuard(slot);
  const Stack stack{slot + kGuardBytes, slot + c->bytes, c->nextRecord};
  c->nextRecord += kRecordBytes;
  return stack;
}

void StackPool::release(Stack stack) noexcept {
  SizeClass* c = classFor(stack.size() + kGuardBytes, false);
  c->free.push_back(stack);
  --stats_.live;
  ++stats_.pooled;
}

size_t StackPool::trim(size_t most) noexcept {
  size_t done = 0;
  for (SizeClass* c : classes_) {
    if (!c) continue;
    for (; done < most && c->trimmed < c->free.size(); ++c->trimmed, ++done) {
      madvise(c->free[c->trimmed].base, c->free[c->trimmed].size(), MADV_DONTNEED);
    }
  }
  return done;
}

StackStats StackPool::stats() const noexcept {
  return stats_;
}

}  // namespace stackful::stack
