#include "upcoming.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <queue>
#include <vector>

#include "borrowed_virtual_time.h"
#include "scheduler.h"
#include "shortest_remaining.h"

namespace stackful::sched {
namespace {

constexpr double kMsPerNs = 1e-6;
// Under borrowed virtual time the order depends on how long turns take: as if each took so long.
constexpr int64_t kTurnNs = 100'000;
// So many slots are looked at for what an application's policy holds: less than a millisecond.
constexpr uint32_t kMostSlots = 10'000;

double ms(int64_t ns) noexcept {
  return static_cast<double>(ns) * kMsPerNs;
}

// Goes through a binary heap in its order without changing it: of those nodes whose parents have been seen, the first.
template <typename Before>
class HeapWalk {
 public:
  HeapWalk(size_t size, Before before) : size_(size), next_(Later{before}) {
    if (size > 0) next_.push(0);
  }
  bool done() const noexcept { return next_.empty(); }
  uint32_t take() noexcept {
    const uint32_t at = next_.top();
    next_.pop();
    for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < size_; ++child) next_.push(child);
    return at;
  }

 private:
  struct Later {
    Before before;
    bool operator()(uint32_t one, uint32_t other) const noexcept { return before(other, one); }
  };
  const size_t size_;
  std::priority_queue<uint32_t, std::vector<uint32_t>, Later> next_;
};

}  // namespace

size_t upcomingOf(const RunQueue& queue, Upcoming* into, size_t room) noexcept {
  size_t count = 0;
  for (const Coroutine* c = queue.first(); c && count < room; c = c->next) into[count++] = {c};
  return count;
}

size_t Scheduler::upcoming(Upcoming* into, size_t room) const noexcept {
  return policy_ ? policy_->upcoming(into, room) : upcomingOf(ready_, into, room);
}

size_t Levels::upcoming(Upcoming* into, size_t room) const noexcept {
  const Coroutine* next[kMost];
  for (uint8_t level = 0; level < kMost; ++level) next[level] = queues_[level].first();
  uint32_t used = used_, turns = turns_;
  size_t count = 0;
  while (used != 0 && count < room) {
    const bool last = ++turns % kPatience == 0;
    const int level = last ? 31 - std::countl_zero(used) : std::countr_zero(used);
    const Coroutine* c = next[level];
    into[count++] = {c, last ? Why::kPatience : Why::kLevel, {static_cast<double>(level)}};
    next[level] = c->next;
    if (!c->next) used &= ~(1u << level);
  }
  return count;
}

size_t Chosen::upcoming(Upcoming* into, size_t room) const noexcept {
  size_t count = 0;
  if (chosen_ && count < room) into[count++] = {chosen_, Why::kChosen, {}};
  for (const Coroutine* c = incoming_.first(); c && count < room; c = c->next)
    into[count++] = {c, Why::kNotTold, {}};
  return count;
}

size_t Scheduler::heldByChooser(Upcoming* into, size_t room) const noexcept {
  if (!known_.chosen) return 0;
  const size_t wanted = std::min<size_t>(room, known_.chosen->held());
  size_t count = 0;
  for (uint32_t i = 0; i < std::min(slots(), kMostSlots) && count < wanted; ++i) {
    const Coroutine* c = at(i);
    if (c && c->held) into[count++] = {c, Why::kHeld, {}};
  }
  return count;
}

// Each time a share's turn comes it gets kTurnNs, and goes on from there if others of it are ready.
size_t BorrowedVirtualTime::upcoming(Upcoming* into, size_t room) const noexcept {
  struct Turn {
    VirtualTime time;
    const Share* share;
    const Coroutine* next;
    uint32_t before;
    bool operator>(const Turn& other) const noexcept { return time - other.time > 0; }
  };
  const int64_t now = clock_();
  const std::vector<Share*>& heap = ready_.all();
  HeapWalk walk(heap.size(), [&heap](uint32_t one, uint32_t other) {
    return heap[one]->effective() - heap[other]->effective() < 0;
  });
  std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns;
  size_t count = 0;
  const Share* ahead = nullptr;  // taken from the heap, whose place it has there; not a turn yet
  while (count < room) {
    if (!ahead && !walk.done()) ahead = heap[walk.take()];
    // Not where both are equal: of shares that are all equal, it would look at all.
    if (ahead && (turns.empty() || ahead->effective() - turns.top().time < 0)) {
      // What runs now is in the heap as it was when it began.
      const VirtualTime ran = ahead == current_ ? ahead->virtually(now - since_) : 0;
      turns.push({ahead->effective() + ran, ahead, ahead->ready.first(), 0});
      ahead = nullptr;
      continue;
    }
    if (turns.empty()) break;
    const Turn turn = turns.top();
    turns.pop();
    const Share& share = *turn.share;
    const VirtualTime actual = share.actual() + (&share == current_ ? share.virtually(now - since_) : 0);
    const VirtualTime warp = share.actual() - share.effective();
    into[count++] = {
        turn.next,
        Why::kVirtualTime,
        {static_cast<double>(share.number), share.inheritable ? 1.0 : 0.0, ms((actual - warp) / kFraction),
         share.weight(), ms(warp / kFraction), static_cast<double>(turn.before)}};
    if (turn.next->next)
      turns.push({turn.time + share.virtually(kTurnNs), &share, turn.next->next, turn.before + 1});
  }
  return count;
}

Why ShortestRemaining::why(const Job& job) const noexcept {
  if (job.told >= 0)
    return job.sinceTold >= job.told ? Why::kToldTooLittle : job.ofFile ? Why::kFile : Why::kTold;
  const bool known = average_.contains(job.kind);
  if (!known && usual_ == 0) return Why::kNothingKnown;
  if (job.used >= expected(job)) return Why::kUsedMore;
  return known ? Why::kKind : Why::kAll;
}

size_t ShortestRemaining::upcoming(Upcoming* into, size_t room) const noexcept {
  const int64_t now = clock_();
  HeapWalk walk(heap_.size(),
                [this](uint32_t one, uint32_t other) { return before(heap_[one], heap_[other]); });
  size_t count = 0;
  while (count < room && !walk.done()) {
    const Job& job = jobs_[heap_[walk.take()]];
    const int64_t waited = std::min(patience_, job.waited + (now - job.readyAt));
    into[count++] = {job.coroutine, why(job), {ms(remaining(job)), ms(job.used), ms(waited)}};
  }
  return count;
}

}  // namespace stackful::sched
