// Header blocks that come again and again, byte for byte, and get the same number then: what was made of one need not be made
// again. A block and its number never part: another block in its slot has another number.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

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

  // As in RecurringStrings. Blocks that collide are made anew each time.
  static size_t slotOf(std::string_view bytes) noexcept {
    uint64_t hash = bytes.size(), word;
    const char* at = bytes.data();
    size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
      memcpy(&word, at, 8);
      hash = mixed(hash ^ word);
    }
    word = 0;
    if (left > 0) memcpy(&word, at, left);
    return mixed(hash ^ word) >> (64 - kSlotBits);
  }

  static uint64_t mixed(uint64_t word) noexcept {
    word *= 0x9e3779b97f4a7c15;
    return word ^ word >> 32;
  }

  uint64_t made_ = 0;
  Slot slots_[size_t{1} << kSlotBits];
};

}  // namespace stackful::binding
