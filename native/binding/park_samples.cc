#include "park_samples.h"

#include <algorithm>
#include <cstring>

#include "../sched/clock.h"
#include "stack_trace.h"

namespace stackful::binding {

void ParkSamples::sampleEvery(uint64_t stride) noexcept {
  if (stride == 0) {
    following_ = false;
    samples_ = {};
    stacks_ = {};
    newStacks_ = {};
    open_.fill({});
  } else if (stride_ == 0 || stride < stride_) {
    nextSample_ = scheduler_.counters().parks;
  }
  stride_ = stride;
  observeNext();
}

void ParkSamples::recordAll(size_t most) noexcept {
  mostRecords_ = most;
  records_ = {};
  observeNext();
}

// While a sampled coroutine runs every park is of interest: it may be its own.
void ParkSamples::observeNext() noexcept {
  if (mostRecords_ > records_.size() || following_) {
    scheduler_.observeParks(this, 0);
  } else if (stride_ > 0) {
    scheduler_.observeParks(this, nextSample_);
  } else {
    scheduler_.observeParks(this, UINT64_MAX);
  }
}

uint32_t ParkSamples::noteStack() {
  std::string text = currentStack(isolate_);
  const auto known = stacks_.find(text);
  if (known != stacks_.end()) return known->second;
  if (stacks_.size() >= kMostStacks) return kNone;
  newStacks_.push_back(text);
  stacks_.emplace(std::move(text), nextStack_);
  return nextStack_++;
}

std::vector<std::string> ParkSamples::takeStacks(uint32_t& first) {
  first = nextStack_ - static_cast<uint32_t>(newStacks_.size());
  return std::exchange(newStacks_, {});
}

uint32_t ParkSamples::openSample(const sched::Coroutine& c, sched::ParkKind kind, uint32_t stack,
                                 uint32_t depth, int64_t now) {
  if (++serial_ == 0) ++serial_;
  const auto weight = static_cast<uint32_t>(stride_);
  open_[serial_ % kOpen] = {serial_, stack, kind, depth, weight, now};
  // The first park of a coroutine: from its beginning to here.
  if (c.parkKind == sched::ParkKind::kNone)
    add({.to = stack, .toKind = kind, .depth = depth, .weight = weight});
  if (now - lastSampleAt_ < kLeastGapNs) stride_ = std::min(stride_ * 2, kMostStride);
  lastSampleAt_ = now;
  // Not every stride_-th exactly: a program that goes round in that many steps would show one of them only.
  random_ ^= random_ << 13;
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  nextSample_ = scheduler_.counters().parks + 1 + stride_ / 2 + random_ % stride_;
  return serial_;
}

void ParkSamples::closeFollowed(uint32_t stack, sched::ParkKind kind, int64_t ranUntil) noexcept {
  following_ = false;
  add({followed_.stack, stack, followed_.kind, kind, resumedAt_ - followed_.parkedAt, ranUntil - resumedAt_,
       followed_.depth, followed_.weight});
}

uint64_t ParkSamples::parks(const sched::Coroutine& c, sched::Reason reason) noexcept {
  const int64_t now = sched::monotonicNow();
  uint64_t ticket = 0;
  if (records_.size() < mostRecords_) {
    records_.push_back({c.slot, c.generation, reason.kind, reason.fd, reason.number, now, 0});
    ticket = static_cast<uint64_t>(records_.size()) << 32;
  }
  const bool ends = following_ && slot_ == c.slot && generation_ == c.generation;
  if (following_ && !ends) {
    if (!scheduler_.find(slot_, generation_))
      closeFollowed(kNone, sched::ParkKind::kNone, resumedAt_);
    else if (now - resumedAt_ > kLongestNs)
      following_ = false;
  }
  const bool sampled = stride_ > 0 && scheduler_.counters().parks >= nextSample_;
  if (ends || sampled) {
    const uint32_t stack = noteStack();
    if (ends) closeFollowed(stack, reason.kind, now);
    if (sampled) {
      const auto* here = static_cast<const char*>(__builtin_frame_address(0));
      ticket |= openSample(c, reason.kind, stack, static_cast<uint32_t>(c.execution.stack.end - here), now);
    }
  }
  observeNext();
  return ticket;
}

void ParkSamples::resumed(const sched::Coroutine& c, uint64_t ticket) noexcept {
  const int64_t now = sched::monotonicNow();
  const size_t record = ticket >> 32;
  if (record > 0 && record <= records_.size()) {
    Record& r = records_[record - 1];
    // Another recording may have begun meanwhile.
    if (r.slot == c.slot && r.generation == c.generation && r.resumedAt == 0) r.resumedAt = now;
  }
  const auto serial = static_cast<uint32_t>(ticket);
  Open& open = open_[serial % kOpen];
  if (serial == 0 || open.serial != serial || stride_ == 0) return;
  followed_ = open;
  open = {};
  following_ = true;
  slot_ = c.slot;
  generation_ = c.generation;
  resumedAt_ = now;
  observeNext();
}

namespace {

ParkSamples& samples() {
  Runtime* runtime = Runtime::current();
  if (!runtime->parkObserver)
    runtime->parkObserver = std::make_unique<ParkSamples>(runtime->isolate, runtime->scheduler());
  return static_cast<ParkSamples&>(*runtime->parkObserver);
}

constexpr double kMs = 1e-6;

// sampleParks(stride)
void sampleParks(const Info& info) {
  samples().sampleEvery(static_cast<uint64_t>(numberAt(info, 0)));
}

// takeParkSamples(): for each sample from, its kind, to, its kind, waited and ran in milliseconds, depth in bytes, weight.
void takeParkSamples(const Info& info) {
  std::vector<double> numbers;
  for (const ParkSamples::Sample& s : samples().takeSamples()) {
    numbers.insert(numbers.end(), {static_cast<double>(s.from), static_cast<double>(s.fromKind),
                                   static_cast<double>(s.to), static_cast<double>(s.toKind),
                                   static_cast<double>(s.waitedNs) * kMs, static_cast<double>(s.ranNs) * kMs,
                                   static_cast<double>(s.depth), static_cast<double>(s.weight)});
  }
  returnNumbers(info, numbers);
}

// takeParkStacks(): [number of the first, text, text ...] of stacks that it has not returned before.
void takeParkStacks(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  uint32_t first;
  const std::vector<std::string> texts = samples().takeStacks(first);
  v8::Local<v8::Array> list = v8::Array::New(isolate, static_cast<int>(texts.size()) + 1);
  list->Set(context, 0, v8::Integer::NewFromUnsigned(isolate, first)).Check();
  for (uint32_t i = 0; i < texts.size(); ++i) list->Set(context, i + 1, string(isolate, texts[i])).Check();
  info.GetReturnValue().Set(list);
}

// recordParks(most)
void recordParks(const Info& info) {
  samples().recordAll(static_cast<size_t>(numberAt(info, 0)));
}

// recordedParks(): for each park slot, generation, kind, descriptor or -1, number, when it parked and when it ran again (0: not
// yet) in milliseconds on the clock of monotonicNow().
void recordedParks(const Info& info) {
  std::vector<double> numbers;
  for (const ParkSamples::Record& r : samples().records()) {
    numbers.insert(numbers.end(),
                   {static_cast<double>(r.slot), static_cast<double>(r.generation),
                    static_cast<double>(r.kind), static_cast<double>(r.fd), static_cast<double>(r.number),
                    static_cast<double>(r.parkedAt) * kMs, static_cast<double>(r.resumedAt) * kMs});
  }
  returnNumbers(info, numbers);
}

// monotonicNow(): milliseconds on that clock, which a simulation does not change.
void monotonicNow(const Info& info) {
  info.GetReturnValue().Set(static_cast<double>(sched::monotonicNow()) * kMs);
}

// generation(slot): what tells the coroutine in that slot from earlier ones; 0: there is none.
void generation(const Info& info) {
  const sched::Coroutine* c = Runtime::current()->scheduler().at(static_cast<uint32_t>(intAt(info, 0)));
  info.GetReturnValue().Set(c ? c->generation : 0);
}

// parkedNow(): for each parked coroutine slot, kind, milliseconds since it parked, bytes of its stack in use.
void parkedNow(const Info& info) {
  const sched::Scheduler& scheduler = Runtime::current()->scheduler();
  const int64_t now = sched::monotonicNow();
  std::vector<double> numbers;
  for (uint32_t i = 0; i < scheduler.slots(); ++i) {
    const sched::Coroutine* c = scheduler.at(i);
    if (!c || c->state != sched::State::kParked) continue;
    const auto* sp = static_cast<const char*>(c->execution.sp);
    numbers.insert(numbers.end(), {static_cast<double>(i), static_cast<double>(c->parkKind),
                                   static_cast<double>(scheduler.parkedFor(c, now)) * kMs,
                                   sp ? static_cast<double>(c->execution.stack.end - sp) : 0});
  }
  returnNumbers(info, numbers);
}

}  // namespace

void defineParkSamples(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "sampleParks", sampleParks);
  define(context, exports, "takeParkSamples", takeParkSamples);
  define(context, exports, "takeParkStacks", takeParkStacks);
  define(context, exports, "recordParks", recordParks);
  define(context, exports, "recordedParks", recordedParks);
  define(context, exports, "monotonicNow", monotonicNow);
  define(context, exports, "generation", generation);
  define(context, exports, "parkedNow", parkedNow);
}

}  // namespace stackful::binding
