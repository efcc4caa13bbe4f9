// First in, first out, linked through the coroutines themselves.
#pragma once

#include "coroutine.h"

namespace stackful::sched {

class RunQueue {
 public:
  // nullptr when empty.
  Coroutine* first() const noexcept { return head_; }
  bool empty() const noexcept { return head_ == nullptr; }

  void push(Coroutine* c) noexcept {
    c->next = nullptr;
    *tail_ = c;
    tail_ = &c->next;
  }

  // nullptr when empty.
  Coroutine* pop() noexcept {
    Coroutine* c = head_;
    if (!c) return nullptr;
    head_ = c->next;
    if (!head_) tail_ = &head_;
    return c;
  }

  // Takes everything of `other` and puts it at the end.
  void append(RunQueue& other) noexcept {
    if (other.empty()) return;
    *tail_ = other.head_;
    tail_ = other.tail_;
    other.clear();
  }

  // The same right behind `c`, which is in this queue; at the beginning for nullptr.
  void insertBehind(Coroutine* c, RunQueue& other) noexcept {
    if (other.empty()) return;
    Coroutine** const link = c ? &c->next : &head_;
    *other.tail_ = *link;
    if (!*link) tail_ = other.tail_;
    *link = other.head_;
    other.clear();
  }

  void clear() noexcept {
    head_ = nullptr;
    tail_ = &head_;
  }

  RunQueue() = default;
  RunQueue(const RunQueue&) = delete;
  RunQueue& operator=(const RunQueue&) = delete;

 private:
  Coroutine* head_ = nullptr;
  Coroutine** tail_ = &head_;
};

}  // namespace stackful::sched
