// Strings that come again and again, kept as strings of JavaScript: the paths of requests. The few that most requests are
// for cost no decoding, no hashing and no garbage any more: 0.2 us and 32 bytes of each request for a small file.
#pragma once

#include <v8.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace stackful::binding {

class RecurringStrings {
 public:
  // What `make` (an empty handle when there is none, which is not kept) has made of these bytes, now or before.
  template <class Make>
  v8::MaybeLocal<v8::String> get(v8::Isolate* isolate, std::string_view bytes, Make make) {
    if (bytes.size() > kMostBytes) return make(v8::NewStringType::kNormal);
    Slot& slot = slots_[slotOf(bytes)];
    const bool known = slot.size == bytes.size() && memcmp(slot.bytes, bytes.data(), bytes.size()) == 0;
    if (known && !slot.string.IsEmpty()) return slot.string.Get(isolate);
    // Only what comes twice in a row to its slot is kept: a stream of ever new ones costs a copy of bytes each.
    v8::Local<v8::String> made;
    if (!make(known ? v8::NewStringType::kInternalized : v8::NewStringType::kNormal).ToLocal(&made))
      return {};
    if (known) {
      slot.string.Reset(isolate, made);
    } else {
      slot.string.Reset();
      slot.size = static_cast<uint8_t>(bytes.size());
      memcpy(slot.bytes, bytes.data(), bytes.size());
    }
    return made;
  }

 private:
  static constexpr size_t kSlotBits = 9, kMostBytes = 47;
  struct Slot {
    v8::Global<v8::String> string;
    uint8_t size = 0xff;  // 0xff: nothing
    char bytes[kMostBytes];
  };

  // Multiplicative hashing. A product passes nothing down to lower bits, so each is folded: without that, names that
  // differ in the seventh byte only (/class0-1.bin, /class1-1.bin) all had the same slot. A client that sends
  // paths that collide gains nothing: their strings are made as they were without this.
  static size_t slotOf(std::string_view bytes) noexcept {
    uint64_t hash = bytes.size(), word;
    const char* at = bytes.data();
    size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
      memcpy(&word, at, 8);
      hash = mixed(hash ^ word);
    }
    word = 0;
    memcpy(&word, at, left);
    return mixed(hash ^ word) >> (64 - kSlotBits);
  }

  static uint64_t mixed(uint64_t word) noexcept {
    word *= 0x9e3779b97f4a7c15;
    return word ^ word >> 29;
  }

  Slot slots_[size_t{1} << kSlotBits];
};

}  // namespace stackful::binding
