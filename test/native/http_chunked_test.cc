#include "../../native/http/chunked.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <utility>
#include <vector>

using stackful::http::ChunkedDecoder;
using Status = ChunkedDecoder::Status;

namespace {

struct Decoded {
  std::string body;
  Status status = Status::kNeedMore;
  size_t consumed = 0;
};

// Feeds pieces of the sizes that `pieceSize` gives; every piece is its own allocation.
template <class PieceSize>
Decoded decode(const std::string& text, PieceSize pieceSize, size_t mostData = SIZE_MAX) {
  ChunkedDecoder decoder;
  Decoded out;
  while (out.consumed < text.size() && (out.status == Status::kNeedMore || out.status == Status::kData)) {
    std::vector<char> piece(
        text.begin() + static_cast<ptrdiff_t>(out.consumed),
        text.begin() + static_cast<ptrdiff_t>(std::min(text.size(), out.consumed + pieceSize())));
    size_t used = 0;
    do {
      ChunkedDecoder::Step step = decoder.feed(piece.data() + used, piece.size() - used, mostData);
      CHECK(step.length <= mostData);
      used += step.consumed;
      out.body.append(step.data ? step.data : "", step.length);
      out.status = step.status;
    } while (out.status == Status::kData);
    out.consumed += used;
    if (out.status == Status::kNeedMore) CHECK(used == piece.size());
  }
  return out;
}

Decoded decodeWhole(const std::string& text) {
  return decode(text, [&] { return text.size(); });
}

}  // namespace

