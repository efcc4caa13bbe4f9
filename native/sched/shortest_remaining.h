// Shortest remaining time first, for servers (Mor Harchol-Balter, Bianca Schroeder, Nikhil Bansal and Mukesh Agrawal, "Size-based
// scheduling to improve web performance", TOCS 2003): the job that is nearest to its end runs next, which makes the mean time to
// an answer as short as it can be.
//
// A job is what a coroutine does from its beginning, or from the last begin(), to its end or the next begin(): a request of many
// on one connection. What remains of it is, in this order,
//   told        by expect(), less the time it has run since: of a file it is known. When that is used up, because other programs had
//               the processor meanwhile or the telling was wrong, as much again as it has run since
//   expected    the exponential average of what jobs of its kind took, less what it has used. It is a mean of logarithms: where
//               most are small and few very large, what is new is most likely small
//   as much as it has used, once that is more than the average: sizes of jobs have heavy tails, where one that has
//               lasted long lasts long
//
// None starves. A job's key is the moment when it became ready, plus a part of `patience` that grows with what remains (a twenty-fourth
// for each doubling from a microsecond on, so that it means the same whatever jobs take), less how long it has waited for its turns
// so far, but no more than `patience`; running for t takes kPay * t off that. So one that is ready goes before all that become ready
// more than twice the patience later.
//
// A coroutine is one of
//   unknown   it has no job here
//   waiting   it has one, and is not ready
//   ready     in the heap
//   running   current_
// push: unknown, waiting or running -> ready. pop: ready -> running; what ran before -> waiting, or unknown when it is over. leave: the
// latter alone.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "clock.h"
#include "policy.h"

namespace stackful::sched {

class ShortestRemaining : public Policy {
 public:
  using Clock = int64_t (*)();  // nanoseconds
  // What a job is like: where the function stands that the coroutine runs, or a number of the embedding's.
  using Kind = uint64_t;

  explicit ShortestRemaining(int64_t patience, Clock clock = monotonicNow) noexcept
      : patience_(patience), clock_(clock) {}

  void push(Coroutine* c) noexcept override;
  Coroutine* pop() noexcept override;
  void leave() noexcept override;
  const Coroutine* first() const noexcept override {
    return heap_.empty() ? nullptr : jobs_[heap_[0]].coroutine;
  }
  size_t upcoming(Upcoming* into, size_t room) const noexcept override;

  // The job of `c`, if it has one, is over, and another one begins.
  void begin(const Coroutine* c, Kind kind) noexcept;
  // Its job is of that kind.
  void name(const Coroutine* c, Kind kind) noexcept;
  // So much remains of it, in nanoseconds; `ofFile`: as the bytes say that are left to send.
  void expect(const Coroutine* c, int64_t ns, bool ofFile = false) noexcept;

  // What remains of the job of `c`, as far as is known.
  int64_t remaining(const Coroutine* c) noexcept { return remaining(of(c)); }

  static constexpr int64_t kPay = 100;
  // Further kinds are taken for an average one.
  static constexpr size_t kMostKinds = 4096;
  static constexpr Kind kUnknown = 0, kRequest = 1;

 private:
  static constexpr uint32_t kNotReady = UINT32_MAX;
  struct Job {
    Coroutine* coroutine = nullptr;  // while it is ready
    uint32_t generation = 0;
    uint32_t place = kNotReady;  // in the heap
    Kind kind = kUnknown;
    int64_t used = 0;
    int64_t told = -1;      // what remained then, or -1
    bool ofFile = false;    // told by what sends a file
    int64_t sinceTold = 0;  // what it has run since
    int64_t waited = 0;     // what counts of it
    int64_t readyAt = 0;
    int64_t key = 0;
    uint64_t order = 0;  // among equal keys
  };

  Job& of(const Coroutine* c) noexcept;
  // What it takes altogether, by what others took.
  int64_t expected(const Job& job) const noexcept;
  int64_t remaining(const Job& job) const noexcept;
  Why why(const Job& job) const noexcept;
  int64_t offset(int64_t remaining) const noexcept;
  void rank(Job& job) noexcept;
  void finish(Job& job) noexcept;
  void settle(int64_t now) noexcept;

  bool before(uint32_t one, uint32_t other) const noexcept;
  void put(uint32_t place, uint32_t slot) noexcept;
  void sift(uint32_t place) noexcept;
  void takeOut(uint32_t place) noexcept;

  const int64_t patience_;
  const Clock clock_;
  Coroutine* current_ = nullptr;
  int64_t since_ = 0;  // when it began to run
  uint64_t orders_ = 0;
  double usual_ = 0;                          // of all kinds; 0: none has ended
  std::vector<Job> jobs_;                     // by slot
  std::vector<uint32_t> heap_;                // slots
  std::unordered_map<Kind, double> average_;  // binary logarithms of nanoseconds
};

}  // namespace stackful::sched
