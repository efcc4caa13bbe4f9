// Strings that come again and again, kept as strings of JavaScript: the paths of requests. The few that most requests are
// for cost no decoding, no hashing and no garbage any more: 0.2 us and 32 bytes of each request for a small file.
#pragma once

#include <v8.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#include "hash_bytes.h"

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

  static size_t slotOf(std::string_view bytes) noexcept { return hashOf(bytes) >> (64 - kSlotBits); }

  Slot slots_[size_t{1} << kSlotBits];
};

}  // namespace stackful::binding
