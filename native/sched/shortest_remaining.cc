#include "shortest_remaining.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <new>

#include "scheduler.h"

namespace stackful::sched {
namespace {

// How much of an average the last job is.
constexpr double kPart = 1.0 / 8;

void average(double& mean, double last) noexcept {
  mean = mean == 0 ? last : mean + kPart * (last - mean);
}

}  // namespace

ShortestRemaining::Job& ShortestRemaining::of(const Coroutine* c) noexcept {
  if (c->slot >= jobs_.size()) jobs_.resize(std::max<size_t>(64, size_t{2} * c->slot + 1));
  Job& job = jobs_[c->slot];
  if (job.generation != c->generation) {
    job = {};
    job.generation = c->generation;
  }
  return job;
}

int64_t ShortestRemaining::expected(const Job& job) const noexcept {
  const auto known = average_.find(job.kind);
  return std::llround(std::exp2(known == average_.end() ? usual_ : known->second));
}

int64_t ShortestRemaining::remaining(const Job& job) const noexcept {
  if (job.told >= 0) return job.sinceTold < job.told ? job.told - job.sinceTold : job.sinceTold;
  const int64_t all = expected(job);
  return job.used < all ? all - job.used : job.used;
}

// Between powers of two it grows evenly.
int64_t ShortestRemaining::offset(int64_t remaining) const noexcept {
  constexpr int kLeast = 10, kDoublings = 24;
  const auto ns =
      static_cast<uint64_t>(std::clamp(remaining, int64_t{1} << kLeast, int64_t{1} << (kLeast + kDoublings)));
  const int doublings = std::bit_width(ns) - 1;
  const double fraction = static_cast<double>(ns) / static_cast<double>(uint64_t{1} << doublings) - 1;
  return static_cast<int64_t>(static_cast<double>(patience_) * (doublings - kLeast + fraction) / kDoublings);
}

void ShortestRemaining::rank(Job& job) noexcept {
  job.key = job.readyAt - job.waited + offset(remaining(job));
}

void ShortestRemaining::push(Coroutine* c) noexcept {
  Job& job = of(c);
  job.coroutine = c;
  job.readyAt = clock_();
  job.order = ++orders_;
  // What has run until now, and gives way.
  if (c == current_) settle(job.readyAt);
  rank(job);
  heap_.push_back(c->slot);
  job.place = static_cast<uint32_t>(heap_.size() - 1);
  sift(job.place);
}

void ShortestRemaining::settle(int64_t now) noexcept {
  Coroutine* c = current_;
  current_ = nullptr;
  Job& job = of(c);
  const int64_t ran = now - since_;
  job.used += ran;
  job.sinceTold += ran;
  job.waited = std::max<int64_t>(0, job.waited - kPay * ran);
  if (c->state == State::kDone) finish(job);
}

void ShortestRemaining::finish(Job& job) noexcept {
  if (job.used > 0) {
    const double took = std::log2(static_cast<double>(job.used));
    const auto known = average_.find(job.kind);
    if (known != average_.end()) {
      average(known->second, took);
    } else if (average_.size() < kMostKinds) {
      average_.emplace(job.kind, took);
    }
    average(usual_, took);
  }
  job.used = job.waited = 0;
  job.told = -1;
}

Coroutine* ShortestRemaining::pop() noexcept {
  const int64_t now = clock_();
  if (current_) settle(now);
  if (heap_.empty()) return nullptr;
  Job& job = jobs_[heap_[0]];
  takeOut(0);
  job.waited = std::min(patience_, job.waited + (now - job.readyAt));
  current_ = job.coroutine;
  job.coroutine = nullptr;
  since_ = now;
  return current_;
}

void ShortestRemaining::leave() noexcept {
  if (current_) settle(clock_());
}

void ShortestRemaining::begin(const Coroutine* c, Kind kind) noexcept {
  if (c == current_) {
    const int64_t now = clock_();
    settle(now);
    current_ = const_cast<Coroutine*>(c);
    since_ = now;
  }
  finish(of(c));
  name(c, kind);
}

void ShortestRemaining::name(const Coroutine* c, Kind kind) noexcept {
  Job& job = of(c);
  job.kind = kind;
  if (job.place == kNotReady) return;
  rank(job);
  sift(job.place);
}

void ShortestRemaining::expect(const Coroutine* c, int64_t ns, bool ofFile) noexcept {
  Job& job = of(c);
  job.ofFile = ofFile;
  job.told = std::max<int64_t>(0, ns);
  // What the current turn has taken so far is not part of that.
  job.sinceTold = c == current_ ? since_ - clock_() : 0;
  if (job.place == kNotReady) return;
  rank(job);
  sift(job.place);
}

bool ShortestRemaining::before(uint32_t one, uint32_t other) const noexcept {
  const Job &a = jobs_[one], &b = jobs_[other];
  return a.key != b.key ? a.key < b.key : a.order < b.order;
}

void ShortestRemaining::put(uint32_t place, uint32_t slot) noexcept {
  heap_[place] = slot;
  jobs_[slot].place = place;
}

void ShortestRemaining::sift(uint32_t place) noexcept {
  const uint32_t slot = heap_[place];
  for (; place > 0 && before(slot, heap_[(place - 1) / 2]); place = (place - 1) / 2)
    put(place, heap_[(place - 1) / 2]);
  const auto size = static_cast<uint32_t>(heap_.size());
  for (uint32_t child; (child = 2 * place + 1) < size; place = child) {
    if (child + 1 < size && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], slot)) break;
    put(place, heap_[child]);
  }
  put(place, slot);
}

void ShortestRemaining::takeOut(uint32_t place) noexcept {
  jobs_[heap_[place]].place = kNotReady;
  const uint32_t last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  put(place, last);
  sift(place);
}

void Scheduler::runShortestFirst(int64_t patienceNs) noexcept {
  auto* shortest = new (std::nothrow) ShortestRemaining(patienceNs);
  setPolicy(std::unique_ptr<Policy>(shortest));
  known_.shortest = shortest;
}

void Scheduler::beginJobByPolicy(uint64_t kind) noexcept {
  known_.shortest->begin(running_, kind);
}

void Scheduler::expectByPolicy(int64_t ns, bool ofFile) noexcept {
  known_.shortest->expect(running_, ns, ofFile);
}

}  // namespace stackful::sched
