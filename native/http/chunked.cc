#include "chunked.h"

#include <algorithm>

#include "characters.h"

namespace stackful::http {

// *( ";" token [ "=" ( token / quoted-string ) ] ): extensions are skipped, but a reader that takes a line end
// inside one for part of it, or the other way round, sees other chunks than the next reader.
ChunkedDecoder::State ChunkedDecoder::readExtension(char c) const noexcept {
  switch (state_) {
    case State::kExtensionName:
      return isTokenCharacter(c) ? State::kExtensionMore : State::kError;
    case State::kExtensionMore:
      if (c == '=') return State::kExtensionValue;
      [[fallthrough]];
    case State::kExtensionToken:
      if (isTokenCharacter(c)) return state_;
      [[fallthrough]];
    case State::kExtensionEnd:
      if (c == ';') return State::kExtensionName;
      return c == '\r' ? State::kSizeLf : State::kError;
    case State::kExtensionValue:
      if (c == '"') return State::kExtensionQuoted;
      return isTokenCharacter(c) ? State::kExtensionToken : State::kError;
    case State::kExtensionQuoted:
      if (c == '"') return State::kExtensionEnd;
      if (c == '\\') return State::kExtensionEscaped;
      [[fallthrough]];
    default:
      return isValueCharacter(c) ? State::kExtensionQuoted : State::kError;
  }
}

// The state that follows one byte outside the payload.
ChunkedDecoder::State ChunkedDecoder::readFraming(char c) noexcept {
  switch (state_) {
    case State::kSize: {
      int digit = hexValue(c);
      if (digit >= 0) {
        if (digits_ == kMostSizeDigits) return State::kError;
        ++digits_;
        remaining_ = remaining_ << 4 | static_cast<uint64_t>(digit);
        return State::kSize;
      }
      if (digits_ == 0) return State::kError;
      if (c == '\r') return State::kSizeLf;
      // No blank between the size and ';': that is "bad whitespace", which implementations read differently.
      return c == ';' ? State::kExtensionName : State::kError;
    }
    case State::kExtensionName:
    case State::kExtensionMore:
    case State::kExtensionValue:
    case State::kExtensionToken:
    case State::kExtensionQuoted:
    case State::kExtensionEscaped:
    case State::kExtensionEnd: {
      const State next = readExtension(c);
      return next == State::kSizeLf || ++extensionBytes_ <= kMostExtensionBytes ? next : State::kError;
    }
    case State::kSizeLf:
      if (c != '\n') return State::kError;
      digits_ = 0;
      return remaining_ == 0 ? State::kTrailerStart : State::kData;
    case State::kDataCr:
      return c == '\r' ? State::kDataLf : State::kError;
    case State::kDataLf:
      return c == '\n' ? State::kSize : State::kError;
    case State::kTrailerStart:
      if (c == '\r') return State::kEndLf;
      return isTokenCharacter(c) && ++trailerBytes_ <= kMostTrailerBytes ? State::kTrailerName
                                                                         : State::kError;
    case State::kTrailerName:
      if (++trailerBytes_ > kMostTrailerBytes) return State::kError;
      if (c == ':') return State::kTrailerValue;
      return isTokenCharacter(c) ? State::kTrailerName : State::kError;
    case State::kTrailerValue:
      if (++trailerBytes_ > kMostTrailerBytes) return State::kError;
      if (c == '\r') return State::kTrailerLf;
      return isValueCharacter(c) ? State::kTrailerValue : State::kError;
    case State::kTrailerLf:
      return c == '\n' ? State::kTrailerStart : State::kError;
    case State::kEndLf:
      return c == '\n' ? State::kDone : State::kError;
    case State::kData:
    case State::kDone:
    case State::kError:
      break;
  }
  return State::kError;
}

ChunkedDecoder::Step ChunkedDecoder::feed(const char* bytes, size_t n, size_t mostData) noexcept {
  size_t at = 0;
  while (state_ != State::kDone && state_ != State::kError && at < n) {
    if (state_ != State::kData) {
      state_ = readFraming(bytes[at]);
      // The offending byte is not counted as dealt with.
      if (state_ != State::kError) ++at;
      continue;
    }
    auto length = static_cast<size_t>(std::min<uint64_t>(remaining_, std::min(n - at, mostData)));
    remaining_ -= length;
    if (remaining_ == 0) state_ = State::kDataCr;
    return {Status::kData, at + length, bytes + at, length};
  }
  if (state_ == State::kDone) return {Status::kDone, at};
  return {state_ == State::kError ? Status::kError : Status::kNeedMore, at};
}

ChunkedDecoder::Step ChunkedDecoder::feedToTrailer(const char* bytes, size_t n) noexcept {
  if (atTrailer() || state_ == State::kData || state_ >= State::kDone) return feed(bytes, n);
  size_t at = 0;
  while (at < n && state_ != State::kData && state_ != State::kTrailerStart) {
    // Byte by byte: size lines are short.
    if (feed(bytes + at, 1).status == Status::kError) return {Status::kError, at};
    ++at;
  }
  if (state_ != State::kData || at == n) return {Status::kNeedMore, at};
  const Step step = feed(bytes + at, n - at);
  return {step.status, at + step.consumed, step.data, step.length};
}

}  // namespace stackful::http
