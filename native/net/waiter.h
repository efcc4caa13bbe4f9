// The coroutines parked on one side of a socket, in order of arrival.
#pragma once

#include "../sched/coroutine.h"

namespace stackful::net {

// Lives in the stack frame of the parking call.
struct Waiter {
  Waiter* next = nullptr;  // null while in no list
  Waiter* prev = nullptr;
  sched::Coroutine* coroutine = nullptr;
};

// A ring reached by its first member: eight bytes in the socket, and any member leaves in constant time.
class WaiterList {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  const Waiter* first() const noexcept { return first_; }

  void pushBack(Waiter& w) noexcept {
    if (!first_) {
      first_ = w.next = w.prev = &w;
      return;
    }
    w.next = first_;
    w.prev = first_->prev;
    w.prev->next = &w;
    first_->prev = &w;
  }

  // For one that was woken for nothing: it keeps its turn.
  void pushFront(Waiter& w) noexcept {
    pushBack(w);
    first_ = &w;
  }

  // Does nothing to a waiter that was popped before.
  void remove(Waiter& w) noexcept {
    if (!w.next) return;
    if (w.next == &w) {
      first_ = nullptr;
    } else {
      w.prev->next = w.next;
      w.next->prev = w.prev;
      if (first_ == &w) first_ = w.next;
    }
    w.next = w.prev = nullptr;
  }

  // nullptr when empty.
  Waiter* pop() noexcept {
    Waiter* w = first_;
    if (w) remove(*w);
    return w;
  }

 private:
  Waiter* first_ = nullptr;
};

}  // namespace stackful::net
