// What the inspector sees of parks while somebody looks: a sample of them with their stacks, or all of them without.
//
// A sample is a pair of consecutive parks of one coroutine. It goes through these states:
//
//   none -> open       the coroutine parks, and this park is the next to be sampled: its stack is noted
//   open -> followed   it runs again; the wait is over
//   open -> none       kOpen samples have been opened since
//   followed -> taken  it parks again: the stack, the time between
//   followed -> taken  it has ended: as above, with kNone for a stack
//   followed -> none   another sampled coroutine runs before (this one gave way in between)
#pragma once

#include <array>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "../sched/park_observer.h"
#include "values.h"

namespace stackful::binding {

class ParkSamples final : public sched::ParkObserver {
 public:
  ParkSamples(v8::Isolate* isolate, sched::Scheduler& scheduler) noexcept
      : isolate_(isolate), scheduler_(scheduler) {}

  // Samples about every `stride`-th park, fewer when these come faster than kLeastGapNs; 0: none, and forgets the stacks.
  void sampleEvery(uint64_t stride) noexcept;
  // Notes every park from now on, `most` of them; 0: none, and forgets them.
  void recordAll(size_t most) noexcept;

  uint64_t parks(const sched::Coroutine& c, sched::Reason reason) noexcept override;
  void resumed(const sched::Coroutine& c, uint64_t ticket) noexcept override;

  // Of stacks and kinds: there was none, because the coroutine began or ended there.
  static constexpr uint32_t kNone = 0;
  struct Sample {
    uint32_t from = kNone, to = kNone;  // stacks
    sched::ParkKind fromKind = sched::ParkKind::kNone, toKind = sched::ParkKind::kNone;
    int64_t waitedNs = 0;  // from the first park until it ran again
    int64_t ranNs = 0;     // from then until it parked again; what ran while it gave way is in it
    uint32_t depth = 0;   // bytes of its stack in use at the first park (at the second, if there is no first)
    uint32_t weight = 1;  // how many parks it stands for
  };
  // One park. Times on the monotonic clock; `resumedAt` 0: it is still parked.
  struct Record {
    uint32_t slot, generation;
    sched::ParkKind kind;
    int32_t fd;
    int64_t number, parkedAt, resumedAt;
  };
  std::vector<Sample> takeSamples() { return std::exchange(samples_, {}); }
  // The texts of stacks that were not taken before; the first one's number is `first`.
  std::vector<std::string> takeStacks(uint32_t& first);
  const std::vector<Record>& records() const noexcept { return records_; }

 private:
  // A sample takes up to 50 us, and a server that was idle a moment ago may park a million times a second.
  static constexpr int64_t kLeastGapNs = 8'000'000;
  static constexpr uint64_t kMostStride = 1 << 24;
  // A coroutine that has run for so long, and gave way meanwhile, is not followed further: each park of others costs 30 ns.
  static constexpr int64_t kLongestNs = 1'000'000'000;
  static constexpr size_t kOpen = 1024;
  static constexpr size_t kMostSamples = 8192;  // until they are taken
  static constexpr size_t kMostStacks = 4096;

  struct Open {
    uint32_t serial = 0;
    uint32_t stack = kNone;
    sched::ParkKind kind = sched::ParkKind::kNone;
    uint32_t depth = 0;
    uint32_t weight = 1;
    int64_t parkedAt = 0;
  };

  void add(const Sample& sample) noexcept {
    if (samples_.size() < kMostSamples) samples_.push_back(sample);
  }
  uint32_t noteStack();
  uint32_t openSample(const sched::Coroutine& c, sched::ParkKind kind, uint32_t stack, uint32_t depth,
                      int64_t now);
  void closeFollowed(uint32_t stack, sched::ParkKind kind, int64_t ranUntil) noexcept;
  void observeNext() noexcept;

  v8::Isolate* isolate_;
  sched::Scheduler& scheduler_;

  uint64_t stride_ = 0;
  uint64_t nextSample_ = 0;
  int64_t lastSampleAt_ = 0;
  uint32_t random_ = 2463534242;
  uint32_t serial_ = 0;
  std::array<Open, kOpen> open_{};
  std::vector<Sample> samples_;
  std::unordered_map<std::string, uint32_t> stacks_;
  std::vector<std::string> newStacks_;
  uint32_t nextStack_ = 1;

  // The sampled coroutine that runs.
  bool following_ = false;
  uint32_t slot_ = 0, generation_ = 0;
  Open followed_;
  int64_t resumedAt_ = 0;

  size_t mostRecords_ = 0;
  std::vector<Record> records_;
};

void defineParkSamples(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);

}  // namespace stackful::binding
