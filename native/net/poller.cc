#include "poller.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <new>

#include "../stack/fetch.h"
#include "layer.h"
#include "operation.h"

namespace stackful::net {

using sched::kNoDeadline;

namespace {

constexpr uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLHUP | EPOLLERR;
// For how long a thread is asleep after the kernel's timer has fired: 18 us on a virtual machine. It is set so much before a soft timer;
// what is left of that when the thread is awake is less than it would be worth to sleep for (SoftTimers::kSpinNs).
constexpr int64_t kWakeUpNs = 15'000;

constexpr uint32_t kWriteEvents = EPOLLOUT | EPOLLHUP | EPOLLERR;
// After these a short read no longer promises another edge.
constexpr uint32_t kShortReadEnds = EPOLLRDHUP | EPOLLPRI | EPOLLHUP | EPOLLERR;

// Edge-triggered too: the counter need not be read, each write (each expiry) is an edge of its own.
int watch(int epoll, int fd, uint64_t tag) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = tag;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

Poller::Poller(sched::Scheduler& scheduler) noexcept : scheduler_(scheduler) {}

int Poller::open() noexcept {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  signal_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (epoll_ < 0 || signal_ < 0 || timer_ < 0 || watch(epoll_, signal_, kSignalEvent) != 0 ||
      watch(epoll_, timer_, kTimerEvent) != 0) {
    return -errno;
  }
  scheduler_.setPoll([](void* self, int64_t now) { return static_cast<Poller*>(self)->pollNow(now); }, this);
  return 0;
}

Poller::~Poller() {
  closeAll();
  scheduler_.setPoll(nullptr, nullptr);
  for (Socket* chunk : chunks_) free(chunk);
  free(layers_);
  if (timer_ >= 0) ::close(timer_);
  if (signal_ >= 0) ::close(signal_);
  if (epoll_ >= 0) ::close(epoll_);
}

// Events before timers: what has arrived in time is not timed out because we were late. `known` is the time, or null when
// that has to be asked for after a wait.
[[gnu::always_inline]] inline int Poller::pollOnce(int timeoutMs, const int64_t* known) noexcept {
  const uint32_t before = scheduler_.readyLength();
  if (!endOfBatch_.empty() && !runEndOfBatch()) [[unlikely]]
    return static_cast<int>(scheduler_.readyLength() - before);
  if (timeoutMs != 0) arm();
  const bool look = !known || !leaveToWait_;
  const int count = look ? epoll_wait(epoll_, events_, kBatch, timeoutMs) : 0;
  leaveToWait_ = false;
  hostReady_ = false;
  foundOne_ = count == 1;
  if (count > 0) dispatch(count);
  const int64_t now = known ? *known : sched::monotonicNow();
  if (!known) scheduler_.notePoll(now);
  scheduler_.expireTimers(now);
  return static_cast<int>(scheduler_.readyLength() - before);
}

// 32 sends take 100 us, which a soft timer that has become due does not have to wait for.
bool Poller::runEndOfBatch() noexcept {
  const uint32_t before = scheduler_.readyLength();
  do {
    endOfBatch_.runOne();
    if (!scheduler_.softIsDue()) [[likely]]
      continue;
    scheduler_.expireTimers(sched::monotonicNow());
    if (scheduler_.readyLength() == before) continue;
    foundOne_ = false;
    return endOfBatch_.empty();
  } while (!endOfBatch_.empty());
  return true;
}

bool Poller::pollNow(int64_t now) noexcept {
  if (pollOnce(0, &now) != 0) return true;
  while (scheduler_.softIsSoon(now)) {
    now = sched::monotonicNow();
    if (pollOnce(0, &now) != 0) return true;
  }
  // While some are ready the caller does not wait, and a timer that interrupts them costs 5 to 15 us.
  if (scheduler_.readyLength() == 0) arm();
  return false;
}

int Poller::poll(int timeoutMs) noexcept {
  int ready = pollOnce(timeoutMs, nullptr);
  while (ready == 0 && timeoutMs != 0 && !hostReady_ && scheduler_.softIsSoon(sched::monotonicNow())) {
    ready = pollOnce(0, nullptr);
  }
  return ready == 0 && !endOfBatch_.empty() ? 1 : ready;
}

// What a wake-up goes through lies in three places, each of which is known from the one before: the socket, the waiter
// (in the stack of the coroutine), the coroutine. Of many sockets none is in the cache, so they are prefetched some
// events ahead.
inline void Poller::fetchAhead(int event, int count) noexcept {
  constexpr int kSocket = 12, kWaiter = 8, kCoroutine = 4;
  if (event + kSocket < count) {
    if (const Socket* s = socketOf(events_[event + kSocket].data.u64)) stack::fetch(s);
  }
  if (event + kWaiter < count) {
    const Socket* s = socketOf(events_[event + kWaiter].data.u64);
    if (s && !s->readers.empty()) stack::fetch(s->readers.first());
  }
  if (event + kCoroutine < count) {
    const Socket* s = socketOf(events_[event + kCoroutine].data.u64);
    if (!s || s->readers.empty()) return;
    stack::fetch(&s->readers.first()->coroutine->next);
    stack::fetch(static_cast<const char*>(s->owner), kFetchedOfOwner);
  }
}

[[gnu::noinline]] void Poller::noteHangUp(Socket& s, uint32_t events) noexcept {
  s.flags &= ~kTrustShort;
  uint32_t heard = 0;
  if ((events & EPOLLRDHUP) && !(s.flags & kReadShut)) heard |= kPeerEnded;
  if (events & (EPOLLHUP | EPOLLERR)) heard |= kPeerGone;
  if ((s.flags & heard) == heard) return;
  s.flags |= heard;
  if (s.flags & kTellsHangUp) hangUpHook_(s);
}

void Poller::dispatch(int count) noexcept {
  for (int i = 0; i < count; ++i) {
    fetchAhead(i, count);
    const uint64_t tag = events_[i].data.u64;
    Socket* const socket = socketOf(tag);
    if (!socket) [[unlikely]] {
      if (tag == kTimerEvent) armed_ = kNoDeadline;
      if (tag == kSignalEvent) runDrains();
      if (tag == kHostEvent) hostReady_ = true;
      continue;
    }
    Socket& s = *socket;
    if (s.generation != tag >> 32) continue;
    const uint32_t events = events_[i].events;
    // What is put off waits for room without a coroutine, also after the socket was closed.
    if (s.flags & (kClosed | kBuffered)) [[unlikely]] {
      if ((s.flags & kBuffered) && (events & kWriteEvents)) {
        s.flags &= ~kFull;
        flushLater(s);
      }
      if (s.flags & kClosed) continue;
    }
    if (events & kReadEvents) {
      s.flags &= ~(kDrained | kWireDrained);
      if (events & kShortReadEnds) [[unlikely]]
        noteHangUp(s, events);
      if (!s.readers.empty()) wakeFirst(scheduler_, s.readers);
    }
    if (events & kWriteEvents) {
      s.flags &= ~kFull;
      if (!s.writers.empty()) wakeAll(scheduler_, s.writers, 0);
    }
  }
}

void Poller::arm() noexcept {
  const sched::Deadline coarse = scheduler_.timers().nextExpiry();
  sched::Deadline next = scheduler_.nextExpiry();
  if (next < coarse) next -= kWakeUpNs;
  // An armed moment that has become too early does no harm: it fires for nothing and is replaced then.
  if (next >= armed_) return;
  armed_ = next;
  itimerspec at{};
  // 0 would disarm it.
  at.it_value.tv_sec = next / 1'000'000'000;
  at.it_value.tv_nsec = next > 0 ? next % 1'000'000'000 : 1;
  timerfd_settime(timer_, TFD_TIMER_ABSTIME, &at, nullptr);
}

int Poller::watchHost(int fd) noexcept {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kHostEvent;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) return -errno;
  host_ = fd;
  return 0;
}

void Poller::unwatchHost() noexcept {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, host_, nullptr);
  host_ = -1;
  hostReady_ = false;
}

