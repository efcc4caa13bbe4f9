#include "stack_reuse.h"

#include <cstring>

namespace stackful::sched {

void StackReuse::add(Coroutine& c) noexcept {
  stacks_.rest();
  c.next = newest_;
  newest_ = &c;
  ++length_;
}

Coroutine* StackReuse::take(size_t stackBytes) noexcept {
  Coroutine* c = newest_;
  if (!c) return nullptr;
  const size_t size = c->execution.stack.size() + stack::kGuardBytes;
  if (stackBytes > size || stackBytes <= size / 2) {
    dropNewest();
    return nullptr;
  }
  if (!stacks_.takeOver(c->execution.stack)) return nullptr;
  newest_ = c->next;
  --length_;
  static const Coroutine kFresh{};
  memcpy(static_cast<void*>(&c->next), &kFresh.next, sizeof(Coroutine) - offsetof(Coroutine, next));
  return c;
}

void StackReuse::dropNewest() noexcept {
  Coroutine* c = newest_;
  newest_ = c->next;
  --length_;
  stacks_.endRest();
  engine_.abandon(c->execution);
  stacks_.release(c->execution.stack);
}

}  // namespace stackful::sched
