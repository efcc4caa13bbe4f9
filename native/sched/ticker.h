// One thread for the whole process that looks at the others while they are busy and cannot look themselves: whether
// a coroutine holds its thread, whether a signal has asked for a dump. It runs from the first start() on, and sleeps until
// the earliest moment that an entry has asked for.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "clock.h"

namespace stackful::sched {

class Ticker {
 public:
  // Embedded in whatever wants to be called. `tick` runs on the ticker's thread, with its lock held: it must be short
  // and call nothing of the ticker. Returns when to be called again; a poke calls it earlier.
  struct Entry {
    Deadline (*tick)(Entry* self, int64_t now) = nullptr;
    Deadline at = kNoDeadline;
    Entry* next = nullptr;
    Entry** link = nullptr;  // what points here; null when not added
  };

  // Never destroyed: its thread outlives every environment.
  static Ticker& shared() noexcept;

  // From now on `entry` is called, whenever the thread runs.
  void add(Entry& entry) noexcept;
  // When this returns `entry` is not being called and will not be.
  void remove(Entry& entry) noexcept;
  // Starts the thread, if it does not run yet. 0, or -errno when there can be none.
  int start() noexcept;
  // Calls every entry soon, if the thread runs. May be called in a signal handler, and by any thread.
  void poke() noexcept;

 private:
  Ticker() = default;
  int startThread() noexcept;
  void run() noexcept;

  pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
  Entry* entries_ = nullptr;
  std::atomic<int> bell_{-1};  // eventfd; made with the thread
};

}  // namespace stackful::sched
