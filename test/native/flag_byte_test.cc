#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "../../native/engine/flag_byte.h"

using stackful::engine::FlagByteSearch;

namespace {

FlagByteSearch::Sample words(std::vector<uint64_t> values) {
  FlagByteSearch::Sample bytes(values.size() * 8);
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

}  // namespace

TEST_CASE("a flag byte: is told from a pointer that a call moves on by 256 bytes") {
  // A flag beside others; a pointer that walks along a list, whose second byte is 0, 0, 1 and 0 in the first round.
  constexpr uint64_t kFlag = 1 << 16, kOthers = 0x0100'0000'0100'0001;
  FlagByteSearch search;
  search.add(words({kOthers, 0x6250'0000'00f8}), words({kOthers, 0x6250'0000'00f8}),
             words({kOthers | kFlag, 0x6250'0000'01f8}), words({kOthers, 0x6250'0000'00f8}));
  CHECK(search.found() == std::vector<size_t>{2, 9});
  search.add(words({kOthers, 0x6250'0000'0200}), words({kOthers, 0x6250'0000'0200}),
             words({kOthers | kFlag, 0x6250'0000'0300}), words({kOthers, 0x6250'0000'0200}));
  CHECK(search.found() == std::vector<size_t>{2});
}

TEST_CASE("a flag byte: is the only one of its word that changes") {
  FlagByteSearch search;
  // The middle of a stack address where there was none; a pointer that is another one in the next round.
  search.add(words({0, 0x1000}), words({0, 0x1000}), words({0x7fff'0001'2340, 0x1001}), words({0, 0x1000}));
  CHECK(search.found() == std::vector<size_t>{8});
  search.add(words({0, 0x2000}), words({0, 0x2000}), words({0, 0x2001}), words({0, 0x2000}));
  CHECK(search.found().empty());
}

TEST_CASE("a flag byte: is 0 before, after and in the other call, and 1 in this one, every time") {
  FlagByteSearch search;
  search.add(words({1, 0, 0, 0, 0}), words({0, 1, 0, 0, 0}), words({1, 1, 1, 2, 1}), words({0, 0, 1, 0, 0}));
  CHECK(search.found() == std::vector<size_t>{32});
  search.add(words({0, 0, 0, 0, 0}), words({0, 0, 0, 0, 0}), words({1, 1, 1, 1, 0}), words({0, 0, 0, 0, 0}));
  CHECK(search.found().empty());
}
