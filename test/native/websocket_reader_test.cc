// websocket::Reader: frames in every cut, with each piece in memory of its own size, so that a sanitizer sees every step beyond it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "websocket/mask.h"
#include "websocket/reader.h"

namespace {

using namespace stackful::websocket;

std::string frame(uint8_t first, const std::string& payload, bool masked = true) {
  const uint32_t key = 0x3d21fa37;
  std::string made(headerBytes(payload.size(), masked) + payload.size(), 0);
  const size_t header = made.size() - payload.size();
  writeHeader(made.data(), first, payload.size(), masked ? &key : nullptr);
  if (masked) {
    applyMask(made.data() + header, payload.data(), payload.size(), key);
  } else {
    memcpy(made.data() + header, payload.data(), payload.size());
  }
  return made;
}

struct Result {
  std::vector<std::string> messages;
  std::vector<std::string> controls;
  Violation violation = Violation::kNone;
};

// Gives the bytes in pieces of `sizes`, in turn.
Result read(const std::string& bytes, const std::vector<size_t>& sizes, bool direct,
            const Reader::Terms& terms) {
  Reader reader(terms);
  Result result;
  size_t at = 0;
  for (size_t turn = 0; at < bytes.size(); ++turn) {
    size_t size = std::min(sizes[turn % sizes.size()], bytes.size() - at);
    Reader::Space space = direct ? reader.spaceFor(1) : Reader::Space{nullptr, 0};
    std::unique_ptr<char[]> piece;
    if (space.data) {
      size = std::min(size, space.size);
      memcpy(space.data, bytes.data() + at, size);
      reader.received(size);
    } else {
      piece.reset(new char[size]);
      memcpy(piece.get(), bytes.data() + at, size);
      reader.give(piece.get(), size);
    }
    at += size;
    for (;;) {
      const Reader::Found found = reader.next();
      if (found == Reader::Found::kNothing) break;
      if (found == Reader::Found::kViolation) {
        result.violation = reader.violation();
        CHECK(reader.next() == Reader::Found::kViolation);
        return result;
      }
      if (found == Reader::Found::kControl) {
        result.controls.emplace_back(reader.control());
      } else {
        if (turn % 2 == 0) REQUIRE(reader.own());
        result.messages.emplace_back(reader.message());
        free(reader.takeMemory());
      }
      // From time to time what is left moves.
      if (turn % 3 == 0) REQUIRE(reader.keep());
    }
    REQUIRE(reader.keep());
  }
  return result;
}

const Reader::Terms kServer{true, false, 1 << 20};
const Reader::Terms kClient{false, false, 1 << 20};

}  // namespace

TEST_CASE("a mask is undone by itself, in any cuts") {
  std::string text(1000, 0);
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7);
  for (size_t size = 0; size < 70; ++size) {
    for (size_t cut = 0; cut <= size; ++cut) {
      std::string bytes = text.substr(0, size);
      const uint32_t key = 0x01020304;
      applyMask(bytes.data(), bytes.data(), size, key);
      for (size_t i = 0; i < size; ++i)
        CHECK(bytes[i] == static_cast<char>(text[i] ^ (key >> (i % 4 * 8) & 0xff)));
      applyMask(bytes.data(), bytes.data(), cut, key);
      applyMask(bytes.data() + cut, bytes.data() + cut, size - cut, keyFrom(key, cut));
      CHECK(bytes == text.substr(0, size));
    }
  }
}

TEST_CASE("messages and control frames come out as they went in, in any cuts") {
  for (bool masked : {true, false}) {
    std::string bytes;
    std::vector<std::string> messages;
    for (size_t size : {0, 1, 125, 126, 127, 1000, 65535, 65536, 200000}) {
      messages.emplace_back(size, static_cast<char>('a' + size % 26));
      bytes += frame(kFinal | kText, messages.back(), masked);
      bytes += frame(kBinary, messages.back().substr(0, size / 2), masked);
      bytes += frame(kFinal | kPing, std::string(size % 126, 'p'), masked);
      bytes += frame(kContinuation, "", masked);
      bytes += frame(kFinal | kContinuation, messages.back().substr(size / 2), masked);
      messages.push_back(messages.back());
    }
    for (bool direct : {false, true}) {
      for (const std::vector<size_t>& sizes :
           std::vector<std::vector<size_t>>{{1}, {2, 3, 5, 7}, {13, 70000}, {64 * 1024}, {1 << 30}}) {
        const Result result = read(bytes, sizes, direct, masked ? kServer : kClient);
        CHECK(result.violation == Violation::kNone);
        CHECK(result.messages == messages);
        CHECK(result.controls.size() == messages.size() / 2);
      }
    }
  }
}

TEST_CASE("a violation is told at the byte that makes it one") {
  const auto violation = [](const std::string& bytes, const Reader::Terms& terms = kServer) {
    const Violation whole = read(bytes, {bytes.size()}, false, terms).violation;
    CHECK(read(bytes, {1}, false, terms).violation == whole);
    return whole;
  };
  CHECK(violation("\x91\x80") == Violation::kReservedBits);
  CHECK(violation("\xc1\x80") == Violation::kReservedBits);
  CHECK(violation("\x83\x80") == Violation::kReservedOpcode);
  CHECK(violation("\x8b\x80") == Violation::kReservedOpcode);
  CHECK(violation(std::string("\x81\0", 2)) == Violation::kUnmasked);
  CHECK(violation("\x81\x80", kClient) == Violation::kMasked);
  CHECK(violation("\x09\x80") == Violation::kFragmentedControl);
  CHECK(violation("\x89\xfe") == Violation::kLongControl);
  CHECK(violation("\x80\x80") == Violation::kNothingToContinue);
  CHECK(violation(frame(kText, "") + "\x81\x80") == Violation::kUnfinishedMessage);
  CHECK(violation(std::string("\x82\xfe\0\x7d....", 8)) == Violation::kLongLength);
  CHECK(violation(std::string("\x82\xff\x80\0\0\0\0\0\0\0....", 14)) == Violation::kNegativeLength);
  CHECK(violation(std::string("\x82\xff\0\0\0\0\0\x10\0\x01....", 14)) == Violation::kTooLong);
  CHECK(violation(frame(kText, "caf\xc3") + frame(kFinal | kContinuation, "x")) == Violation::kNotUtf8);
  CHECK(violation(frame(kFinal | kText, "caf\xc3")) == Violation::kNotUtf8);
}

TEST_CASE("damaged frames end in a violation or wait for more") {
  uint32_t state = 1;
  const auto below = [&state](uint32_t n) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % n;
  };
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    for (int i = 0; i < 4; ++i) {
      bytes += frame(static_cast<uint8_t>(below(2) * kFinal | below(3)),
                     std::string(below(300), static_cast<char>(below(256))));
    }
    for (int i = 0; i < 3; ++i)
      bytes[below(static_cast<uint32_t>(bytes.size()))] = static_cast<char>(below(256));
    const std::vector<size_t> sizes{1 + below(9), 1 + below(200)};
    const Reader::Terms terms{true, round % 2 == 0, 500};
    const Result one = read(bytes, sizes, false, terms);
    const Result other = read(bytes, {bytes.size()}, true, terms);
    CHECK(one.messages == other.messages);
    CHECK(one.violation == other.violation);
  }
}
