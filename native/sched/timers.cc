#include "timers.h"

#include <bit>

namespace stackful::sched {
namespace {

// How many timers of one far slot nextExpiry looks at for the exact answer: enough that a lone sleeper is not
// woken once for every level its timer descends through.
constexpr int kExactWithin = 8;

}  // namespace

Timers::Timers(int64_t now, int tickBits) noexcept : tickBits_(tickBits), elapsed_(now >> tickBits) {
  clear();
}

void Timers::clear() noexcept {
  for (TimerLink& head : slots_) head.next = head.prev = &head;
  for (uint64_t& level : used_) level = 0;
  levelsUsed_ = 0;
  size_ = 0;
}

// The level is that of the highest six-bit digit in which the timer's tick differs from the present one. So
// every timer of a lower level is due before every timer of a higher one, and within a level the slots are
// due in order.
void Timers::place(Timer& timer) noexcept {
  const auto differing = static_cast<uint64_t>(timer.tick ^ elapsed_);
  const int level = (63 - std::countl_zero(differing | 1)) / kSlotBits;
  const int slot = static_cast<int>(timer.tick >> (level * kSlotBits)) & (kSlots - 1);
  timer.place = static_cast<uint16_t>(level * kSlots + slot);
  TimerLink& head = slots_[timer.place];
  timer.next = &head;
  timer.prev = head.prev;
  head.prev->next = &timer;
  head.prev = &timer;
  used_[level] |= uint64_t{1} << slot;
  levelsUsed_ |= 1u << level;
}

void Timers::unlink(Timer& timer) noexcept {
  timer.prev->next = timer.next;
  timer.next->prev = timer.prev;
  // The last one of its slot: both neighbours are the head.
  if (timer.next == timer.prev) {
    const int level = timer.place / kSlots;
    used_[level] &= ~(uint64_t{1} << (timer.place % kSlots));
    if (used_[level] == 0) levelsUsed_ &= ~(1u << level);
  }
  timer.next = timer.prev = nullptr;
}

void Timers::insert(Timer& timer, Deadline deadline) noexcept {
  if (deadline == kNoDeadline) return;
  // Rounded up, so as not to be early; written so as not to overflow.
  const int64_t tick = (deadline >> tickBits_) + ((deadline & ((int64_t{1} << tickBits_) - 1)) != 0);
  timer.tick = tick > elapsed_ ? tick : elapsed_ + 1;
  place(timer);
  ++size_;
}

void Timers::cancel(Timer& timer) noexcept {
  if (!timer.armed()) return;
  unlink(timer);
  --size_;
}

int64_t Timers::firstSlot(int& level, int& slot) const noexcept {
  level = std::countr_zero(levelsUsed_);
  slot = std::countr_zero(used_[level]);
  const int shift = level * kSlotBits;
  const int64_t above = elapsed_ >> (shift + kSlotBits) << (shift + kSlotBits);
  return above + (int64_t{slot} << shift);
}

Deadline Timers::nextExpiry() const noexcept {
  if (size_ == 0) return kNoDeadline;
  int level, slot;
  int64_t tick = firstSlot(level, slot);
  if (level > 0) {
    const TimerLink* head = &slots_[level * kSlots + slot];
    int64_t earliest = INT64_MAX;
    int looked = 0;
    const TimerLink* link = head->next;
    for (; link != head && looked < kExactWithin; link = link->next, ++looked) {
      const int64_t t = static_cast<const Timer*>(link)->tick;
      if (t < earliest) earliest = t;
    }
    if (link == head) tick = earliest;
  }
  return tick > (INT64_MAX >> tickBits_) ? kNoDeadline - 1 : tick << tickBits_;
}

size_t Timers::expire(int64_t now) noexcept {
  const int64_t target = now >> tickBits_;
  size_t fired = 0;
  while (size_ > 0) {
    int level, slot;
    const int64_t start = firstSlot(level, slot);
    if (start > target) break;
    elapsed_ = start;
    // One at a time, because `fire` may cancel any other. None comes back into this slot: a timer that is
    // placed while its start is the present differs from it in a lower digit, or is due later than the slot.
    TimerLink& head = slots_[level * kSlots + slot];
    while (head.next != &head) {
      auto& timer = static_cast<Timer&>(*head.next);
      unlink(timer);
      if (timer.tick > elapsed_) {
        place(timer);
        continue;
      }
      --size_;
      // They come in the order of their ticks.
      if (++fired == 1) lateness_ = now - (timer.tick << tickBits_);
      timer.fire(&timer);
    }
  }
  // Nothing is left up to `target`, so the digits of every remaining timer still differ where they did.
  if (target > elapsed_) elapsed_ = target;
  if (fired > 0 && lateness_ > worstLateness_) worstLateness_ = lateness_;
  return fired;
}

}  // namespace stackful::sched