TEST_CASE("chunked: bodies") {
  struct Case {
    const char* what;
    std::string text;
    std::string body;
  };
  const std::vector<Case> cases = {
      {"empty", "0\r\n\r\n", ""},
      {"one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"},
      {"two chunks", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
      {"hexadecimal, both cases", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
       "01234567890123456789a"},
      {"leading zeros", "0005\r\nhello\r\n000\r\n\r\n", "hello"},
      {"extensions", "5;a=b;c=\"d e\"\r\nhello\r\n0;last\r\n\r\n", "hello"},
      {"trailers", "5\r\nhello\r\n0\r\nX: y\r\nEmpty:\r\n\r\n", "hello"},
      {"CRLF as payload", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const std::string text = c.text + "GET / HTTP/1.1\r\n";
    Decoded whole = decodeWhole(text);
    CHECK(whole.status == Status::kDone);
    CHECK(whole.body == c.body);
    CHECK(whole.consumed == c.text.size());

    for (size_t cut = 1; cut < text.size(); ++cut) {
      size_t next = cut;
      Decoded cutOnce = decode(text, [&] { return std::exchange(next, text.size()); });
      CAPTURE(cut);
      CHECK(cutOnce.body == c.body);
      CHECK(cutOnce.status == Status::kDone);
      CHECK(cutOnce.consumed == c.text.size());
    }
    CHECK(decode(text, [] { return size_t{1}; }).body == c.body);
    CHECK(decode(
              text, [&] { return text.size(); }, 2)
              .body == c.body);
  }
}

TEST_CASE("chunked: refused") {
  const std::string maxSize(ChunkedDecoder::kMostSizeDigits, 'f');
  struct Case {
    const char* what;
    std::string text;
  };
  const std::vector<Case> cases = {
      {"no size", "\r\n"},
      {"only an extension", ";a\r\nx"},
      {"not hexadecimal", "g\r\n"},
      {"0x", "0x5\r\nhello"},
      {"minus", "-5\r\nhello"},
      {"plus", "+5\r\nhello"},
      {"blank first", " 5\r\nhello"},
      {"blank behind", "5 \r\nhello"},
      {"blank before an extension", "5 ;a\r\nhello"},
      {"underscore", "1_0\r\nhello"},
      {"LF only behind the size", "5\nhello"},
      {"CR only behind the size", "5\rhello"},
      {"LF in an extension", "5;a\nhello"},
      {"CR in an extension", "5;a\rb\r\nhello"},
      {"control in an extension", "5;\x01\r\nhello"},
      {"NUL in an extension", std::string("5;\0\r\nhello", 10)},
      {"size overflow", maxSize + "f\r\n"},
      {"too many zeros", "0" + std::string(ChunkedDecoder::kMostSizeDigits, '0') + "\r\n\r\n"},
      {"chunk too short", "5\r\nhell\r\n0\r\n\r\n"},
      {"chunk too long", "5\r\nhello!\r\n0\r\n\r\n"},
      {"LF only behind the payload", "5\r\nhello\n0\r\n\r\n"},
      {"nothing behind the payload", "5\r\nhello0\r\n\r\n"},
      {"LF only at the end", "0\r\n\n"},
      {"CR without LF at the end", "0\r\n\rX"},
      {"trailer without a colon", "0\r\nX\r\n\r\n"},
      {"trailer with blank before the colon", "0\r\nX : y\r\n\r\n"},
      {"folded trailer", "0\r\nX: y\r\n z\r\n\r\n"},
      {"trailer with LF only", "0\r\nX: y\n\r\n"},
      {"trailer with control", "0\r\nX: \x01\r\n\r\n"},
      {"trailer with empty name", "0\r\n: y\r\n\r\n"},
      {"extension without a name", "5;\r\nhello\r\n0\r\n\r\n"},
      {"extension with blanks", "5; a=b\r\nhello\r\n0\r\n\r\n"},
      {"extension without its value", "5;a=\r\nhello\r\n0\r\n\r\n"},
      {"extension with half a quoted string", "5;a=\"b\r\nhello\r\n0\r\n\r\n"},
      {"extension with more behind a quoted string", "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n"},
      {"extension with a line feed in it", "5;a=b\nhello\r\n0\r\n\r\n"},
      {"long extension", "5;" + std::string(ChunkedDecoder::kMostExtensionBytes + 1, 'x')},
      {"long trailer", "0\r\nX: " + std::string(ChunkedDecoder::kMostTrailerBytes, 'y')},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Decoded whole = decodeWhole(c.text);
    CHECK(whole.status == Status::kError);
    Decoded bytewise = decode(c.text, [] { return size_t{1}; });
    CHECK(bytewise.status == Status::kError);
    CHECK(bytewise.consumed == whole.consumed);
    CHECK(bytewise.body == whole.body);
  }
}

TEST_CASE("chunked: extensions are bounded over the whole body") {
  std::string text;
  for (uint32_t i = 0; i <= ChunkedDecoder::kMostExtensionBytes / 100; ++i) {
    text += "1;" + std::string(99, 'x') + "\r\nA\r\n";
  }
  CHECK(decodeWhole(text).status == Status::kNeedMore);
  CHECK(decodeWhole(text + text).status == Status::kError);
}

TEST_CASE("chunked: largest size, and an error that stays") {
  ChunkedDecoder decoder;
  std::string text(ChunkedDecoder::kMostSizeDigits, 'f');
  text += "\r\nx";
  ChunkedDecoder::Step step = decoder.feed(text.data(), text.size());
  CHECK(step.status == Status::kData);
  CHECK(step.length == 1);
  decoder.reset();
  CHECK(decoder.feed("5x", 2).status == Status::kError);
  CHECK(decoder.feed("5\r\n", 3).status == Status::kError);
  decoder.reset();
  CHECK(decoder.feed("0\r\n\r\nGET", 8).consumed == 5);
  CHECK(decoder.done());
  CHECK(decoder.feed("GET", 3).consumed == 0);
}

TEST_CASE("chunked: random chunks in random pieces") {
  std::mt19937 random(20030518);
  for (int round = 0; round < 300; ++round) {
    std::string body;
    std::string text;
    for (size_t i = random() % 8; i > 0; --i) {
      std::string chunk(1 + random() % 300, '\0');
      for (char& c : chunk) c = static_cast<char>(random());
      char size[32];
      text.append(
          size, static_cast<size_t>(snprintf(size, sizeof size, random() % 2 ? "%zx" : "%zX", chunk.size())));
      if (random() % 4 == 0) text += ";ext=1";
      text += "\r\n" + chunk + "\r\n";
      body += chunk;
    }
    text += "0\r\n\r\n";
    Decoded out = decode(
        text, [&] { return size_t{1} + random() % 40; }, 1 + random() % 64);
    CHECK(out.status == Status::kDone);
    CHECK(out.body == body);
    CHECK(out.consumed == text.size());
  }
}
