#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <new>

#include "job.h"

namespace stackful::pool {

Mailbox* Mailbox::create(int bell) noexcept {
  const int own = fcntl(bell, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return nullptr;
  auto* mailbox = new (std::nothrow) Mailbox(own);
  if (!mailbox) ::close(own);
  return mailbox;
}

Mailbox::~Mailbox() {
  ::close(bell_);
  for (size_t fd = 0; fd < owned_.size(); ++fd) {
    if (owned_[fd]) ::close(static_cast<int>(fd));
  }
}

void Mailbox::own(int fd) noexcept {
  const auto place = static_cast<size_t>(fd);
  if (place >= owned_.size()) owned_.resize(place + 1);
  owned_[place] = true;
}

void Mailbox::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

bool Mailbox::put(Job* job) noexcept {
  Job* first = head_.load(std::memory_order_relaxed);
  do {
    if (first == closedMark()) return false;
    job->next = first;
  } while (!head_.compare_exchange_weak(first, job, std::memory_order_release, std::memory_order_relaxed));
  // Only the first of a batch rings: take() takes all of them.
  if (!first) eventfd_write(bell_, 1);
  return true;
}

Job* Mailbox::reversed(Job* list) noexcept {
  Job* out = nullptr;
  while (list) {
    Job* next = list->next;
    list->next = out;
    out = list;
    list = next;
  }
  return out;
}

Job* Mailbox::take() noexcept {
  return reversed(head_.exchange(nullptr, std::memory_order_acquire));
}

Job* Mailbox::close() noexcept {
  return reversed(head_.exchange(closedMark(), std::memory_order_acq_rel));
}

}  // namespace stackful::pool
