#include "policy.h"

#include <bit>
#include <new>

namespace stackful::sched {
namespace {

uint8_t byPriority(const Coroutine* c) {
  return c->priority;
}

// Whether it takes connections: parked in accept, or made to yield between two that were waiting already.
bool accepts(const Coroutine* c) {
  return c->parkKind == ParkKind::kSocketAccept || (c->parkKind == ParkKind::kYield && c->accepts);
}

}  // namespace

std::unique_ptr<Policy> makePolicy(PolicyKind kind) noexcept {
  Levels::LevelOf levelOf;
  switch (kind) {
    case PolicyKind::kPriority:
      levelOf = byPriority;
      break;
    // The two of Knot: work on the connections there are before taking more, or the other way round.
    case PolicyKind::kConnections:
      levelOf = [](const Coroutine* c) -> uint8_t { return accepts(c) ? 1 : 0; };
      break;
    case PolicyKind::kAccept:
      levelOf = [](const Coroutine* c) -> uint8_t { return accepts(c) ? 0 : 1; };
      break;
    default:
      return nullptr;
  }
  return std::unique_ptr<Policy>(new (std::nothrow) Levels(levelOf));
}

void Levels::push(Coroutine* c) noexcept {
  const uint8_t level = levelOf_(c);
  queues_[level].push(c);
  used_ |= 1u << level;
}

Coroutine* Levels::pop() noexcept {
  if (used_ == 0) return nullptr;
  const bool last = ++turns_ % kPatience == 0;
  const int level = last ? 31 - std::countl_zero(used_) : std::countr_zero(used_);
  Coroutine* c = queues_[level].pop();
  if (queues_[level].empty()) used_ &= ~(1u << level);
  return c;
}

const Coroutine* Levels::first() const noexcept {
  return used_ == 0 ? nullptr : queues_[std::countr_zero(used_)].first();
}

Coroutine* Chosen::pop() noexcept {
  if (Coroutine* c = chosen_) {
    chosen_ = nullptr;
    return c;
  }
  return held_ > 0 || !incoming_.empty() ? chooser_ : nullptr;
}

Coroutine* Chosen::take() noexcept {
  Coroutine* c = incoming_.pop();
  if (!c) return nullptr;
  c->held = true;
  ++held_;
  return c;
}

bool Chosen::choose(Coroutine* c) noexcept {
  if (!c || !c->held || chosen_) return false;
  c->held = false;
  --held_;
  chosen_ = c;
  return true;
}

}  // namespace stackful::sched
