#include "buffer_pool.h"

#include <cstdlib>
#include <new>

namespace stackful::http {

BufferPool::~BufferPool() {
  freeAll(firstFree_);
  freeAll(firstLent_);
}

char* BufferPool::take() noexcept {
  Link* link = firstFree_;
  if (link) {
    firstFree_ = link->next;
    --free_;
  } else {
    void* memory = stack::allocateLines(sizeof(Link) + bufferBytes_);
    if (!memory) return nullptr;
    link = new (memory) Link;
  }
  link->next = firstLent_;
  link->prev = nullptr;
  if (firstLent_) firstLent_->prev = link;
  firstLent_ = link;
  return reinterpret_cast<char*>(link + 1);
}

void BufferPool::give(char* buffer) noexcept {
  Link* link = reinterpret_cast<Link*>(buffer) - 1;
  (link->prev ? link->prev->next : firstLent_) = link->next;
  if (link->next) link->next->prev = link->prev;
  if (free_ == kMostFree) {
    std::free(link);
    return;
  }
  link->next = firstFree_;
  firstFree_ = link;
  ++free_;
}

size_t BufferPool::lent() const noexcept {
  size_t n = 0;
  for (const Link* link = firstLent_; link; link = link->next) ++n;
  return n;
}

void BufferPool::freeAll(Link*& first) noexcept {
  while (first) {
    Link* link = first;
    first = link->next;
    std::free(link);
  }
}

}  // namespace stackful::http
