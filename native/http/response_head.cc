#include "response_head.h"

#include <algorithm>
#include <cstring>

namespace stackful::http {

namespace {

// "HTTP/d.d ddd" and a blank or CR: judged byte by byte as far as it has arrived, so that what is no HTTP fails at once.
constexpr size_t kFixed = 12;

HeadResult fault(HeadFault kind) {
  return {HeadStatus::kFault, kind};
}

constexpr HeadResult kIncomplete{HeadStatus::kNeedMore};
constexpr HeadResult kLineRead{HeadStatus::kComplete};

HeadResult readStatusLine(const char*& at, const char* end, AnswerHead& head) {
  constexpr char kShape[] = "HTTP/d.d ddd";
  const char* p = at;
  const auto have = static_cast<size_t>(end - p);
  for (size_t i = 0; i < std::min(have, kFixed); ++i) {
    if (kShape[i] == 'd' ? !isDigit(p[i]) : p[i] != kShape[i]) return fault(HeadFault::kStatusLine);
    if (i == 5 && p[i] != '1') return fault(HeadFault::kVersion);
  }
  if (have <= kFixed) return kIncomplete;
  head.minorVersion = p[7] == '0' ? 0 : 1;
  head.status = static_cast<uint16_t>((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
  if (head.status < 100) return fault(HeadFault::kStatusLine);
  p += kFixed;
  // RFC 9112 section 4 wants the blank also without a phrase; servers that leave it out are unambiguous.
  if (*p == ' ') {
    const char* reason = ++p;
    p = skipValueCharacters(p, end);
    head.reasonLength = static_cast<uint32_t>(p - reason);
    if (p == end) return kIncomplete;
  }
  if (*p != '\r') return fault(HeadFault::kStatusLine);
  if (end - p < 2) return kIncomplete;
  if (p[1] != '\n') return fault(HeadFault::kStatusLine);
  at = p + 2;
  return kLineRead;
}

// The fields that decide about framing and the connection.
HeadFault judgeField(std::string_view name, std::string_view value, AnswerHead& head) {
  switch (name.size()) {
    case 10:
      if (isWord(name, "connection")) readConnectionOptions(value, head);
      break;
    case 14:
      if (isWord(name, "content-length")) {
        const int64_t length = lengthIn(value);
        const bool differs = head.contentLength != AnswerHead::kNoLength && head.contentLength != length;
        if (length < 0 || differs) return HeadFault::kContentLength;
        if (head.chunked) return HeadFault::kTransferEncoding;
        head.contentLength = length;
      }
      break;
    case 17:
      if (isWord(name, "transfer-encoding")) {
        // In an answer of HTTP/1.0 a proxy in between may have passed it on without having understood it.
        const bool conflicts =
            head.chunked || head.minorVersion == 0 || head.contentLength != AnswerHead::kNoLength;
        if (conflicts || !isWord(value, "chunked")) return HeadFault::kTransferEncoding;
        head.chunked = true;
      }
      break;
    default:
      break;
  }
  return HeadFault::kNone;
}

HeadResult readLines(const char*& at, const char* data, const char* end, size_t mostFields,
                     AnswerHead& head) {
  const HeadResult first = readStatusLine(at, end, head);
  if (first.status != HeadStatus::kComplete) return first;
  head.fieldsAt = static_cast<uint32_t>(at - data);
  for (;;) {
    if (at == end) return kIncomplete;
    if (*at == '\r') {
      if (end - at < 2) return kIncomplete;
      if (at[1] != '\n') return fault(HeadFault::kField);
      at += 2;
      return kLineRead;
    }
    FieldLine line;
    const LineOutcome outcome = readFieldLine(at, end, line);
    if (outcome == LineOutcome::kIncomplete) return kIncomplete;
    if (outcome == LineOutcome::kMalformed) return fault(HeadFault::kField);
    if (head.fieldCount >= mostFields) return fault(HeadFault::kTooManyFields);
    ++head.fieldCount;
    const HeadFault wrong = judgeField(line.name, line.value, head);
    if (wrong != HeadFault::kNone) return fault(wrong);
  }
}

}  // namespace

HeadResult parseResponseHead(const char* data, size_t n, size_t mostBytes, size_t mostFields,
                             AnswerHead& head) noexcept {
  head = AnswerHead();
  const char* at = data;
  const char* end = data + std::min(n, mostBytes);
  const HeadResult result = readLines(at, data, end, std::min(mostFields, AnswerHead::kMostFields), head);
  if (result.status == HeadStatus::kNeedMore && n >= mostBytes) return fault(HeadFault::kTooLarge);
  if (result.status != HeadStatus::kComplete) return result;
  head.headLength = static_cast<uint32_t>(at - data);
  head.keepAlive = !head.saysClose && (head.minorVersion != 0 || head.saysKeepAlive);
  return result;
}

}  // namespace stackful::http
