// Whether bytes are UTF-8 (RFC 3629), told as soon as it is certain, also of a text that comes in pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace stackful::websocket {

class Utf8 {
 public:
  void reset() noexcept { *this = Utf8(); }
  // Whether no character has begun that is not at its end.
  bool complete() const noexcept { return needed_ == 0; }

  // False when the text so far cannot be the beginning of a valid one.
  bool take(const char* data, size_t size) noexcept {
    const auto* at = reinterpret_cast<const unsigned char*>(data);
    const unsigned char* const end = at + size;
    while (at != end) {
      if (needed_ == 0) {
        at = skipAscii(at, end);
        if (at == end) return true;
        if (!begin(*at++)) return false;
        continue;
      }
      const unsigned char c = *at++;
      if (c < least_ || c > most_) return false;
      least_ = 0x80;
      most_ = 0xbf;
      --needed_;
    }
    return true;
  }

 private:
  static const unsigned char* skipAscii(const unsigned char* at, const unsigned char* end) noexcept {
    uint64_t word;
    for (; static_cast<size_t>(end - at) >= sizeof word; at += sizeof word) {
      std::memcpy(&word, at, sizeof word);
      if (word & 0x8080808080808080) break;
    }
    while (at != end && *at < 0x80) ++at;
    return at;
  }

  // The first byte of a character beyond ASCII. The second one's range leaves out what is too long (after e0, f0), half a
  // surrogate pair (ed), and what lies beyond U+10FFFF (f4).
  bool begin(unsigned char c) noexcept {
    if (c < 0xc2 || c > 0xf4) return false;
    needed_ = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    least_ = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    most_ = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    return true;
  }

  uint8_t needed_ = 0;  // bytes until the character is at its end
  uint8_t least_ = 0x80;
  uint8_t most_ = 0xbf;
};

}  // namespace stackful::websocket
