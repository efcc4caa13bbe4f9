// A queue that hands messages from coroutines of any thread to those of any other, each to one receiver, in the order in which
// they were sent. Who waits:
//
//   nowhere --receive or reserve, where it would wait--> listed --a push, a take, a lost reservation, close()--> rung
//   listed --the same, on the waiter's own thread--> woken
//   rung    --Inbox::drain, on the waiter's thread--> woken, and tries again
//   listed, rung, woken --leave(): its call ended early--> nowhere, and what it was woken for goes to the next one
//   listed, rung --forget(): its thread ends--> nowhere, likewise
//
// A sender reserves room before it makes its message where that changes something (ArrayBuffers are transferred); other messages are made
// first and offered.
//
// Before a receiver waits it may look again for some microseconds (expect()): to be woken takes longer, and costs both threads.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "../sched/scheduler.h"

namespace stackful::channel {

// What it holds is up to the embedding.
struct Message {
  Message* next = nullptr;
  bool isClone = false;  // the embedding's
  virtual ~Message() = default;
};

class Inbox;
class Waiters;

// One wait of a coroutine. Its inbox has it, and no stack: those of a thread that ends are gone before other threads know.
struct Waiter {
  enum class At : uint8_t { kNowhere, kListed, kRung, kWoken };

  Inbox* inbox = nullptr;
  sched::Coroutine* coroutine = nullptr;
  At at = At::kNowhere;     // written with the channel's lock; from kRung to kWoken with the inbox's
  Waiters* list = nullptr;  // while it is listed
  Waiter* next = nullptr;
  Waiter* previous = nullptr;
  std::unique_ptr<Message> offered;  // of a sender that waits: goes with the waiter when its thread ends
};

// In order of arrival.
class Waiters {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  Waiter* first() const noexcept { return first_; }
  void push(Waiter& w) noexcept;
  void remove(Waiter& w) noexcept;

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

// Through which the coroutines of one thread are woken: by that thread at once, by others when its bell rings.
class Inbox {
 public:
  Inbox() noexcept = default;
  // Every channel that a waiter of its may be in must have forgotten it.
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // For coroutines of this thread. Duplicates `bell`, an eventfd (Poller::signalFd()); when it rings, drain() must be called. 0 or
  // -errno.
  int open(int bell, sched::Scheduler& scheduler) noexcept;
  // On its own thread: whether to look again is worth it, by how often that has helped.
  bool shouldExpect() noexcept;
  void noteExpectation(bool met) noexcept;
  // On its own thread: wakes those that other threads have rung for.
  void drain() noexcept;
  // A waiter for `coroutine`, until done(). Null when there is no memory.
  Waiter* waiterFor(sched::Coroutine* coroutine) noexcept;
  void done(Waiter* waiter) noexcept;

 private:
  friend class SharedChannel;
  void put(Waiter& w) noexcept;
  void remove(Waiter& w) noexcept;

  void wake(Waiter& w) noexcept;

  int bell_ = -1;
  pthread_t thread_{};
  sched::Scheduler* scheduler_ = nullptr;
  pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
  Waiters rung_;
  std::vector<std::unique_ptr<Waiter>> all_;
  Waiter* free_ = nullptr;  // by `next`
  int expectations_ = 0;    // met, less those that were not
  int notExpected_ = 0;     // waits since the last look
};

class SharedChannel {
 public:
  static constexpr uint64_t kUnlimited = UINT64_MAX;
  static constexpr int64_t kExpectedNs = 5'000;

  // With one reference, the caller's; null when there is no memory.
  static SharedChannel* create(uint64_t capacity) noexcept;
  // One more reference to the channel with that handle; null when there is none.
  static SharedChannel* find(const void* handle) noexcept;
  void retain() noexcept;
  void release() noexcept;

  // Memory whose address stands for the channel, so that none can be made up; what is in it means nothing.
  void* handle() noexcept { return &handle_; }
  static constexpr size_t kHandleSize = sizeof(uint64_t);
  uint64_t capacity() const noexcept { return capacity_; }
  uint64_t length() const noexcept;
  bool closed() noexcept;

  enum class Result { kDone, kWouldWait, kClosed };

  // The message is the channel's if there is room for it (kDone). Where there is none, `waiter` is listed.
  Result offer(Message* message, Waiter* waiter) noexcept;
  // Room for one message, which push() or giveUp() must follow. Where there is none, `waiter`, if there is one, is listed.
  Result reserve(Waiter* waiter) noexcept;
  // The message is the channel's, also when it was closed since the reservation: it counts as sent before.
  void push(Message* message) noexcept;
  // The end of a reservation without a message.
  void giveUp() noexcept;
  // The next message; kClosed: there will be none.
  Result take(Message*& message, Waiter* waiter) noexcept;

  // Looks for a message for kExpectedNs at most.
  bool expect() const noexcept;
  // Lists a waiter for room or for a message, as reserve and take do where they would wait; false: they would not.
  bool listen(Waiter& waiter, bool forRoom) noexcept;
  // After its coroutine's park, on its own thread; `early`: the call ends without another try.
  void leave(Waiter& waiter, bool early) noexcept;
  // Takes out the waiters of a thread whose coroutines do not run again.
  void forget(const Inbox& inbox) noexcept;
  void close() noexcept;

 private:
  explicit SharedChannel(uint64_t capacity) noexcept;
  ~SharedChannel();
  bool ended() const noexcept { return closed_ && reserved_ == 0; }
  bool hasRoom() const noexcept { return length() + reserved_ < capacity_; }
  void append(Message* message) noexcept;
  void list(Waiters& waiters, Waiter* waiter) noexcept;
  void ring(Waiters& waiters) noexcept;
  void ringAll(Waiters& waiters) noexcept;
  void ringAtTheEnd() noexcept;
  void ringForWhatThereIs() noexcept;

  uint64_t handle_ = 0;
  const uint64_t capacity_;
  uint64_t references_ = 1;         // under the registry's lock
  SharedChannel* dying_ = nullptr;  // the next one to delete
  pthread_mutex_t lock_;
  Message* first_ = nullptr;
  Message* last_ = nullptr;
  std::atomic<uint64_t> length_{0};  // written with the lock
  uint64_t reserved_ = 0;
  bool closed_ = false;
  Waiters receivers_;
  Waiters senders_;
};

}  // namespace stackful::channel
