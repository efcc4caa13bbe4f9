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
  ++lent_;
  return reinterpret_cast<char*>(link + 1);
}

void BufferPool::give(char* buffer) noexcept {
  Link* link = reinterpret_cast<Link*>(buffer) - 1;
  (link->prev ? link->prev->next : firstLent_) = link->next;
  if (link->next) link->next->prev = link->prev;
  --lent_;
  if (free_ == keep_) {
    std::free(link);
    return;
  }
  link->next = firstFree_;
  firstFree_ = link;
  ++free_;
}

void BufferPool::trim() noexcept {
  freeAll(firstFree_);
  free_ = 0;
}

void BufferPool::freeAll(Link*& first) noexcept {
  while (first) {
    Link* link = first;
    first = link->next;
    std::free(link);
  }
}

}  // namespace stackful::http
