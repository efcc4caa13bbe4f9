// Header blocks that come again and again, byte for byte, and get the same number then: what was made of one need not be made
// again. A block and its number never part: another block in its slot has another number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hash_bytes.h"

namespace stackful::binding {

class RecurringBlocks {
 public:
  static constexpr size_t kSlotBits = 8;
  // The memory is at most this times the slots: half a megabyte.
  static constexpr size_t kMostBytes = 2048;

  // The lowest kSlotBits bits of the number are the slot. -1: the block is too long to be kept.
  int64_t numberOf(std::string_view block) {
    if (block.empty() || block.size() > kMostBytes) return -1;
    const size_t i = slotOf(block);
    Slot& slot = slots_[i];
    if (slot.bytes != block) {
      slot.bytes = block;
      slot.number = static_cast<int64_t>(++made_ << kSlotBits | i);
    }
    return slot.number;
  }

 private:
  struct Slot {
    std::string bytes;
    int64_t number = -1;
  };

  // Blocks that collide are made anew each time.
  static size_t slotOf(std::string_view bytes) noexcept { return hashOf(bytes) >> (64 - kSlotBits); }

  uint64_t made_ = 0;
  Slot slots_[size_t{1} << kSlotBits];
};

}  // namespace stackful::binding
