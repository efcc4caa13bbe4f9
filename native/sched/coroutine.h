// The scheduler's record of one coroutine. Lives in the record of the coroutine's own stack, so a coroutine
// needs no allocation, and a pointer to it is valid exactly as long as Scheduler::find returns it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../engine/engine.h"
#include "limit.h"
#include "park_reason.h"

namespace stackful::sched {

// 0 goes first; what it means is up to the policy.
inline constexpr uint8_t kNormalPriority = 2;

// What a coroutine begins with: little, because it is not known yet how long it computes between two calls.
inline constexpr uint8_t kFirstAllowance = 8;

enum class State : uint8_t { kReady, kRunning, kParked, kDone };

struct Coroutine {
  engine::Execution execution;  // first: the engine finds it at the start of the record

  // All that a park, a wake and the run queue touch: 64 bytes.
  Coroutine* next = nullptr;  // in the run queue
  uint32_t slot = 0;          // index in the scheduler's table
  uint32_t generation = 0;    // tells this coroutine from earlier ones of the same slot
  int32_t wakeCode = 0;       // what the current park() returns
  int32_t interruption = 0;   // not 0: every parking call returns this at once; see limit.h
  State state = State::kReady;
  ParkKind parkKind = ParkKind::kNone;
  uint8_t allowance = kFirstAllowance;  // calls a turn that do not wait; see Scheduler::charge
  bool cancelled = false;
  int32_t parkFd = -1;
  int64_t parkNumber = 0;
  void* owner = nullptr;    // the embedding's own record; never touched here
  Limit* limits = nullptr;  // the innermost one that it is in
  uint16_t atomics = 0;     // atomic sections it is in: nothing parks there
  uint8_t priority = kNormalPriority;
  bool accepts : 1 = false;    // has taken connections
  bool held : 1 = false;       // ready, and in the hands of an application's policy; see policy.h
  bool simulated : 1 = false;  // see simulation.h
  uint32_t parkedAt = 0;       // when it parked, or became ready: coarsely; see Scheduler::parkedFor

  // The code with which a parking call must end before it begins, or 0.
  int32_t interrupted() const noexcept { return interruption; }
  // Once it runs it does not matter: whether it has parked or given way before.
  bool hasBegun() const noexcept { return state != State::kReady || parkKind != ParkKind::kNone; }
  Reason parkedOn() const noexcept { return {parkKind, parkFd, parkNumber}; }
};

static_assert(offsetof(Coroutine, execution) == 0);

// For stack::StackTrimmer: how far down the stack with this record is in use.
inline const char* stackPointerOf(const char* record) noexcept {
  return static_cast<const char*>(reinterpret_cast<const Coroutine*>(record)->execution.sp);
}
static_assert(sizeof(Coroutine) <= stack::kRecordBytes);
static_assert(sizeof(Coroutine) <= sizeof(engine::Execution) + 64, "the hot part fills at most a cache line");

}  // namespace stackful::sched
