#include "resident_pages.h"

#include <sys/mman.h>

#include "stack_memory.h"

namespace stackful::stack {

void ResidentPages::look(const char* at, size_t bytes) noexcept {
  count_ = bytes / kPage;
  if (map_.size() < count_) map_.resize(count_);
  if (mincore(const_cast<char*>(at), bytes, map_.data()) != 0) map_.assign(map_.size(), 0);
}

size_t ResidentPages::next(size_t from, size_t to) const noexcept {
  while (from < to && !at(from)) ++from;
  return from;
}

size_t ResidentPages::last(size_t from, size_t to) const noexcept {
  for (size_t page = to; page > from;) {
    if (at(--page)) return page;
  }
  return to;
}

size_t ResidentPages::residentIn(size_t from, size_t to) const noexcept {
  size_t sum = 0;
  for (size_t page = from; page < to; ++page) sum += map_[page] & 1;
  return sum;
}

}  // namespace stackful::stack
