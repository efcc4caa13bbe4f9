// A hash of bytes, for tables whose slots are overwritten: its highest bits are the best ones.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace stackful::binding {

// Multiplicative hashing. A product passes nothing down to lower bits, so each is folded: without that, names that differ in the
// seventh byte only (/class0-1.bin, /class1-1.bin) all had the same slot. A client that sends bytes that collide gains nothing:
// what is kept of them is made anew, as without a table.
inline uint64_t hashOf(std::string_view bytes) noexcept {
  const auto mixed = [](uint64_t word) noexcept {
    word *= 0x9e3779b97f4a7c15;
    return word ^ word >> 29;
  };
  uint64_t hash = bytes.size(), word;
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    memcpy(&word, at, 8);
    hash = mixed(hash ^ word);
  }
  word = 0;
  if (left > 0) memcpy(&word, at, left);
  return mixed(hash ^ word);
}

}  // namespace stackful::binding