bool Poller::addDrain(void (*drain)(void*), void* context) noexcept {
  if (drains_ == kMaxDrains) return false;
  drain_[drains_++] = {drain, context};
  return true;
}

void Poller::runDrains() noexcept {
  for (int i = 0; i < drains_; ++i) drain_[i].run(drain_[i].context);
}

Socket* Poller::create() noexcept {
  Socket* s;
  if (firstFree_ != kNoSocket) {
    s = &chunks_[firstFree_ >> kChunkBits][firstFree_ & (kChunk - 1)];
    firstFree_ = s->parked;
    s->parked = 0;
  } else {
    if (used_ == chunks_.size() << kChunkBits) {
      void* memory = aligned_alloc(alignof(Socket), sizeof(Socket) << kChunkBits);
      if (!memory) return nullptr;
      chunks_.push_back(static_cast<Socket*>(memory));
    }
    s = new (&chunks_[used_ >> kChunkBits][used_ & (kChunk - 1)]) Socket;
    s->index = used_++;
    s->poller = this;
  }
  ++openSockets_;
  return s;
}

int Poller::setLayer(const Socket& s, Layer* layer) noexcept {
  if (s.index >= layersLength_) {
    if (!layer) return 0;
    // For all sockets there are, and as many again.
    const size_t length = 2 * (chunks_.size() << kChunkBits);
    auto** grown = static_cast<Layer**>(realloc(layers_, length * sizeof(Layer*)));
    if (!grown) return -ENOMEM;
    std::fill(grown + layersLength_, grown + length, nullptr);
    layers_ = grown;
    layersLength_ = length;
  }
  delete layers_[s.index];
  layers_[s.index] = layer;
  return 0;
}

void Poller::recycle(Socket& s) noexcept {
  const uint32_t index = s.index;
  const uint32_t generation = s.generation + 1;
  new (&s) Socket;
  s.poller = this;
  s.index = index;
  s.generation = generation;
  s.parked = firstFree_;
  firstFree_ = index;
  --openSockets_;
}

int Poller::enroll(Socket& s) noexcept {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
  event.data.u64 = uint64_t{s.generation} << 32 | s.index;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, s.fd, &event) != 0) return -errno;
  s.flags |= kRegistered;
  return 0;
}

int Poller::withdraw(Socket& s) noexcept {
  s.flags &= ~kRegistered;
  return epoll_ctl(epoll_, EPOLL_CTL_DEL, s.fd, nullptr) == 0 ? 0 : -errno;
}

void Poller::closeAll() noexcept {
  endOfBatch_.run();
  for (uint32_t i = 0; i < used_; ++i) {
    Socket& s = chunks_[i >> kChunkBits][i & (kChunk - 1)];
    if (!(s.flags & kInUse)) continue;
    // One that is closed, but still held by parked calls, has no descriptor any more, unless its last bytes are left.
    if (!(s.flags & kClosed) || (s.flags & kBuffered)) ::close(s.fd);
    if (s.flags & kLayered) setLayer(s, nullptr);
    recycle(s);
  }
}

}  // namespace stackful::net
