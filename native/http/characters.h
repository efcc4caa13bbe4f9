// Character classes of RFC 9110 as tables, the case-blind comparison of names, and the two scans that most
// bytes of a request pass through.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace stackful::http {

using CharacterSet = std::array<bool, 256>;

namespace detail {

constexpr CharacterSet alphanumericAnd(std::string_view others) {
  CharacterSet set{};
  for (int c = '0'; c <= '9'; ++c) set[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) set[static_cast<size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) set[static_cast<size_t>(c)] = true;
  for (char c : others) set[static_cast<unsigned char>(c)] = true;
  return set;
}

constexpr std::array<char, 256> lowerTable() {
  std::array<char, 256> table{};
  for (size_t c = 0; c < 256; ++c) {
    table[c] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  return table;
}

constexpr std::array<int8_t, 256> hexTable() {
  std::array<int8_t, 256> table{};
  for (size_t c = 0; c < 256; ++c) table[c] = -1;
  for (int8_t i = 0; i < 10; ++i) table[static_cast<size_t>('0' + i)] = i;
  for (int8_t i = 0; i < 6; ++i) {
    table[static_cast<size_t>('a' + i)] = static_cast<int8_t>(10 + i);
    table[static_cast<size_t>('A' + i)] = static_cast<int8_t>(10 + i);
  }
  return table;
}

inline constexpr auto kToken = alphanumericAnd("!#$%&'*+-.^_`|~");
// uri-host [":" port]: unreserved, sub-delims, percent, colon, brackets. Nothing that ends an authority.
inline constexpr auto kHost = alphanumericAnd("-._~!$&'()*+,;=%:[]");
inline constexpr auto kLower = lowerTable();
inline constexpr auto kHex = hexTable();

}  // namespace detail

inline bool isTokenCharacter(char c) {
  return detail::kToken[static_cast<unsigned char>(c)];
}
inline bool isHostCharacter(char c) {
  return detail::kHost[static_cast<unsigned char>(c)];
}
inline char toLower(char c) {
  return detail::kLower[static_cast<unsigned char>(c)];
}
inline bool isDigit(char c) {
  return c >= '0' && c <= '9';
}
inline bool isLetter(char c) {
  return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}
inline bool isBlank(char c) {
  return c == ' ' || c == '\t';
}
// The digit's value, or -1.
inline int hexValue(char c) {
  return detail::kHex[static_cast<unsigned char>(c)];
}
// Allowed in a field value: visible characters, space, tab and bytes above 127.
inline bool isValueCharacter(char c) {
  auto u = static_cast<unsigned char>(c);
  return (u >= 0x20 && u != 0x7f) || u == '\t';
}

// Of a URI, RFC 3986 demands still less; what others send unescaped (quotes, braces, bars) is left to the handler.
inline bool isTargetCharacter(char c) {
  auto u = static_cast<unsigned char>(c);
  return u > 0x20 && u < 0x7f;
}

inline bool equalsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (toLower(a[i]) != toLower(b[i])) return false;
  }
  return true;
}

// The first byte in [p, end) that may not be in a field value, or `end`.
inline const char* skipValueCharacters(const char* p, const char* end) {
#if defined(__SSE2__)
  const __m128i lastControl = _mm_set1_epi8(0x1f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  while (end - p >= 16) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, lastControl), bytes);
    __m128i bad =
        _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), control), _mm_cmpeq_epi8(bytes, del));
    int mask = _mm_movemask_epi8(bad);
    if (mask != 0) return p + __builtin_ctz(static_cast<unsigned>(mask));
    p += 16;
  }
#endif
  while (p != end && isValueCharacter(*p)) ++p;
  return p;
}

// The first byte in [p, end) that may not be in a request target (space, control, DEL, not ASCII), or `end`.
inline const char* skipTargetCharacters(const char* p, const char* end) {
#if defined(__SSE2__)
  const __m128i space = _mm_set1_epi8(0x20);
  const __m128i del = _mm_set1_epi8(0x7f);
  while (end - p >= 16) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    // Signed: what is not ASCII is below the space, too.
    __m128i bad = _mm_or_si128(_mm_cmpgt_epi8(space, bytes),
                               _mm_or_si128(_mm_cmpeq_epi8(bytes, space), _mm_cmpeq_epi8(bytes, del)));
    int mask = _mm_movemask_epi8(bad);
    if (mask != 0) return p + __builtin_ctz(static_cast<unsigned>(mask));
    p += 16;
  }
#endif
  while (p != end && isTargetCharacter(*p)) ++p;
  return p;
}

}  // namespace stackful::http
