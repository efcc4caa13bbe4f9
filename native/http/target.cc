#include "target.h"

#include <algorithm>

#include "characters.h"

namespace stackful::http {

namespace {

// Takes "http://authority" off the front of `target`; false when it is not an absolute URI of ours.
bool takeOrigin(std::string_view& target, std::string_view& authority) {
  size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return false;
  std::string_view name = target.substr(0, scheme);
  if (!equalsIgnoringCase(name, "http") && !equalsIgnoringCase(name, "https")) return false;
  target.remove_prefix(scheme + 3);
  authority = target.substr(0, std::min(target.find_first_of("/?#"), target.size()));
  target.remove_prefix(authority.size());
  return !authority.empty() && std::all_of(authority.begin(), authority.end(), isHostCharacter);
}

struct Decoded {
  int error = 0;
  char c = 0;
  size_t used = 1;
};

Decoded decodeOne(std::string_view rest) {
  Decoded one{0, rest[0], 1};
  if (one.c == '%') {
    int high = rest.size() > 2 ? hexValue(rest[1]) : -1;
    int low = rest.size() > 2 ? hexValue(rest[2]) : -1;
    if (high < 0 || low < 0) return {400};
    one.c = static_cast<char>(high << 4 | low);
    one.used = 3;
    if (one.c == '/') return {404};
  }
  auto u = static_cast<unsigned char>(one.c);
  if (u < 0x20 || u == 0x7f || u == '\\') return {400};
  return one;
}

// [0, length) ends behind a segment that began at `segment` (behind its slash). Removes it when it is "." or
// ".."; false when that would climb above the root.
bool settleSegment(const char* to, size_t segment, size_t& length) {
  std::string_view name(to + segment, length - segment);
  if (name == ".") {
    length = segment;
  } else if (name == "..") {
    if (segment == 1) return false;
    length = segment - 1;  // on the slash before the segment; its parent begins behind the one before that
    while (to[length - 1] != '/') --length;
  }
  return true;
}

}  // namespace

int normalizeTarget(std::string_view target, char* to, size_t capacity, FilePath& result) noexcept {
  result = FilePath();
  if (target.empty()) return 400;
  if (target[0] != '/' && !takeOrigin(target, result.authority)) return 400;
  if (target.find('#') != std::string_view::npos) return 400;

  size_t question = target.find('?');
  if (question != std::string_view::npos) {
    result.query = target.substr(question + 1);
    target = target.substr(0, question);
  }
  if (capacity == 0) return 414;
  to[0] = '/';
  size_t length = 1;
  size_t segment = 1;  // where the last one begins
  for (size_t i = target.empty() ? 0 : 1; i < target.size();) {
    Decoded one = decodeOne(target.substr(i));
    if (one.error != 0) return one.error;
    i += one.used;
    if (one.c == '/') {
      if (!settleSegment(to, segment, length)) return 400;
      if (length > segment) {
        if (length == capacity) return 414;
        to[length++] = '/';
      }
      segment = length;
    } else {
      if (length == capacity) return 414;
      to[length++] = one.c;
    }
  }
  if (!settleSegment(to, segment, length)) return 400;
  result.path = {to, length};
  return 0;
}

}  // namespace stackful::http
