#include "parser.h"

#include <algorithm>

#include "field_line.h"

namespace stackful::http {

namespace {

constexpr uint16_t kContinueLine = 0;  // a line was read
constexpr uint16_t kIncomplete = 1;    // its end has not arrived; anything larger is an HTTP status

uint64_t loadLower8(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, 8);
  return word | 0x2020202020202020u;
}

constexpr uint64_t word8(const char (&text)[9]) {
  uint64_t word = 0;
  for (int i = 7; i >= 0; --i) word = word << 8 | static_cast<unsigned char>(text[i]);
  return word;
}

Method methodOf(std::string_view name) {
  switch (name.size()) {
    case 3:
      if (name == "GET") return Method::kGet;
      if (name == "PUT") return Method::kPut;
      break;
    case 4:
      if (name == "HEAD") return Method::kHead;
      if (name == "POST") return Method::kPost;
      break;
    case 5:
      if (name == "PATCH") return Method::kPatch;
      if (name == "TRACE") return Method::kTrace;
      break;
    case 6:
      if (name == "DELETE") return Method::kDelete;
      break;
    case 7:
      if (name == "OPTIONS") return Method::kOptions;
      if (name == "CONNECT") return Method::kConnect;
      break;
    default:
      break;
  }
  return Method::kOther;
}

// RFC 9112 section 3.2: a path, an absolute URI, an authority (CONNECT only) or an asterisk (OPTIONS only).
bool isTargetForm(Method method, std::string_view target) {
  if (method == Method::kConnect) return std::all_of(target.begin(), target.end(), isHostCharacter);
  if (target[0] == '/') return true;
  if (target == "*") return method == Method::kOptions;
  size_t scheme = target.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return false;
  std::string_view authority = target.substr(scheme + 3);
  authority = authority.substr(0, std::min(authority.find_first_of("/?"), authority.size()));
  auto inAuthority = [](char c) { return isHostCharacter(c) || c == '@'; };
  return std::all_of(target.begin(), target.begin() + static_cast<ptrdiff_t>(scheme), isLetter) &&
         std::all_of(authority.begin(), authority.end(), inAuthority);
}

// "HTTP/d.d" CR LF, judged byte by byte as far as it has arrived.
uint16_t readVersion(const char* p, size_t have, Head& head) {
  constexpr size_t kBytes = 10;
  if (have >= kBytes && std::memcmp(p, "HTTP/1.1\r\n", kBytes) == 0) {
    head.minorVersion = 1;
    return kContinueLine;
  }
  constexpr char kShape[] = "HTTP/d.d\r\n";
  for (size_t i = 0; i < std::min(have, kBytes); ++i) {
    if (kShape[i] == 'd' ? !isDigit(p[i]) : p[i] != kShape[i]) return 400;
  }
  if (have < kBytes) return kIncomplete;
  if (p[5] != '1') return 505;
  head.minorVersion = p[7] == '0' ? 0 : 1;
  return kContinueLine;
}

uint16_t readRequestLine(const char* data, const char*& at, const char* end, const HeadLimits& limits,
                         Head& head) {
  const char* p = at;
  const char* begin = p;
  if (end - p >= 4 && std::memcmp(p, "GET ", 4) == 0) {
    head.method = Method::kGet;
    p += 3;
  } else {
    while (p != end && isTokenCharacter(*p)) ++p;
    if (p == end) return kIncomplete;
    if (*p != ' ' || p == begin) return 400;
    head.method = methodOf({begin, static_cast<size_t>(p - begin)});
  }
  head.methodAt = static_cast<uint16_t>(begin - data);
  head.methodLength = static_cast<uint16_t>(p - begin);
  ++p;

  const char* target = p;
  const char* mostTarget = static_cast<size_t>(end - p) > limits.targetBytes ? p + limits.targetBytes : end;
  p = skipTargetCharacters(p, mostTarget);
  if (p == end) return kIncomplete;
  if (*p != ' ') {
    // Anything legal here stands just past the longest target allowed.
    return isTargetCharacter(*p) ? 414 : 400;
  }
  if (p == target) return 400;
  head.targetAt = static_cast<uint16_t>(target - data);
  head.targetLength = static_cast<uint16_t>(p - target);
  ++p;

  uint16_t outcome = readVersion(p, static_cast<size_t>(end - p), head);
  if (outcome != kContinueLine) return outcome;
  // After the version, so that HTTP/2's "PRI * HTTP/2.0" is told about the version.
  if (!isTargetForm(head.method, {target, head.targetLength})) return 400;
  at = p + 10;
  return kContinueLine;
}

uint16_t readContentLength(std::string_view value, Head& head) {
  // A second one is refused even when it agrees: it has no honest cause, and "5, 5" is not a number either.
  if (head.contentLength != Head::kNoLength || head.chunked) return 400;
  const int64_t length = lengthIn(value);
  if (length < 0) return 400;
  head.contentLength = length;
  return kContinueLine;
}

uint16_t readTransferEncoding(std::string_view value, Head& head) {
  // A 1.0 client cannot mean it, and a 1.0 proxy in between would not have understood it.
  if (head.contentLength != Head::kNoLength || head.chunked || head.minorVersion == 0) return 400;
  if (!isWord(value, "chunked")) return 501;
  head.chunked = true;
  return kContinueLine;
}

uint16_t readHost(std::string_view value, Head& head) {
  if (head.hasHost || !std::all_of(value.begin(), value.end(), isHostCharacter)) return 400;
  head.hasHost = true;
  return kContinueLine;
}

// The fields that decide about framing and the connection; the others are the application's.
uint16_t judgeField(std::string_view name, std::string_view value, Head& head) {
  switch (name.size()) {
    case 4:
      if (isWord(name.data(), "host")) return readHost(value, head);
      break;
    case 6:
      if (isWord(name.data(), "expect") && head.minorVersion != 0) {
        if (!isWord(value, "100-continue")) return 417;
        head.expectContinue = true;
      }
      break;
    case 7:
      if (isWord(name.data(), "upgrade")) head.hasUpgrade = true;
      break;
    case 10:
      if (loadLower8(name.data()) == word8("connecti") && isWord(name.data() + 8, "on")) {
        readConnectionOptions(value, head);
      }
      break;
    case 14:
      if (loadLower8(name.data()) == word8("content-") && isWord(name.data() + 8, "length")) {
        return readContentLength(value, head);
      }
      break;
    case 17:
      if (loadLower8(name.data()) == word8("transfer") && isWord(name.data() + 8, "-encoding")) {
        return readTransferEncoding(value, head);
      }
      break;
    default:
      break;
  }
  return kContinueLine;
}

uint16_t readField(const char* data, const char*& at, const char* end, const HeadLimits& limits, Head& head) {
  FieldLine line;
  const LineOutcome outcome = readFieldLine(at, end, line);
  if (outcome != LineOutcome::kRead) return outcome == LineOutcome::kIncomplete ? kIncomplete : 400;

  if (head.fieldCount >= limits.fields || head.fieldCount >= Head::kMostFields) return 431;
  Field& field = head.fields[head.fieldCount++];
  field.nameAt = static_cast<uint16_t>(line.name.data() - data);
  field.nameLength = static_cast<uint16_t>(line.name.size());
  field.valueAt = static_cast<uint16_t>(line.value.data() - data);
  field.valueLength = static_cast<uint16_t>(line.value.size());
  return judgeField(line.name, line.value, head);
}

uint16_t skipEmptyLines(const char*& at, const char* end, Head& head) {
  while (at != end && *at == '\r') {
    if (end - at < 2) return kIncomplete;
    if (at[1] != '\n' || head.emptyLines == kLeadingEmptyLines) return 400;
    ++head.emptyLines;
    at += 2;
  }
  return at == end ? kIncomplete : kContinueLine;
}

// One pass over the lines from `at` on; `at` stays at the first one that is not complete.
uint16_t readLines(const char* data, const char*& at, const char* end, const HeadLimits& limits, Head& head) {
  if (!head.hasRequestLine) {
    uint16_t outcome = skipEmptyLines(at, end, head);
    if (outcome == kContinueLine) outcome = readRequestLine(data, at, end, limits, head);
    if (outcome != kContinueLine) return outcome;
    head.hasRequestLine = true;
  }
  for (;;) {
    if (at == end) return kIncomplete;
    if (*at == '\r') {
      if (end - at < 2) return kIncomplete;
      if (at[1] != '\n') return 400;
      at += 2;
      return kContinueLine;
    }
    uint16_t outcome = readField(data, at, end, limits, head);
    if (outcome != kContinueLine) return outcome;
  }
}

}  // namespace

