#include "fields.h"

#include <algorithm>

#include "../http/characters.h"

namespace stackful::http2 {

namespace {

// Fields of a connection, which has none here (RFC 9113 section 8.2.2).
bool isForbidden(std::string_view name, std::string_view value) {
  switch (name.size()) {
    case 2:
      return name == "te" && value != "trailers";
    case 7:
      return name == "upgrade";
    case 10:
      return name == "connection" || name == "keep-alive";
    case 16:
      return name == "proxy-connection";
    case 17:
      return name == "transfer-encoding";
    default:
      return false;
  }
}

}  // namespace

int pairs(std::string_view fields, char* lower, nghttp2_nv* to, int most) noexcept {
  int count = 0;
  while (!fields.empty() && count < most) {
    const size_t end = fields.find("\r\n");
    const size_t colon = fields.find(':');
    if (end == std::string_view::npos || colon == std::string_view::npos || colon > end) break;
    std::string_view value = fields.substr(colon + 1, end - colon - 1);
    while (!value.empty() && http::isBlank(value.front())) value.remove_prefix(1);
    while (!value.empty() && http::isBlank(value.back())) value.remove_suffix(1);
    for (size_t i = 0; i < colon; ++i) lower[i] = http::toLower(fields[i]);
    const std::string_view name(lower, colon);
    if (!isForbidden(name, value)) to[count++] = pair(name, value);
    lower += colon;
    fields.remove_prefix(end + 2);
  }
  return count;
}

FieldList::FieldList(std::string_view lines, size_t more)
    : lines_(lines), count_(static_cast<int>(std::count(lines.begin(), lines.end(), '\n'))) {
  const size_t most = static_cast<size_t>(count_) + more;
  if (most > kFew) {
    many_.resize(most);
    fields_ = many_.data();
  }
  if (lines.size() > kShort) {
    long_.resize(lines.size());
    lower_ = long_.data();
  }
}

}  // namespace stackful::http2
