// Bodies in chunked transfer coding (RFC 9112 section 7.1), decoded in place as they arrive.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stackful::http {

class ChunkedDecoder {
 public:
  // What one byte of payload may cost in framing is bounded: a chunk line, all extensions of a body together
  // (otherwise one-byte chunks with long extensions are traffic that no body limit counts), and the trailer.
  static constexpr uint32_t kMostExtensionBytes = 16 * 1024;
  static constexpr uint32_t kMostTrailerBytes = 8 * 1024;
  // Fifteen hexadecimal digits: 2^60 - 1 always fits in 64 bits, leading zeros included in the count.
  static constexpr uint8_t kMostSizeDigits = 15;

  enum class Status : uint8_t {
    kNeedMore,  // everything given was used, and the body goes on
    kData,      // [data, data + length) of what was given is payload; call again with what follows
    kDone,      // the body has ended; what follows `consumed` is the next request's
    kError,     // malformed, or out of bounds; stays so
  };
  struct Step {
    Status status;
    size_t consumed;  // bytes of what was given that are dealt with, payload included
    const char* data = nullptr;
    size_t length = 0;
  };

  // At most `mostData` (at least 1) bytes of payload are handed out by one call.
  Step feed(const char* bytes, size_t n, size_t mostData = SIZE_MAX) noexcept;
  // As feed, for those who want the trailer: a call ends in front of it, with kNeedMore although bytes are left, and
  // what later calls use belongs to it, with the empty line at its end.
  Step feedToTrailer(const char* bytes, size_t n) noexcept;
  bool atTrailer() const noexcept { return state_ >= State::kTrailerStart && state_ <= State::kEndLf; }
  void reset() noexcept { *this = ChunkedDecoder(); }
  bool done() const noexcept { return state_ == State::kDone; }
  // So many of the bytes to come are payload, whatever they are.
  uint64_t payloadLeft() const noexcept { return state_ == State::kData ? remaining_ : 0; }

 private:
  enum class State : uint8_t {
    kSize,              // in the digits of a size
    kExtensionName,     // behind the ';' of an extension, at its first byte
    kExtensionMore,     // further on in its name
    kExtensionValue,    // behind '=', at the first byte
    kExtensionToken,    // further on in a value that is a token
    kExtensionQuoted,   // in a value in quotes
    kExtensionEscaped,  // ... behind a backslash
    kExtensionEnd,      // behind the closing quote
    kSizeLf,            // LF of a size line
    kData,              // remaining_ bytes of payload
    kDataCr,            // CR and
    kDataLf,            //   LF behind the payload
    kTrailerStart,      // first byte of a trailer field, or of the last line
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kEndLf,  // LF of the last, empty line
    kDone,
    kError,
  };

  State readFraming(char c) noexcept;
  State readExtension(char c) const noexcept;

  uint64_t remaining_ = 0;
  uint32_t extensionBytes_ = 0;
  uint32_t trailerBytes_ = 0;
  State state_ = State::kSize;
  uint8_t digits_ = 0;
};

}  // namespace stackful::http
