// Masking of RFC 6455, section 5.3: byte i of a payload is XORed with byte i % 4 of a key. Doing it twice undoes it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace stackful::websocket {

// The key for bytes from position `at` of the payload on. `key` has its first byte lowest, as both supported machines load it.
inline uint32_t keyFrom(uint32_t key, uint64_t at) noexcept {
  return std::rotr(key, static_cast<int>(at % 4) * 8);
}

// `to` may be `from`. Sixteen bytes at a time: the compiler makes vector instructions of it.
inline void applyMask(char* to, const char* from, size_t size, uint32_t key) noexcept {
  using Words = uint32_t __attribute__((vector_size(16)));
  const Words keys = {key, key, key, key};
  for (; size >= sizeof keys; size -= sizeof keys, to += sizeof keys, from += sizeof keys) {
    Words words;
    std::memcpy(&words, from, sizeof words);
    words ^= keys;
    std::memcpy(to, &words, sizeof words);
  }
  char bytes[4];
  std::memcpy(bytes, &key, sizeof bytes);
  for (size_t i = 0; i < size; ++i) to[i] = static_cast<char>(from[i] ^ bytes[i % 4]);
}

}  // namespace stackful::websocket
