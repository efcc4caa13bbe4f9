#include "trim_timer.h"

#include <sys/resource.h>

#include <algorithm>

namespace stackful::runtime {
namespace {

uint64_t pageFaults() noexcept {
  rusage usage;
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? static_cast<uint64_t>(usage.ru_minflt) : 0;
}

}  // namespace

TrimTimer::TrimTimer(stack::StackPool& pool, sched::Scheduler& scheduler) noexcept
    : pool_(pool), scheduler_(scheduler), trimmer_(pool, sched::stackPointerOf) {
  auto relieve = [](void* data) {
    auto* self = static_cast<TrimTimer*>(data);
    self->scheduler_.dropResting();
    self->trimmer_.relieve();
  };
  pool.setRelief(relieve, this);
}

void TrimTimer::open(uv_loop_t* loop) noexcept {
  uv_timer_init(loop, &timer_);
  timer_.data = this;
  uv_unref(handle());
  faults_ = pageFaults();
}

void TrimTimer::start(uint64_t ms) noexcept {
  ticking_ = true;
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<TrimTimer*>(timer->data)->tick(); }, ms, 0);
}

bool TrimTimer::worthPass() noexcept {
  if (trimmer_.candidates() > 0) return true;
  const stack::StackStats stats = pool_.stats();
  const uint64_t stacks = stats.live + stats.pooled;
  return stacks > 0 && pageFaults() - faults_ >= std::max(kLeastFaults, stacks / kStacksPerFault);
}

void TrimTimer::tick() noexcept {
  // The loop is run from inside a coroutine.
  if (scheduler_.running()) return start(kRestMs);
  if (!inPass_) {
    if (!worthPass()) {
      ticking_ = false;
      if (batches_) start(kRestMs);
      batches_ = false;
      return;
    }
    inPass_ = true;
    passNs_ = 0;
    faults_ = pageFaults();
  }
  const int64_t began = sched::monotonicNow();
  inPass_ = !trimmer_.step();
  const auto spent = static_cast<uint64_t>(sched::monotonicNow() - began);
  passNs_ += spent;
  start(inPass_ ? std::max<uint64_t>(1, spent * kStepShare / 1'000'000)
                : std::max(kRestMs, passNs_ * kPassShare / 1'000'000));
}

}  // namespace stackful::runtime
