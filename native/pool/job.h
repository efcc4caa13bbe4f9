// Work for the thread pool that a coroutine waits for, and the way its completion comes home.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "../sched/scheduler.h"

namespace stackful::pool {

class Mailbox;

// What run() returns when stop() came before it has done anything.
inline constexpr int64_t kStopped = INT64_MIN;

// A heap object. From submission to collection, or until it is withdrawn, it belongs to the pool, otherwise to the
// environment's thread; when the environment is gone, the pool thread that has it discards it.
struct Job {
  Job* next = nullptr;             // in the pool's queue, the mailbox, the collected ones
  Job** queued = nullptr;          // in the pool's queue: what points here; under the pool's lock
  Job** link = nullptr;            // collected: what points here
  int64_t (*run)(Job*) = nullptr;  // on a pool thread; -errno or a result
  void (*stop)(Job*) =
      nullptr;  // environment thread: what run() waits for is not wanted any more; may be null
  void (*discard)(Job*) = nullptr;     // undoes the result if it `ran`, and frees the job; on any thread
  Mailbox* mailbox = nullptr;          // counted
  sched::Coroutine* waiter = nullptr;  // null once none waits; environment thread only
  int64_t result = 0;
  // Nanoseconds of the clock; 0 unless the environment meters its jobs.
  int64_t submitted = 0, begun = 0, done = 0;
  uint8_t edge = 0;  // if it does: whom the job is for
  bool ran = false;
};

// Where finished jobs of one environment are put: a lock-free stack with a bell. Outlives the environment for
// as long as a job refers to it. With it go the descriptors that the environment has left open: closed before the last job has
// been done, their numbers could be another file's, which that job would write to.
class Mailbox {
 public:
  // Duplicates `bell`, an eventfd. nullptr, with errno set, when that fails.
  static Mailbox* create(int bell) noexcept;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept;

  // Pool threads. False when the mailbox is closed: the job is still the caller's.
  bool put(Job* job) noexcept;
  // Environment thread: everything that has arrived, oldest first.
  Job* take() noexcept;
  // Environment thread: nothing can be put any more; returns what was left.
  Job* close() noexcept;
  // Environment thread: a descriptor that is to be closed when the environment ends, until it is disowned.
  void own(int fd) noexcept;
  void disown(int fd) noexcept {
    if (static_cast<size_t>(fd) < owned_.size()) owned_[static_cast<size_t>(fd)] = false;
  }
  bool closed() const noexcept { return head_.load(std::memory_order_acquire) == closedMark(); }

 private:
  explicit Mailbox(int bell) noexcept : bell_(bell) {}
  ~Mailbox();
  static Job* closedMark() noexcept { return reinterpret_cast<Job*>(1); }
  static Job* reversed(Job* list) noexcept;

  std::atomic<Job*> head_{nullptr};
  std::atomic<uint32_t> references_{1};
  std::vector<bool> owned_;  // by descriptor
  int bell_;
};

}  // namespace stackful::pool