void Head::reset() noexcept {
  // All but `fields`: 2 KiB that a small request never touches.
  std::memset(static_cast<void*>(this), 0, offsetof(Head, fields));
  contentLength = kNoLength;
}

int Head::find(std::string_view fieldName, size_t from) const noexcept {
  for (size_t i = from; i < fieldCount; ++i) {
    if (equalsIgnoringCase(name(i), fieldName)) return static_cast<int>(i);
  }
  return -1;
}

ParseResult parseHead(const char* data, size_t n, const HeadLimits& limits, Head& head) noexcept {
  size_t most = std::min<size_t>(limits.headBytes, kMostHeadBytes);
  const char* end = data + std::min(n, most);
  const char* at = data + head.next;
  head.data = data;
  uint16_t outcome = readLines(data, at, end, limits, head);
  head.next = static_cast<uint32_t>(at - data);
  if (outcome == kIncomplete) {
    if (n < most) return {ParseStatus::kNeedMore};
    outcome = 431;
  }
  if (outcome == kContinueLine && !head.hasHost && head.minorVersion != 0) outcome = 400;
  if (outcome != kContinueLine) return {ParseStatus::kError, outcome};

  head.keepAlive = !head.saysClose && (head.minorVersion != 0 || head.saysKeepAlive);
  head.upgrade = head.hasUpgrade && head.saysUpgrade && head.minorVersion != 0;
  return {ParseStatus::kComplete, 0, head.next};
}

}  // namespace stackful::http
