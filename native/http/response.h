// Response heads, written into a buffer of the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stackful::http {

// Responses that never have a body, whatever the request was: 1xx, 204 and 304.
inline bool hasNoBody(int status) {
  return status < 200 || status == 204 || status == 304;
}

// The Date field, formatted once a second instead of for every response.
class DateField {
 public:
  static constexpr size_t kBytes = 37;  // "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
  // The field for a time in seconds since 1970 (to be taken from a coarse clock); valid until the next call.
  std::string_view at(int64_t seconds) noexcept {
    if (seconds != formatted_) format(seconds);
    return {text_, kBytes};
  }

 private:
  void format(int64_t seconds) noexcept;
  int64_t formatted_ = INT64_MIN;
  char text_[kBytes] = {};
};

enum class ConnectionField : uint8_t { kNone, kKeepAlive, kClose };

struct ResponseHead {
  // No Content-Length: chunked, ended by closing, or without a body.
  static constexpr int64_t kNoLength = -1;

  int status = 200;
  std::string_view date;         // a whole line, from DateField; empty for none
  std::string_view fields;       // whole lines, checked by the caller
  std::string_view contentType;  // a value; empty for none
  int64_t contentLength = kNoLength;
  bool chunked = false;
  ConnectionField connection = ConnectionField::kNone;
};

// No head takes more than this and its `fields` and `contentType`.
inline constexpr size_t kMostHeadOverhead = 256;
inline size_t mostBytes(const ResponseHead& head) {
  return kMostHeadOverhead + head.fields.size() + head.contentType.size();
}

// Writes the head with its closing empty line; returns the end. There must be room for mostBytes(head).
char* writeHead(char* to, const ResponseHead& head) noexcept;

// A line of text for the body of an error response ("404 Not Found\n"); a general one for statuses without a
// name.
std::string_view errorText(int status) noexcept;

// A whole error response that closes the connection; `head` (method HEAD) leaves out the body.
// Writes at most kMostErrorBytes.
inline constexpr size_t kMostErrorBytes = 384;
char* writeError(char* to, int status, std::string_view date, bool head) noexcept;

inline constexpr std::string_view kContinueResponse = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace stackful::http
