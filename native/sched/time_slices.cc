#include "time_slices.h"

#include <chrono>

#include "clock.h"
#include "service_thread.h"

namespace stackful::sched {
namespace {

// It calls little, but the thread-local variables of everything that is loaded lie on its stack too.
constexpr size_t kStackBytes = size_t{256} << 10;
constexpr int kLooksPerSlice = 4;
constexpr int64_t kShortestLookNs = 250'000;
constexpr int64_t kRetryNs = 50'000;  // enough to return from the interrupt that asks for it
constexpr int kMostDoublings = 6;
constexpr int kIdleLooks = 16;  // looks at an idle scheduler before the thread sleeps

}  // namespace

bool TimeSlices::give(Coroutine* c, int64_t ns) noexcept {
  if (slices_.size() <= c->slot) slices_.resize(c->slot + 1);
  slices_[c->slot] = {c->generation, ns};
  if (ns == 0) return true;
  if (ns < shortest_.load(std::memory_order_relaxed)) shortest_.store(ns, std::memory_order_relaxed);
  if (running_) return true;
  // The first one may be given in the middle of a batch, whose beginning was not told.
  inBatch_.store(scheduler_.running() != nullptr, std::memory_order_relaxed);
  auto run = [](void* self) -> void* { return static_cast<TimeSlices*>(self)->run(), nullptr; };
  running_ = startServiceThread(&thread_, "stackful-slices", Ending::kJoined, kStackBytes, run, this) == 0;
  return running_;
}

void TimeSlices::wakeThread() noexcept {
  std::lock_guard<std::mutex> lock(mutex_);
  asleep_.store(false, std::memory_order_relaxed);
  changed_.notify_one();
}

void TimeSlices::retry() noexcept {
  std::lock_guard<std::mutex> lock(mutex_);
  notBefore_.store(0, std::memory_order_relaxed);
  urgent_ = true;
  changed_.notify_one();
}

void TimeSlices::stop() noexcept {
  if (!running_) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  pthread_join(thread_, nullptr);
  running_ = false;
}

bool TimeSlices::expired() noexcept {
  const Coroutine* c = scheduler_.running();
  // The thread may have asked about a coroutine that has stopped since.
  if (!c || seenSwitches_.load(std::memory_order_relaxed) != scheduler_.counters().switches) return false;
  const int64_t since = seenSince_.load(std::memory_order_relaxed);
  const int64_t slice = sliceOf(c), now = monotonicNow();
  const bool over = slice != 0 && now >= since + slice;
  notBefore_.store(slice == 0 ? INT64_MAX : (over ? now : since) + slice, std::memory_order_relaxed);
  return over;
}

void TimeSlices::run() noexcept {
  int idle = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    const int64_t slice = shortest_.load(std::memory_order_relaxed);
    int64_t look = slice / kLooksPerSlice;
    if (look < kShortestLookNs) look = kShortestLookNs;
    changed_.wait_for(lock, std::chrono::nanoseconds(look), [this] { return stopping_ || urgent_; });
    if (urgent_) {
      urgent_ = false;
      // Longer each time: a request that arrives before its predecessor has returned is served in the same place.
      const auto wait =
          std::chrono::nanoseconds(kRetryNs << (retries_ < kMostDoublings ? retries_++ : retries_));
      changed_.wait_for(lock, wait, [this] { return stopping_; });
    }
    if (stopping_) break;
    const uint64_t switches = scheduler_.switchesSeenElsewhere();
    const int64_t now = monotonicNow();
    if (switches != seenSwitches_.load(std::memory_order_relaxed)) {
      idle = retries_ = 0;
      notBefore_.store(0, std::memory_order_relaxed);
      seenSince_.store(now, std::memory_order_relaxed);
      seenSwitches_.store(switches, std::memory_order_relaxed);
      continue;
    }
    if (!scheduler_.runsSeenElsewhere()) {
      if (++idle < kIdleLooks) continue;
      idle = 0;
      asleep_.store(true, std::memory_order_seq_cst);
      if (inBatch_.load(std::memory_order_seq_cst)) {
        asleep_.store(false, std::memory_order_relaxed);
        continue;
      }
      changed_.wait(lock, [this] { return stopping_ || !asleep_.load(std::memory_order_relaxed); });
      continue;
    }
    if (now - seenSince_.load(std::memory_order_relaxed) < slice ||
        now < notBefore_.load(std::memory_order_relaxed))
      continue;
    request_(context_);
  }
}

}  // namespace stackful::sched
