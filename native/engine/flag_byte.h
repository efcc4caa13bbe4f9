// Finds a byte of memory that is 1 during some call, and 0 before, after and during another one, by samples of the memory at
// those moments.
//
// Words that point somewhere meet that by chance: of a pointer that moves from ...00f8 to ...01f8 the second byte does. What
// takes such a byte for a flag and clears it sends its user's writes 256 bytes away. So the sampling is repeated with
// different things on the stacks and lists that pointers walk along, and in all samples of all rounds only this byte of its word
// may differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace stackful::engine {

class FlagByteSearch {
 public:
  using Sample = std::vector<uint8_t>;

  // One round; all samples of all rounds have the same length, whole words.
  void add(const Sample& before, const Sample& other, const Sample& during, const Sample& after) {
    if (first_.empty()) {
      first_ = before;
      possible_.assign(before.size(), true);
    }
    for (size_t i = 0; i < first_.size(); ++i) {
      possible_[i] = possible_[i] && before[i] == 0 && other[i] == 0 && during[i] == 1 && after[i] == 0 &&
                     restIsSame(i, before) && restIsSame(i, other) && restIsSame(i, during) &&
                     restIsSame(i, after);
    }
  }

  // Where it may be.
  std::vector<size_t> found() const {
    std::vector<size_t> places;
    for (size_t i = 0; i < possible_.size(); ++i) {
      if (possible_[i]) places.push_back(i);
    }
    return places;
  }

 private:
  bool restIsSame(size_t i, const Sample& now) const {
    uint64_t first, word;
    std::memcpy(&first, &first_[i & ~size_t{7}], sizeof first);
    std::memcpy(&word, &now[i & ~size_t{7}], sizeof word);
    return ((first ^ word) & ~(uint64_t{0xff} << 8 * (i & 7))) == 0;
  }

  Sample first_;
  std::vector<bool> possible_;
};

}  // namespace stackful::engine
