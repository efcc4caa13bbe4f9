#include "shared_channel.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <new>
#include <unordered_map>

namespace stackful::channel {
namespace {

class Locked {
 public:
  explicit Locked(pthread_mutex_t& lock) noexcept : lock_(lock) { pthread_mutex_lock(&lock_); }
  ~Locked() { pthread_mutex_unlock(&lock_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  pthread_mutex_t& lock_;
};

// Never destroyed: threads may outlive the process's static objects.
struct Registry {
  std::mutex lock;
  std::unordered_map<const void*, SharedChannel*> channels;  // by handle
};

Registry& registry() noexcept {
  static auto* const instance = new Registry;
  return *instance;
}

inline void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  asm volatile("yield");
#endif
}

}  // namespace

void Waiters::push(Waiter& w) noexcept {
  w.next = nullptr;
  w.previous = last_;
  (last_ ? last_->next : first_) = &w;
  last_ = &w;
}

void Waiters::remove(Waiter& w) noexcept {
  (w.previous ? w.previous->next : first_) = w.next;
  (w.next ? w.next->previous : last_) = w.previous;
  w.next = w.previous = nullptr;
}

Inbox::~Inbox() {
  if (bell_ >= 0) close(bell_);
}

int Inbox::open(int bell, sched::Scheduler& scheduler) noexcept {
  thread_ = pthread_self();
  scheduler_ = &scheduler;
  bell_ = fcntl(bell, F_DUPFD_CLOEXEC, 0);
  return bell_ < 0 ? -errno : 0;
}

bool Inbox::shouldExpect() noexcept {
  constexpr int kTryAgain = 32;
  if (expectations_ >= 0) return true;
  if (++notExpected_ < kTryAgain) return false;
  notExpected_ = 0;
  return true;
}

void Inbox::noteExpectation(bool met) noexcept {
  constexpr int kMost = 8;
  if (met)
    expectations_ = expectations_ < 0 ? 1 : expectations_ < kMost ? expectations_ + 1 : kMost;
  else if (expectations_ >= 0)
    --expectations_;
}

Waiter* Inbox::waiterFor(sched::Coroutine* coroutine) noexcept {
  Waiter* w = free_;
  if (w) {
    free_ = w->next;
  } else {
    std::unique_ptr<Waiter> made(new (std::nothrow) Waiter);
    if (!made) return nullptr;
    w = made.get();
    all_.push_back(std::move(made));
  }
  *w = {};
  w->inbox = this;
  w->coroutine = coroutine;
  return w;
}

void Inbox::done(Waiter* waiter) noexcept {
  static_cast<void>(waiter->offered.release());
  waiter->next = free_;
  free_ = waiter;
}

void Inbox::wake(Waiter& w) noexcept {
  w.at = Waiter::At::kWoken;
  scheduler_->wake(w.coroutine, 0);
}

void Inbox::put(Waiter& w) noexcept {
  if (pthread_equal(thread_, pthread_self())) return wake(w);
  bool wasEmpty;
  {
    const Locked locked(lock_);
    w.at = Waiter::At::kRung;
    wasEmpty = rung_.empty();
    rung_.push(w);
  }
  // Its thread cannot end before the channel's lock is free: see forget().
  if (wasEmpty) eventfd_write(bell_, 1);
}

void Inbox::remove(Waiter& w) noexcept {
  const Locked locked(lock_);
  if (w.at == Waiter::At::kRung) rung_.remove(w);
  w.at = Waiter::At::kNowhere;
}

void Inbox::drain() noexcept {
  const Locked locked(lock_);
  while (Waiter* w = rung_.first()) {
    rung_.remove(*w);
    wake(*w);
  }
}

SharedChannel::SharedChannel(uint64_t capacity) noexcept : capacity_(capacity) {
  // What is done with the lock held is short: to wait in the kernel for it takes longer.
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
  pthread_mutex_init(&lock_, &attributes);
  pthread_mutexattr_destroy(&attributes);
}

SharedChannel::~SharedChannel() {
  while (Message* message = first_) {
    first_ = message->next;
    delete message;
  }
  pthread_mutex_destroy(&lock_);
}

SharedChannel* SharedChannel::create(uint64_t capacity) noexcept {
  auto* channel = new (std::nothrow) SharedChannel(capacity);
  if (!channel) return nullptr;
  Registry& r = registry();
  const std::lock_guard locked(r.lock);
  r.channels.emplace(channel->handle(), channel);
  return channel;
}

SharedChannel* SharedChannel::find(const void* handle) noexcept {
  Registry& r = registry();
  const std::lock_guard locked(r.lock);
  const auto found = r.channels.find(handle);
  if (found == r.channels.end()) return nullptr;
  ++found->second->references_;
  return found->second;
}

void SharedChannel::retain() noexcept {
  const std::lock_guard locked(registry().lock);
  ++references_;
}

void SharedChannel::release() noexcept {
  Registry& r = registry();
  {
    const std::lock_guard locked(r.lock);
    if (--references_ > 0) return;
    r.channels.erase(handle());
  }
  // Outside of the lock, and one after the other: messages may hold the last references to channels, whose messages may do so again.
  static thread_local SharedChannel* dying = nullptr;
  static thread_local bool deleting = false;
  dying_ = dying;
  dying = this;
  if (deleting) return;
  deleting = true;
  while (SharedChannel* one = dying) {
    dying = one->dying_;
    delete one;
  }
  deleting = false;
}

uint64_t SharedChannel::length() const noexcept {
  return length_.load(std::memory_order_relaxed);
}

bool SharedChannel::closed() noexcept {
  const Locked locked(lock_);
  return closed_;
}

void SharedChannel::list(Waiters& waiters, Waiter* waiter) noexcept {
  if (!waiter) return;
  waiter->at = Waiter::At::kListed;
  waiter->list = &waiters;
  waiters.push(*waiter);
}

void SharedChannel::ring(Waiters& waiters) noexcept {
  Waiter* w = waiters.first();
  if (!w) return;
  waiters.remove(*w);
  w->list = nullptr;
  w->inbox->put(*w);
}

void SharedChannel::ringAll(Waiters& waiters) noexcept {
  while (!waiters.empty()) ring(waiters);
}

// Receivers learn that the channel is closed when the last reservation is over.
void SharedChannel::ringAtTheEnd() noexcept {
  if (ended()) ringAll(receivers_);
}

// One that was rung did not try: another one may.
void SharedChannel::ringForWhatThereIs() noexcept {
  if (length() > 0) ring(receivers_);
  if (hasRoom()) ring(senders_);
}

SharedChannel::Result SharedChannel::reserve(Waiter* waiter) noexcept {
  const Locked locked(lock_);
  if (closed_) return Result::kClosed;
  if (hasRoom()) {
    ++reserved_;
    return Result::kDone;
  }
  list(senders_, waiter);
  return Result::kWouldWait;
}

void SharedChannel::append(Message* message) noexcept {
  message->next = nullptr;
  (last_ ? last_->next : first_) = message;
  last_ = message;
  length_.store(length_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  ring(receivers_);
}

SharedChannel::Result SharedChannel::offer(Message* message, Waiter* waiter) noexcept {
  const Locked locked(lock_);
  if (closed_) return Result::kClosed;
  if (!hasRoom()) return list(senders_, waiter), Result::kWouldWait;
  append(message);
  return Result::kDone;
}

void SharedChannel::push(Message* message) noexcept {
  const Locked locked(lock_);
  --reserved_;
  append(message);
  ringAtTheEnd();
}

void SharedChannel::giveUp() noexcept {
  const Locked locked(lock_);
  --reserved_;
  ring(senders_);
  ringAtTheEnd();
}

SharedChannel::Result SharedChannel::take(Message*& message, Waiter* waiter) noexcept {
  const Locked locked(lock_);
  if (first_) {
    message = first_;
    first_ = message->next;
    if (!first_) last_ = nullptr;
    length_.store(length_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    ring(senders_);
    return Result::kDone;
  }
  if (ended()) return Result::kClosed;
  list(receivers_, waiter);
  return Result::kWouldWait;
}

bool SharedChannel::expect() const noexcept {
  const int64_t until = sched::monotonicNow() + kExpectedNs;
  constexpr int kLooks = 16;  // a pause each, between looks at the clock
  do {
    for (int i = 0; i < kLooks; ++i) {
      if (length() > 0) return true;
      pause();
    }
  } while (sched::monotonicNow() < until);
  return false;
}

bool SharedChannel::listen(Waiter& waiter, bool forRoom) noexcept {
  const Locked locked(lock_);
  if (forRoom ? closed_ || hasRoom() : first_ || ended()) return false;
  list(forRoom ? senders_ : receivers_, &waiter);
  return true;
}

void SharedChannel::leave(Waiter& waiter, bool early) noexcept {
  const Locked locked(lock_);
  if (waiter.at == Waiter::At::kListed) {
    waiter.list->remove(waiter);
    waiter.at = Waiter::At::kNowhere;
    return;
  }
  waiter.inbox->remove(waiter);
  if (early) ringForWhatThereIs();
}

void SharedChannel::forget(const Inbox& inbox) noexcept {
  const Locked locked(lock_);
  for (Waiters* list : {&receivers_, &senders_}) {
    Waiter* next;
    for (Waiter* w = list->first(); w; w = next) {
      next = w->next;
      if (w->inbox == &inbox) list->remove(*w);
    }
  }
  // It may have been rung for all of it.
  for (uint64_t n = length(); n > 0 && !receivers_.empty(); --n) ring(receivers_);
  for (uint64_t n = length() + reserved_; n < capacity_ && !senders_.empty(); ++n) ring(senders_);
}

void SharedChannel::close() noexcept {
  const Locked locked(lock_);
  closed_ = true;
  ringAll(senders_);
  ringAtTheEnd();
}

}  // namespace stackful::channel
