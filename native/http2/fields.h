// Header lines as HTTP/1.1 writes them, for nghttp2.
#pragma once

#include <string>
#include <string_view>
#include <vector>

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

// The fields of one head, in the order of the calls. A few short ones take no memory but the stack's. It refers to the texts that
// it is given.
class FieldList {
 public:
  // For `lines` of HTTP/1.1, and `more` fields beside them.
  FieldList(std::string_view lines, size_t more);
  FieldList(const FieldList&) = delete;
  FieldList& operator=(const FieldList&) = delete;

  void add(const nghttp2_nv& field) noexcept { fields_[size_++] = field; }
  void addLines() noexcept { size_ += static_cast<size_t>(pairs(lines_, lower_, fields_ + size_, count_)); }

  const nghttp2_nv* data() const noexcept { return fields_; }
  size_t size() const noexcept { return size_; }

 private:
  static constexpr size_t kFew = 32;
  static constexpr size_t kShort = 2048;

  std::string_view lines_;
  int count_;
  size_t size_ = 0;
  nghttp2_nv few_[kFew];
  char short_[kShort];
  std::vector<nghttp2_nv> many_;
  std::string long_;
  nghttp2_nv* fields_ = few_;
  char* lower_ = short_;
};

}  // namespace stackful::http2
