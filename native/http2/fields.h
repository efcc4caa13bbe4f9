// Header lines as HTTP/1.1 writes them, for nghttp2.
#pragma once

#include <string_view>

#include "nghttp2.h"

namespace stackful::http2 {

inline nghttp2_nv pair(std::string_view name, std::string_view value, uint8_t flags = 0) {
  const auto bytes = [](std::string_view text) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), flags};
}

// The lines of `fields` as nghttp2 takes them, without those that HTTP/2 forbids: their names in lower case, which `lower` has
// room for. Returns how many there are.
int pairs(std::string_view fields, char* lower, nghttp2_nv* to, int most) noexcept;

}  // namespace stackful::http2
