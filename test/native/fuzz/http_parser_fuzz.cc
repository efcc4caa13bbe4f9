// libFuzzer: clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined http_parser_fuzz.cc
// ../../../native/http/*.cc The first byte chooses the parser, the second seeds where the input is cut; the
// rest is the input. Every parser must say the same about an input in pieces as about the whole, and what it
// accepts must hold up to its own promises.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "../../../native/http/chunked.h"
#include "../../../native/http/parser.h"
#include "../../../native/http/target.h"

using namespace stackful::http;

namespace {

#define REQUIRE(condition)          \
  do {                              \
    if (!(condition)) std::abort(); \
  } while (false)

// Exactly `n` bytes on the heap, so that AddressSanitizer sees a read past the end.
std::unique_ptr<char[]> copyOf(const char* bytes, size_t n) {
  std::unique_ptr<char[]> copy(new char[n]);
  if (n > 0) std::memcpy(copy.get(), bytes, n);
  return copy;
}

class Cuts {
 public:
  explicit Cuts(uint32_t seed) : state_(seed * 2654435761u + 1) {}
  size_t next() {
    state_ = state_ * 1664525u + 1013904223u;
    return 1 + (state_ >> 24) % 23;
  }

 private:
  uint32_t state_;
};

void checkHead(const char* bytes, size_t n, const Head& head, const ParseResult& result) {
  REQUIRE(result.consumed <= n && result.consumed >= 4);
  REQUIRE(std::memcmp(bytes + result.consumed - 4, "\r\n\r\n", 4) == 0);
  REQUIRE(!head.methodName().empty() && !head.target().empty());
  REQUIRE(head.hasHost || head.minorVersion == 0);
  REQUIRE(!(head.chunked && head.contentLength != Head::kNoLength));
  REQUIRE(!head.chunked || head.minorVersion == 1);
  int hosts = 0;
  int framings = 0;
  for (size_t i = 0; i < head.fieldCount; ++i) {
    REQUIRE(!head.name(i).empty());
    REQUIRE(head.find(head.name(i)) >= 0);
    std::string name;
    for (char c : head.name(i)) {
      REQUIRE(std::strchr(" \t:\r\n", c) == nullptr);
      name += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    for (char c : head.value(i)) REQUIRE(std::strchr("\r\n", c) == nullptr);
    if (!head.value(i).empty()) {
      REQUIRE(head.value(i).front() != ' ' && head.value(i).back() != ' ');
    }
    hosts += name == "host";
    framings += name == "content-length" || name == "transfer-encoding";
  }
  REQUIRE(hosts <= 1 && framings <= 1);
  REQUIRE((framings == 1) == (head.chunked || head.contentLength != Head::kNoLength));
}

void fuzzHead(const char* bytes, size_t n, uint8_t seed) {
  HeadLimits limits;
  if (seed & 1) {
    limits.headBytes = 200;
    limits.targetBytes = 30;
    limits.fields = 5;
  }
  Head whole;
  std::unique_ptr<char[]> copy = copyOf(bytes, n);
  ParseResult expected = parseHead(copy.get(), n, limits, whole);
  if (expected.status == ParseStatus::kComplete) checkHead(copy.get(), n, whole, expected);

  Head head;
  Cuts cuts(seed);
  ParseResult result{ParseStatus::kNeedMore};
  std::unique_ptr<char[]> piece;
  for (size_t have = 0; result.status == ParseStatus::kNeedMore;) {
    piece = copyOf(bytes, have);
    result = parseHead(piece.get(), have, limits, head);
    if (have == n) break;
    have = std::min(n, have + cuts.next());
  }
  REQUIRE(result.status == expected.status);
  REQUIRE(result.error == expected.error);
  REQUIRE(result.consumed == expected.consumed);
  if (result.status != ParseStatus::kComplete) return;
  REQUIRE(head.fieldCount == whole.fieldCount);
  REQUIRE(head.method == whole.method && head.methodName() == whole.methodName() &&
          head.target() == whole.target());
  REQUIRE(head.contentLength == whole.contentLength && head.chunked == whole.chunked);
  REQUIRE(head.keepAlive == whole.keepAlive && head.upgrade == whole.upgrade);
  for (size_t i = 0; i < head.fieldCount; ++i) {
    REQUIRE(head.name(i) == whole.name(i) && head.value(i) == whole.value(i));
  }
}

struct Body {
  std::string bytes;
  size_t consumed = 0;
  ChunkedDecoder::Status status = ChunkedDecoder::Status::kNeedMore;
};

Body decode(const char* bytes, size_t n, Cuts* cuts) {
  using Status = ChunkedDecoder::Status;
  ChunkedDecoder decoder;
  Body body;
  while (body.consumed < n && body.status == Status::kNeedMore) {
    size_t length = cuts ? std::min(n - body.consumed, cuts->next()) : n;
    std::unique_ptr<char[]> piece = copyOf(bytes + body.consumed, length);
    size_t used = 0;
    do {
      size_t most = cuts ? cuts->next() : SIZE_MAX;
      ChunkedDecoder::Step step = decoder.feed(piece.get() + used, length - used, most);
      REQUIRE(step.consumed <= length - used);
      body.status = step.status;
      if (step.status == Status::kData) {
        REQUIRE(step.length > 0 && step.length <= most);
        REQUIRE(step.data >= piece.get() + used &&
                step.data + step.length == piece.get() + used + step.consumed);
        body.bytes.append(step.data, step.length);
      }
      used += step.consumed;
    } while (body.status == Status::kData);
    REQUIRE(body.status != Status::kNeedMore || used == length);
    body.consumed += used;
  }
  return body;
}

void fuzzChunked(const char* bytes, size_t n, uint8_t seed) {
  Cuts cuts(seed);
  Body whole = decode(bytes, n, nullptr);
  Body pieces = decode(bytes, n, &cuts);
  REQUIRE(whole.bytes == pieces.bytes);
  REQUIRE(whole.consumed == pieces.consumed);
  REQUIRE(whole.status == pieces.status);
}

void fuzzTarget(const char* bytes, size_t n, uint8_t seed) {
  std::unique_ptr<char[]> target = copyOf(bytes, n);
  std::unique_ptr<char[]> room(new char[n + 1]);
  FilePath result;
  int error = normalizeTarget({target.get(), n}, room.get(), n + 1, result);
  REQUIRE(error == 0 || error == 400 || error == 404);

  std::unique_ptr<char[]> tight(new char[seed]);
  FilePath other;
  int otherError = normalizeTarget({target.get(), n}, tight.get(), seed, other);
  REQUIRE(otherError == error || otherError == 414);
  if (error != 0) return;

  std::string path(result.path);
  REQUIRE(path.size() <= n + 1 && path[0] == '/');
  REQUIRE(path.find('\0') == std::string::npos && path.find('\\') == std::string::npos);
  REQUIRE(path.find("//") == std::string::npos);
  std::string closed = path + "/";
  REQUIRE(closed.find("/../") == std::string::npos && closed.find("/./") == std::string::npos);
  // A normal path without '%' is its own normal form.
  if (path.find_first_of("%?#") == std::string::npos) {
    FilePath again;
    std::unique_ptr<char[]> second(new char[path.size()]);
    REQUIRE(normalizeTarget(path, second.get(), path.size(), again) == 0);
    REQUIRE(again.path == path);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const char* bytes = reinterpret_cast<const char*>(data) + 2;
  switch (data[0] % 3) {
    case 0:
      fuzzHead(bytes, size - 2, data[1]);
      break;
    case 1:
      fuzzChunked(bytes, size - 2, data[1]);
      break;
    default:
      fuzzTarget(bytes, size - 2, data[1]);
      break;
  }
  return 0;
}
