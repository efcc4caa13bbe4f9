// The sockets of one environment that JavaScript knows by number: 21 bits of index, 10 of generation. A
// number that has been closed leads nowhere, even when its place is in use again.
#pragma once

#include <cstdint>
#include <vector>

#include "../net/socket.h"

namespace stackful::binding {

class SocketTable {
 public:
  // -1 when there are two million of them.
  int32_t add(net::Socket* socket) {
    uint32_t index = firstFree_;
    if (index != kNone) {
      firstFree_ = slots_[index].nextFree;
    } else {
      index = static_cast<uint32_t>(slots_.size());
      if (index > kIndexMask) return -1;
      slots_.push_back({});
    }
    slots_[index].socket = socket;
    return static_cast<int32_t>(slots_[index].generation << kIndexBits | index);
  }

  // Null for a number that is not in use.
  net::Socket* at(int32_t number) const noexcept {
    const uint32_t index = static_cast<uint32_t>(number) & kIndexMask;
    if (number < 0 || index >= slots_.size()) return nullptr;
    const Slot& slot = slots_[index];
    return slot.generation == static_cast<uint32_t>(number) >> kIndexBits ? slot.socket : nullptr;
  }

  // The socket, which is the caller's now.
  net::Socket* remove(int32_t number) noexcept {
    net::Socket* socket = at(number);
    if (!socket) return nullptr;
    const uint32_t index = static_cast<uint32_t>(number) & kIndexMask;
    Slot& slot = slots_[index];
    slot.socket = nullptr;
    slot.generation = (slot.generation + 1) & kGenerationMask;
    slot.nextFree = firstFree_;
    firstFree_ = index;
    return socket;
  }

 private:
  static constexpr uint32_t kIndexBits = 21;
  static constexpr uint32_t kIndexMask = (1u << kIndexBits) - 1;
  static constexpr uint32_t kGenerationMask = (1u << (31 - kIndexBits)) - 1;
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Slot {
    net::Socket* socket = nullptr;
    uint32_t generation = 0;
    uint32_t nextFree = kNone;
  };

  std::vector<Slot> slots_;
  uint32_t firstFree_ = kNone;
};

}  // namespace stackful::binding
