#include "../../native/http/response_head.h"

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "../../native/http/chunked.h"

using namespace stackful::http;

namespace {

struct Parsed {
  AnswerHead head;
  HeadResult result;

  // Exactly the bytes of `text`, on the heap: AddressSanitizer then sees a read past the end.
  explicit Parsed(const std::string& text, size_t mostBytes = 65536, size_t mostFields = 100) {
    std::unique_ptr<char[]> bytes(new char[text.size()]);
    std::memcpy(bytes.get(), text.data(), text.size());
    result = parseResponseHead(bytes.get(), text.size(), mostBytes, mostFields, head);
  }
  bool complete() const { return result.status == HeadStatus::kComplete; }
};

std::string answer(const std::string& fields) {
  return "HTTP/1.1 200 OK\r\n" + fields + "\r\n";
}

}  // namespace

TEST_CASE("a response head tells what decides about framing and the connection") {
  const Parsed parsed(answer("Content-Length: 12\r\nconnection: Keep-Alive , Upgrade\r\nX: y\r\n") + "body");
  REQUIRE(parsed.complete());
  CHECK(parsed.head.status == 200);
  CHECK(parsed.head.minorVersion == 1);
  CHECK(parsed.head.contentLength == 12);
  CHECK(parsed.head.keepAlive);
  CHECK(parsed.head.saysUpgrade);
  CHECK_FALSE(parsed.head.chunked);
  CHECK(parsed.head.fieldCount == 3);
  CHECK(Parsed(answer("Transfer-Encoding: Chunked\r\n")).head.chunked);
  CHECK_FALSE(Parsed(answer("Connection: close\r\n")).head.keepAlive);
  CHECK_FALSE(Parsed("HTTP/1.0 200 OK\r\n\r\n").head.keepAlive);
  CHECK(Parsed("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n").head.keepAlive);
}

TEST_CASE("a response head is refused with what is wrong") {
  const std::vector<std::pair<std::string, HeadFault>> cases = {
      {"HTTQ/1.1 200 OK\r\n\r\n", HeadFault::kStatusLine},
      {"HTTP/2.0 200 OK\r\n\r\n", HeadFault::kVersion},
      {"HTTP/1.1 200OK\r\n\r\n", HeadFault::kStatusLine},
      {"HTTP/1.1 200 OK\n\r\n", HeadFault::kStatusLine},
      {answer("A : b\r\n"), HeadFault::kField},
      {answer(" folded\r\n"), HeadFault::kField},
      {answer("A: b\n"), HeadFault::kField},
      {answer(std::string("A: b\0c\r\n", 8)), HeadFault::kField},
      {answer("Content-Length: 1\r\nContent-Length: 2\r\n"), HeadFault::kContentLength},
      {answer("Content-Length: 1, 1\r\n"), HeadFault::kContentLength},
      {answer("Content-Length: 9223372036854775808\r\n"), HeadFault::kContentLength},
      {answer("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), HeadFault::kTransferEncoding},
      {answer("Transfer-Encoding: chunked, chunked\r\n"), HeadFault::kTransferEncoding},
      {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HeadFault::kTransferEncoding},
  };
  for (const auto& [text, fault] : cases) {
    CAPTURE(text);
    const Parsed parsed(text);
    CHECK(parsed.result.status == HeadStatus::kFault);
    CHECK(parsed.result.fault == fault);
  }
  CHECK(Parsed(answer("A: " + std::string(100, 'b') + "\r\n"), 64).result.fault == HeadFault::kTooLarge);
  CHECK(Parsed(answer("A: b\r\nA: b\r\n"), 65536, 1).result.fault == HeadFault::kTooManyFields);
}

TEST_CASE("a response head that is cut off anywhere needs more, or is refused for what has come") {
  const std::string text = answer("Content-Length: 3\r\nX-Y: \t z \r\n");
  for (size_t n = 0; n < text.size(); ++n) {
    CAPTURE(n);
    CHECK(Parsed(text.substr(0, n)).result.status == HeadStatus::kNeedMore);
  }
  CHECK(Parsed(text).head.headLength == text.size());
}

TEST_CASE("fields are told in order, and only fields") {
  const std::string lines = "A: 1\r\nb:2\r\n\r\nC: 3\r\n";
  std::string seen;
  eachField(lines, [&](std::string_view name, std::string_view value) {
    seen.append(name).append("=").append(value).append(" ");
    return true;
  });
  CHECK(seen == "A=1 b=2 ");
}

TEST_CASE(
    "a decoder that stops before the trailer gives the same payload and all of the trailer, however cut up") {
  const std::string text = "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nA: 1\r\nB: 2\r\n\r\nnext";
  for (size_t step = 1; step <= text.size(); ++step) {
    CAPTURE(step);
    ChunkedDecoder decoder;
    std::string payload, trailer;
    size_t at = 0;
    bool done = false;
    for (size_t end = std::min(step, text.size()); !done;) {
      const bool inTrailer = decoder.atTrailer();
      const ChunkedDecoder::Step result = decoder.feedToTrailer(text.data() + at, end - at);
      REQUIRE(result.status != ChunkedDecoder::Status::kError);
      if (inTrailer) trailer.append(text, at, result.consumed);
      at += result.consumed;
      if (result.status == ChunkedDecoder::Status::kData) payload.append(result.data, result.length);
      done = result.status == ChunkedDecoder::Status::kDone;
      if (at == end) end = std::min(end + step, text.size());
    }
    CHECK(payload == "hello!");
    CHECK(trailer == "A: 1\r\nB: 2\r\n\r\n");
    CHECK(text.substr(at) == "next");
  }
}
