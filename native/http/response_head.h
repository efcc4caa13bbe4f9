// Response heads of HTTP/1.x: as strict as those of requests (parser.h), because two readings of one answer are what
// smuggling is made of on this side, too: a server behind a proxy decides what the next client is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "field_line.h"

namespace stackful::http {

// What is wrong with a head. lib/http/client/errors.ts repeats the numbers.
enum class HeadFault : uint8_t {
  kNone,
  kStatusLine,
  kVersion,  // not 1.x
  kField,
  kTooLarge,  // in bytes
  kTooManyFields,
  kContentLength,     // no number, or two that differ
  kTransferEncoding,  // not chunked, not in HTTP/1.1, or beside a Content-Length
};

struct AnswerHead {
  static constexpr int64_t kNoLength = -1;
  static constexpr size_t kMostFields = 1024;

  int64_t contentLength = kNoLength;
  uint32_t headLength = 0;    // bytes, with the empty line
  uint32_t fieldsAt = 0;      // behind the status line
  uint32_t reasonLength = 0;  // of the phrase that ends the status line
  uint16_t status = 0;
  uint16_t fieldCount = 0;
  uint8_t minorVersion = 0;  // 0 or 1; a higher 1.x is treated as 1.1
  bool chunked = false;
  bool keepAlive = false;  // final once the head is complete
  bool saysClose = false, saysKeepAlive = false, saysUpgrade = false;
};

enum class HeadStatus : uint8_t { kComplete, kNeedMore, kFault };

struct HeadResult {
  HeadStatus status;
  HeadFault fault = HeadFault::kNone;
};

// Reads the head at the start of [data, data + n), from its beginning each time. The result does not depend on how the bytes
// were cut up.
HeadResult parseResponseHead(const char* data, size_t n, size_t mostBytes, size_t mostFields,
                             AnswerHead& head) noexcept;

// Calls `each(name, value)` for every field of a head that parseResponseHead has found complete, until it returns false.
template <class Each>
void eachField(std::string_view bytes, Each each) noexcept {
  const char* at = bytes.data();
  const char* end = at + bytes.size();
  FieldLine line;
  while (at != end && readFieldLine(at, end, line) == LineOutcome::kRead) {
    if (!each(line.name, line.value)) return;
  }
}

}  // namespace stackful::http
