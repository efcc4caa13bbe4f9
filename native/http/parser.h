// Request heads of HTTP/1.x: strict, bounded, without allocation or copying. What RFC 9112 lets a server
// tolerate and proxies are known to read differently (bare LF, folded lines, doubled lengths) is refused
// here, because two readings of one message are what request smuggling is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stackful::http {

enum class Method : uint8_t { kOther, kGet, kHead, kPost, kPut, kDelete, kPatch, kOptions, kConnect, kTrace };

struct HeadLimits {
  uint32_t headBytes = 16 * 1024;  // request line and fields with their line ends; at most kMostHeadBytes
  uint32_t targetBytes = 8 * 1024;
  uint32_t fields = 100;  // at most Head::kMostFields
};

// Positions in a head are 16 bits wide, so that a field takes 8 bytes.
inline constexpr size_t kMostHeadBytes = 65535;
// RFC 9112 section 2.2: an empty line before the request line is ignored. Two, because clients that end a
// body with a stray CRLF exist, and a second one costs nothing; more would be a way to keep a connection busy
// for free.
inline constexpr int kLeadingEmptyLines = 2;

struct Field {
  uint16_t nameAt, nameLength, valueAt, valueLength;
};

// A head that is complete, or under way. Positions are relative to the first byte given to parseHead, so the
// bytes may be moved between two calls; the views are valid as long as the bytes given to the last call.
struct Head {
  static constexpr size_t kMostFields = 256;
  static constexpr int64_t kNoLength = -1;

  Head() noexcept { reset(); }
  // Before the first byte of another head.
  void reset() noexcept;

  std::string_view methodName() const { return {data + methodAt, methodLength}; }
  std::string_view target() const { return {data + targetAt, targetLength}; }
  std::string_view name(size_t i) const { return {data + fields[i].nameAt, fields[i].nameLength}; }
  std::string_view value(size_t i) const { return {data + fields[i].valueAt, fields[i].valueLength}; }
  // Position of the first field of that name (case does not matter) at or after `from`, or -1.
  int find(std::string_view fieldName, size_t from = 0) const noexcept;
  bool hasBody() const { return chunked || contentLength > 0; }

  const char* data;
  int64_t contentLength;  // kNoLength when there is no such field
  uint32_t next;          // first byte of the line to be read next
  uint16_t methodAt, methodLength;
  uint16_t targetAt, targetLength;
  uint16_t fieldCount;
  Method method;
  uint8_t minorVersion;  // 0 or 1; a higher 1.x is treated as 1.1, as RFC 9110 section 2.5 asks
  uint8_t emptyLines;    // ignored before the request line
  bool hasRequestLine;
  bool hasHost;
  bool chunked;
  bool expectContinue;
  bool keepAlive;  // final once the head is complete
  bool upgrade;    // an Upgrade field, and Connection names it
  // Seen in Connection and Upgrade fields so far.
  bool saysClose, saysKeepAlive, saysUpgrade, hasUpgrade;
  Field fields[kMostFields];  // the first fieldCount are set
};

enum class ParseStatus : uint8_t { kComplete, kNeedMore, kError };

struct ParseResult {
  ParseStatus status;
  uint16_t error = 0;     // kError: the response's status: 400, 414, 417, 431, 501 or 505
  uint32_t consumed = 0;  // kComplete: bytes of the head; what follows is its body or the next head
};

// Reads the head at the start of [data, data + n). After kNeedMore, call again with the same bytes and more
// behind them (n may also be unchanged), and the same Head: it continues at the first line that was not
// complete, so that a head arriving byte by byte is not quadratic. The result does not depend on how the
// bytes were cut up.
ParseResult parseHead(const char* data, size_t n, const HeadLimits& limits, Head& head) noexcept;

}  // namespace stackful::http
