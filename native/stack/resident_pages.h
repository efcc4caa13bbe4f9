// Which pages of a range are in memory. mincore: 170 ns for a stack of 256 KiB of which one page is, when many are looked
// at in one call. (PAGEMAP_SCAN takes half of that, but is missing before Linux 6.7 and where /proc is.)
#pragma once

#include <cstddef>
#include <vector>

namespace stackful::stack {

class ResidentPages {
 public:
  // `at` is on a page boundary. When the kernel does not tell, no page is resident.
  void look(const char* at, size_t bytes) noexcept;

  size_t count() const noexcept { return count_; }
  bool at(size_t page) const noexcept { return map_[page] & 1; }
  // Index of the first resident page, or count().
  size_t lowest() const noexcept { return next(0, count_); }
  size_t resident() const noexcept { return residentIn(0, count_); }

  // The first resident page of [from, to), or `to`.
  size_t next(size_t from, size_t to) const noexcept;
  // The last resident page of [from, to), or `to`.
  size_t last(size_t from, size_t to) const noexcept;
  size_t residentIn(size_t from, size_t to) const noexcept;

 private:
  std::vector<unsigned char> map_;
  size_t count_ = 0;
};

}  // namespace stackful::stack
