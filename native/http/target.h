// From a request target to the path of a file: what static files and routers look up.
#pragma once

#include <cstddef>
#include <string_view>

namespace stackful::http {

struct FilePath {
  // Decoded, begins with '/', has no empty, "." or ".." segment; in the caller's buffer.
  std::string_view path;
  std::string_view query;      // raw, without '?'; in the target
  std::string_view authority;  // of an absolute-form target, otherwise empty; in the target
};

// Takes "/path?query" or "http[s]://authority/path?query". Escapes are decoded once, before dot segments are
// removed, so that "%2e%2e" is "..". A trailing slash is kept (and "." or ".." at the end leaves one),
// repeated slashes become one, as the file system would read them.
//
// Returns 0, or the status to respond with:
//   400  another form of target; a fragment; userinfo; an escape that is not two hexadecimal digits;
//        a control character or NUL, raw or escaped; a backslash, raw or escaped, which some readers take
//        for a slash; ".." beyond the root
//   404  an escaped slash: no file name contains one, and decoding it would make one segment two
//   414  the result does not fit in `capacity`; one byte more than the target is always enough
int normalizeTarget(std::string_view target, char* to, size_t capacity, FilePath& result) noexcept;

}  // namespace stackful::http
