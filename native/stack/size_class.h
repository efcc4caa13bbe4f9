// The stacks of one size: their arenas, and which slots are free. Private to this folder.
#pragma once

#include <vector>

#include "stack_memory.h"

namespace stackful::stack {

struct StackPool::SizeClass {
  static constexpr size_t kArenaBytes = size_t{64} << 20;

  struct Arena {
    char* slots;
    size_t used = 0;  // slots handed out at least once
    size_t protectedGuards = 0;
  };

  explicit SizeClass(size_t slotBytes) noexcept : bytes(slotBytes) {}

  const size_t bytes;
  std::vector<Stack> free;  // slots that were used before, newest last
  size_t emptied = 0;       // so many of them, the oldest, have no pages: takeBackPooled goes on behind them
  std::vector<Arena> arenas;

  // One page more than a power of two from slot to slot: at a power of two the tops of all stacks compete for the same
  // sets of the caches and the TLB.
  size_t stride() const noexcept { return bytes + kPage; }
  size_t slotsPerArena() const noexcept { return bytes > kArenaBytes ? 1 : kArenaBytes / bytes; }
  size_t arenaBytes() const noexcept {
    return slotsPerArena() * stride() + (slotsPerArena() * kRecordStride + kPage - 1) / kPage * kPage;
  }
  Stack slot(const Arena& arena, size_t index) const noexcept {
    char* begin = arena.slots + index * stride();
    char* records = arena.slots + slotsPerArena() * stride();
    return {begin + kGuardBytes, begin + bytes, records + index * kRecordStride};
  }
};

}  // namespace stackful::stack
