// What the heads of requests and of responses have in common: field lines, and the values that decide about framing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "characters.h"

namespace stackful::http {

enum class LineOutcome : uint8_t { kRead, kIncomplete, kMalformed };

struct FieldLine {
  std::string_view name, value;
};

// Reads name ":" value CR LF at `at`, which is behind it afterwards, and stays where it is otherwise.
inline LineOutcome readFieldLine(const char*& at, const char* end, FieldLine& line) noexcept {
  const char* name = at;
  const char* p = name;
  while (p != end && isTokenCharacter(*p)) ++p;
  if (p == end) return LineOutcome::kIncomplete;
  // Also refuses a blank before the colon, and a folded line, which begins with one.
  if (*p != ':' || p == name) return LineOutcome::kMalformed;
  const char* nameEnd = p++;
  while (p != end && isBlank(*p)) ++p;
  const char* value = p;
  p = skipValueCharacters(p, end);
  if (p == end) return LineOutcome::kIncomplete;
  if (*p != '\r') return LineOutcome::kMalformed;
  if (end - p < 2) return LineOutcome::kIncomplete;
  if (p[1] != '\n') return LineOutcome::kMalformed;
  at = p + 2;
  while (p != value && isBlank(p[-1])) --p;
  line.name = {name, static_cast<size_t>(nameEnd - name)};
  line.value = {value, static_cast<size_t>(p - value)};
  return LineOutcome::kRead;
}

// `lower` is in lower case and holds letters, digits and '-' only; `text` holds no control characters (which
// is what setting bit 5 could otherwise turn into one of those).
inline bool isWord(const char* text, std::string_view lower) noexcept {
  for (size_t i = 0; i < lower.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

inline bool isWord(std::string_view text, std::string_view lower) noexcept {
  return text.size() == lower.size() && isWord(text.data(), lower);
}

// The value of a Content-Length, or -1 for what is none, or too large for 63 bits.
inline int64_t lengthIn(std::string_view value) noexcept {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  if (value.empty()) return -1;
  int64_t length = 0;
  for (char c : value) {
    if (!isDigit(c)) return -1;
    int digit = c - '0';
    if (length > (kMost - digit) / 10) return -1;
    length = length * 10 + digit;
  }
  return length;
}

// Notes the options of a Connection field: `Head` has the flags saysClose, saysKeepAlive and saysUpgrade.
template <class Head>
void readConnectionOptions(std::string_view value, Head& head) noexcept {
  if (isWord(value, "keep-alive")) {
    head.saysKeepAlive = true;
    return;
  }
  while (!value.empty()) {
    size_t comma = value.find(',');
    if (comma > value.size()) comma = value.size();
    std::string_view option = value.substr(0, comma);
    value.remove_prefix(comma == value.size() ? comma : comma + 1);
    while (!option.empty() && isBlank(option.front())) option.remove_prefix(1);
    while (!option.empty() && isBlank(option.back())) option.remove_suffix(1);
    if (isWord(option, "close")) head.saysClose = true;
    if (isWord(option, "keep-alive")) head.saysKeepAlive = true;
    if (isWord(option, "upgrade")) head.saysUpgrade = true;
  }
}

}  // namespace stackful::http
