// What can end a coroutine's parking calls before their time, besides its cancellation: the scopes it is in.
//
// A coroutine's open scopes form a stack, the innermost first. A scope with a time limit or an abort signal
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

// Codes of interrupted calls, outside the range of errno so that no timer and no kernel can be mistaken for
// them.
inline constexpr int32_t kScopeTimedOut = -10003;
inline constexpr int32_t kScopeAborted = -10004;
inline constexpr int32_t kInAtomicSection = -10005;

// Its timer is the time limit, for scopes that have one.
struct Scope : Timer {
  Scope* outer = nullptr;  // the next free one while in the pool
  Scheduler* scheduler = nullptr;
  Coroutine* coroutine = nullptr;
  int32_t code = 0;    // what calls inside end with once it has fired; 0: a shield
  uint32_t index = 0;  // in the pool
  bool fired = false;
};

// Scopes that JavaScript opens: it knows them by number, and they do not move.
class ScopePool {
 public:
  // nullptr when there is no memory.
  Scope* take() noexcept {
    if (!firstFree_ && !grow()) return nullptr;
    Scope* s = firstFree_;
    firstFree_ = s->outer;
    s->fired = false;
    return s;
  }
  void give(Scope* s) noexcept {
    s->outer = firstFree_;
    firstFree_ = s;
  }
  Scope* at(uint32_t index) const noexcept {
    return index < chunks_.size() * kChunk ? &chunks_[index / kChunk][index % kChunk] : nullptr;
  }

 private:
  static constexpr uint32_t kChunk = 64;

  bool grow() noexcept {
    auto* chunk = new (std::nothrow) Scope[kChunk];
    if (!chunk) return false;
    const auto first = static_cast<uint32_t>(chunks_.size()) * kChunk;
    chunks_.emplace_back(chunk);
    for (uint32_t i = kChunk; i-- > 0;) {
      chunk[i].index = first + i;
      give(&chunk[i]);
    }
    return true;
  }

  Scope* firstFree_ = nullptr;
  std::vector<std::unique_ptr<Scope[]>> chunks_;
};

}  // namespace stackful::sched
