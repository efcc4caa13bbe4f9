// Finds out when a coroutine has run for longer than its time slice, without any cost to a switch: a thread of its own
// looks, a few times a slice, whether the scheduler has switched since it last looked. It does not run while no coroutine
// has a time slice, and sleeps while none runs.
//
// What then happens is up to the embedding: `request` is called on that thread and is to make the scheduler's thread call
// expired() soon, and preempt if that says so.
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "scheduler.h"

namespace stackful::sched {

class TimeSlices {
 public:
  using Request = void (*)(void* context);
  TimeSlices(Scheduler& scheduler, Request request, void* context) noexcept
      : scheduler_(scheduler), request_(request), context_(context) {}
  ~TimeSlices() { stop(); }

  // Gives `c` a time slice, in nanoseconds; 0 takes it away. False if there can be no thread.
  bool give(Coroutine* c, int64_t ns) noexcept;
  // To be called around every batch of coroutines: the thread sleeps outside of batches only. Each side writes its own
  // flag before it reads the other's, so that one of them sees that they disagree.
  void batchBegins() noexcept {
    inBatch_.store(true, std::memory_order_seq_cst);
    if (asleep_.load(std::memory_order_seq_cst)) [[unlikely]]
      wakeThread();
  }
  void batchEnds() noexcept { inBatch_.store(false, std::memory_order_relaxed); }
  // On the scheduler's thread: has the running coroutine used up its slice?
  bool expired() noexcept;
  // The coroutine could not be preempted where it was: ask again soon, and not only after another slice.
  void retry() noexcept;
  // Ends the thread; nothing is requested any more when this returns.
  void stop() noexcept;

 private:
  void run() noexcept;
  void wakeThread() noexcept;

  // Beside the coroutines, whose records have no room for what a switch does not need; by slot.
  struct Slice {
    uint32_t generation = 0;
    int64_t ns = 0;
  };
  int64_t sliceOf(const Coroutine* c) const noexcept {
    if (c->slot >= slices_.size() || slices_[c->slot].generation != c->generation) return 0;
    return slices_[c->slot].ns;
  }

  Scheduler& scheduler_;
  const Request request_;
  void* const context_;
  std::vector<Slice> slices_;
  pthread_t thread_;
  bool running_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool urgent_ = false;
  int retries_ = 0;  // since the last switch; the thread's own
  std::atomic<bool> asleep_{false};
  std::atomic<bool> inBatch_{false};
  std::atomic<int64_t> shortest_{INT64_MAX};  // of all slices given
  // What the thread has seen last: since when the number of switches has been what it is.
  std::atomic<uint64_t> seenSwitches_{0};
  std::atomic<int64_t> seenSince_{0};
  // The running coroutine has no slice, or a longer one: not worth asking until then.
  std::atomic<int64_t> notBefore_{0};
};

}  // namespace stackful::sched
