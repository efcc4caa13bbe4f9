#include "borrowed_virtual_time.h"

namespace stackful::sched {

BorrowedVirtualTime::~BorrowedVirtualTime() {
  if (current_) settle(clock_());
  while (Share* share = active_.top()) {
    if (!share->ready.empty()) ready_.remove(*share);
    share->ready.clear();
    deactivate(*share);
  }
}

void BorrowedVirtualTime::activate(Share& share, int64_t now) noexcept {
  share.wake(systems_, now);
  ++share.owners;
  active_.add(share);
}

void BorrowedVirtualTime::deactivate(Share& share) noexcept {
  active_.remove(share);
  shares_.release(share);
}

void BorrowedVirtualTime::push(Coroutine* c) noexcept {
  Share& share = shares_.of(c, running_);
  const bool hadNone = share.ready.empty();
  if (hadNone && !share.running) activate(share, clock_());
  share.ready.push(c);
  if (hadNone) ready_.add(share);
}

void BorrowedVirtualTime::settle(int64_t now) noexcept {
  Share& share = *current_;
  current_ = nullptr;
  share.charge(now - since_, now);
  share.running = false;
  active_.moved(share);
  if (share.ready.empty()) {
    deactivate(share);
  } else {
    ready_.moved(share);
  }
}

Coroutine* BorrowedVirtualTime::pop() noexcept {
  const int64_t now = clock_();
  Share* before = current_;
  if (before) {
    // It may not outlive its last coroutine.
    ++before->owners;
    settle(now);
  }
  if (const Share* earliest = active_.top(); earliest && earliest->actual() - systems_ > 0)
    systems_ = earliest->actual();
  Share* next = ready_.top();
  if (before) {
    // Its turn is over, but the next one's has not come by more than the allowance.
    const bool goesOn = next && !before->ready.empty() &&
                        before->effective() - next->effective() < before->virtually(allowance_);
    if (goesOn) next = before;
    shares_.release(*before);
  }
  if (!next) return nullptr;
  Coroutine* c = next->ready.pop();
  if (next->ready.empty()) ready_.remove(*next);
  next->running = true;
  current_ = next;
  since_ = now;
  return c;
}

void BorrowedVirtualTime::leave() noexcept {
  if (current_) settle(clock_());
}

const Coroutine* BorrowedVirtualTime::first() const noexcept {
  const Share* share = ready_.top();
  return share ? share->ready.first() : nullptr;
}

void BorrowedVirtualTime::join(Coroutine* c, Share& share) noexcept {
  Share& before = shares_.of(c, nullptr);
  if (&before == &share) return;
  RunQueue others;
  bool found = false;
  while (Coroutine* ready = before.ready.pop()) {
    if (ready == c) {
      found = true;
    } else {
      others.push(ready);
    }
  }
  before.ready.append(others);
  if (found && before.ready.empty()) {
    ready_.remove(before);
    if (!before.running) deactivate(before);
  }
  shares_.join(c, share);
  if (found) push(c);
}

}  // namespace stackful::sched
