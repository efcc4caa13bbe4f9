#include "ticker.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "service_thread.h"

namespace stackful::sched {
namespace {

// It calls little, but the thread-local variables of everything that is loaded lie on its stack too.
constexpr size_t kStackBytes = size_t{256} << 10;

}  // namespace

Ticker& Ticker::shared() noexcept {
  static auto* const ticker = new Ticker;
  return *ticker;
}

int Ticker::start() noexcept {
  pthread_mutex_lock(&lock_);
  const int error = startThread();
  pthread_mutex_unlock(&lock_);
  poke();
  return error;
}

int Ticker::startThread() noexcept {
  if (bell_.load(std::memory_order_relaxed) >= 0) return 0;
  const int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (bell < 0) return -errno;
  bell_.store(bell, std::memory_order_release);
  auto run = [](void* self) -> void* { return static_cast<Ticker*>(self)->run(), nullptr; };
  pthread_t thread;
  const int error = startServiceThread(&thread, "stackful-ticker", Ending::kNever, kStackBytes, run, this);
  if (error != 0) {
    bell_.store(-1, std::memory_order_release);
    close(bell);
  }
  return error;
}

void Ticker::add(Entry& entry) noexcept {
  pthread_mutex_lock(&lock_);
  entry.next = entries_;
  entry.link = &entries_;
  if (entries_) entries_->link = &entry.next;
  entries_ = &entry;
  pthread_mutex_unlock(&lock_);
  poke();
}

void Ticker::remove(Entry& entry) noexcept {
  pthread_mutex_lock(&lock_);
  if (entry.link) {
    *entry.link = entry.next;
    if (entry.next) entry.next->link = entry.link;
    entry.link = nullptr;
  }
  pthread_mutex_unlock(&lock_);
}

void Ticker::poke() noexcept {
  const int bell = bell_.load(std::memory_order_acquire);
  const uint64_t one = 1;
  if (bell >= 0 && write(bell, &one, sizeof one) < 0) return;  // full: it is ringing already
}

void Ticker::run() noexcept {
  const int bell = bell_.load(std::memory_order_acquire);
  Deadline next = kNoDeadline;
  for (;;) {
    timespec left{};
    if (next != kNoDeadline) {
      const int64_t ns = next - monotonicNow();
      if (ns > 0) left = {ns / 1'000'000'000, ns % 1'000'000'000};
    }
    pollfd wait{bell, POLLIN, 0};
    const bool poked = ppoll(&wait, 1, next == kNoDeadline ? nullptr : &left, nullptr) > 0;
    uint64_t count;
    if (poked && read(bell, &count, sizeof count) < 0) continue;

    pthread_mutex_lock(&lock_);
    const int64_t now = monotonicNow();
    next = kNoDeadline;
    for (Entry* e = entries_; e; e = e->next) {
      if (poked || e->at <= now) e->at = e->tick(e, now);
      if (e->at < next) next = e->at;
    }
    pthread_mutex_unlock(&lock_);
  }
}

}  // namespace stackful::sched
