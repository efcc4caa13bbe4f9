// Frames of RFC 6455, section 5.2: what is in their first bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace stackful::websocket {

enum Opcode : uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

inline constexpr uint8_t kFinal = 0x80;
inline constexpr uint8_t kCompressed = 0x40;    // RSV1, by RFC 7692
inline constexpr uint8_t kReservedBits = 0x30;  // RSV2 and RSV3, which no extension here uses
inline constexpr uint8_t kMasked = 0x80;        // of the second byte
inline constexpr size_t kMostHeader = 14;
inline constexpr size_t kMostControl = 125;  // bytes of payload

constexpr bool isControl(uint8_t opcode) noexcept {
  return opcode & 8;
}

inline size_t headerBytes(uint64_t size, bool masked) noexcept {
  return (size < 126 ? 2 : size <= 0xffff ? 4 : 10) + (masked ? 4 : 0);
}

// Writes headerBytes(size, key != nullptr) bytes. `first`: the opcode with kFinal and kCompressed.
inline void writeHeader(char* to, uint8_t first, uint64_t size, const uint32_t* key) noexcept {
  const uint8_t mask = key ? kMasked : 0;
  *to++ = static_cast<char>(first);
  const int bytes = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
  *to++ = static_cast<char>(mask | (bytes == 0 ? size : bytes == 2 ? 126 : 127));
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) *to++ = static_cast<char>(size >> shift);
  if (key) std::memcpy(to, key, sizeof *key);
}

}  // namespace stackful::websocket
