// What can end a coroutine's parking calls before their time, besides its cancellation: the limits it is in.
//
// A coroutine's limits form a stack, the innermost first. One with a time or an abort signal
// interrupts every parking call made inside it once it has fired, until it is left; a shield keeps out what
// comes from around it, until it is left itself. Scheduler::reconsider turns the stack into one number,
// Coroutine::interruption, whenever something in it changes, so a parking call looks at nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "timers.h"

namespace stackful::sched {

struct Coroutine;
class Scheduler;

// Its timer is for limits of time.
struct Limit : Timer {
  Limit* outer = nullptr;  // the next free one while in the pool
  Scheduler* scheduler = nullptr;
  Coroutine* coroutine = nullptr;
  int32_t code = 0;    // what calls inside end with once it has fired; 0: a shield
  uint32_t index = 0;  // in the pool
  bool fired = false;
};

// Limits that JavaScript enters: it knows them by number, and they do not move.
class LimitPool {
 public:
  // nullptr when there is no memory.
  Limit* take() noexcept {
    if (!firstFree_ && !grow()) return nullptr;
    Limit* s = firstFree_;
    firstFree_ = s->outer;
    s->fired = false;
    return s;
  }
  void give(Limit* s) noexcept {
    s->outer = firstFree_;
    firstFree_ = s;
  }
  Limit* at(uint32_t index) const noexcept {
    return index < chunks_.size() * kChunk ? &chunks_[index / kChunk][index % kChunk] : nullptr;
  }

 private:
  static constexpr uint32_t kChunk = 64;

  bool grow() noexcept {
    auto* chunk = new (std::nothrow) Limit[kChunk];
    if (!chunk) return false;
    const auto first = static_cast<uint32_t>(chunks_.size()) * kChunk;
    chunks_.emplace_back(chunk);
    for (uint32_t i = kChunk; i-- > 0;) {
      chunk[i].index = first + i;
      give(&chunk[i]);
    }
    return true;
  }

  Limit* firstFree_ = nullptr;
  std::vector<std::unique_ptr<Limit[]>> chunks_;
};

}  // namespace stackful::sched
