#include "simulation.h"

#include <utility>

namespace stackful::sched {

Simulation::Simulation(Scheduler& scheduler, uint32_t seed) noexcept
    : scheduler_(scheduler),
      random_(uint64_t{seed} * 0x9e3779b97f4a7c15u + 1),
      hook_(scheduler.hook_),
      policy_(std::move(scheduler.policy_)),
      known_(std::exchange(scheduler.known_, {})),
      externalWaits_(scheduler.externalWaits_) {
  scheduler.hook_ = nullptr;
  scheduler.timers_ = &timers_;
  scheduler.simulated_ = true;
  scheduler.virtualNow_ = 0;
}

Simulation::~Simulation() {
  gather();  // coroutines still in the queue go to where they belong
  scheduler_.hook_ = hook_;
  scheduler_.timers_ = &scheduler_.realTimers_;
  scheduler_.simulated_ = false;
  for (uint32_t i = 0; i < scheduler_.slots(); ++i) {
    Coroutine* c = scheduler_.at(i);
    if (c && c->simulated) c->state = State::kDone;
  }
  timers_.clear();
  if (scheduler_.soft_) scheduler_.soft_->forget(timers_);
  // Those that are lost count for nothing.
  scheduler_.externalWaits_ = externalWaits_;
  scheduler_.policy_ = std::move(policy_);
  scheduler_.known_ = known_;
  for (Coroutine* c : others_) scheduler_.enqueue(c);
}

// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014): splitmix64.
uint32_t Simulation::random(uint32_t limit) noexcept {
  uint64_t z = random_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<uint32_t>((z ^ (z >> 31)) % limit);
}

const std::deque<Coroutine*>& Simulation::gather() noexcept {
  while (Coroutine* c = scheduler_.dequeue()) {
    if (c->simulated) {
      ready_.push_back(c);
    } else {
      others_.push_back(c);
    }
  }
  return ready_;
}

Coroutine* Simulation::take(uint32_t index) noexcept {
  Coroutine* c = ready_[index];
  ready_.erase(ready_.begin() + index);
  ++steps_;
  return c;
}

bool Simulation::advance() noexcept {
  while (timers_.size() > 0) {
    const Deadline next = timers_.nextExpiry();
    if (next > scheduler_.virtualNow_) scheduler_.virtualNow_ = next;
    if (timers_.expire(scheduler_.virtualNow_) > 0) return true;
  }
  return false;
}

void Simulation::advanceTo(Deadline now) noexcept {
  if (now > scheduler_.virtualNow_) scheduler_.virtualNow_ = now;
  timers_.expire(scheduler_.virtualNow_);
}

}  // namespace stackful::sched
