#include "async_stack.h"

#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "probe.h"

namespace stackful::engine {
namespace {

struct Saved {
  v8::Global<v8::Array> resources;
  uint32_t levels;
  double contexts[];  // pairs, the outermost first; the last is the one that was current
};

}  // namespace

void AsyncStack::note(v8::Isolate* isolate, void* environment, double executionId, double triggerId) {
  isolate_ = isolate;
  outer_[0] = executionId;
  outer_[1] = triggerId;
  auto* words = static_cast<uint64_t*>(environment);
  size_t readable = malloc_usable_size(environment) / 8;
  for (size_t i = 0; i + 4 <= readable && count_ < kMost; ++i) {
    auto* at = reinterpret_cast<AliasedBuffer*>(words + i);
    uint64_t first[2];
    if (at->isolate != isolate || at->offset != 0 || at->count < 3 || at->count > 1 << 20) continue;
    if (!readSafely(reinterpret_cast<uint64_t>(at->buffer), first, sizeof first)) continue;
    uint32_t fields[kStackLength + 1] = {};
    if (at->count > kStackLength) readSafely(reinterpret_cast<uint64_t>(at->buffer), fields, sizeof fields);
    candidates_[count_] = at;
    lengths_[count_++] = fields[kStackLength];
  }
}

bool AsyncStack::confirm(double executionId, double triggerId) {
  int currents = 0, lengths = 0, stacks = 0;
  uint32_t* length = nullptr;
  for (size_t i = 0; i < count_; ++i) {
    AliasedBuffer* c = candidates_[i];
    auto* doubles = static_cast<double*>(c->buffer);
    auto* numbers = static_cast<uint32_t*>(c->buffer);
    if (doubles[0] == executionId && doubles[1] == triggerId) {
      current_ = doubles;
      ++currents;
    } else if (c->count > kStackLength && c->count < 32 && lengths_[i] > 0 && lengths_[i] < 1000 &&
               numbers[kStackLength] == lengths_[i] + 1) {
      length = numbers + kStackLength;
      ++lengths;
    }
  }
  for (size_t i = 0; currents == 1 && lengths == 1 && i < count_; ++i) {
    AliasedBuffer* c = candidates_[i];
    auto* doubles = static_cast<double*>(c->buffer);
    size_t top = 2 * (size_t{*length} - 1);
    if (doubles == current_ || c->count < top + 2 || c->count % 2 != 0) continue;
    double pair[2];
    if (!readSafely(reinterpret_cast<uint64_t>(doubles + top), pair, sizeof pair)) continue;
    if (pair[0] != outer_[0] || pair[1] != outer_[1]) continue;
    stack_ = c;
    ++stacks;
  }
  if (stacks == 1) length_ = length;
  return found();
}

void* AsyncStack::save(uint32_t base) noexcept {
  const uint32_t levels = *length_ - base;
  auto* saved = static_cast<Saved*>(malloc(sizeof(Saved) + levels * 2 * sizeof(double)));
  if (!saved) abort();  // out of memory, as V8 would
  new (saved) Saved;
  saved->levels = levels;
  if (!resources_.IsEmpty()) takeResources(base, levels, saved->resources);
  // Level i of the stack holds what was current before push i, so the contexts pushed are those one further on.
  double* bottom = ids() + 2 * size_t{base};
  memcpy(saved->contexts, bottom + 2, (levels - 1) * 2 * sizeof(double));
  memcpy(saved->contexts + 2 * (levels - 1), current_, 2 * sizeof(double));
  memcpy(current_, bottom, 2 * sizeof(double));
  *length_ = base;
  return saved;
}

void AsyncStack::restore(void* data) noexcept {
  auto* saved = static_cast<Saved*>(data);
  // Node's array never shrinks and held these levels before, on top of a stack as deep as now.
  if (!resources_.IsEmpty()) putResources(*length_, saved->levels, saved->resources);
  double* bottom = ids() + 2 * size_t{*length_};
  memcpy(bottom, current_, 2 * sizeof(double));
  memcpy(bottom + 2, saved->contexts, (saved->levels - 1) * 2 * sizeof(double));
  memcpy(current_, saved->contexts + 2 * (saved->levels - 1), 2 * sizeof(double));
  *length_ += saved->levels;
  discard(saved);
}

void AsyncStack::discard(void* data) noexcept {
  if (!data) return;
  static_cast<Saved*>(data)->~Saved();
  free(data);
}

void AsyncStack::useResources(v8::Isolate* isolate, v8::Local<v8::Array> resources) {
  resources_.Reset(isolate, resources);
}

// These run while the stack is still, or again, V8's current one: they may allocate and collect.
void AsyncStack::takeResources(uint32_t base, uint32_t levels, v8::Global<v8::Array>& kept) noexcept {
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Context> context = isolate_->GetCurrentContext();
  v8::Local<v8::Array> all = resources_.Get(isolate_);
  v8::Local<v8::Array> mine = v8::Array::New(isolate_, static_cast<int>(levels));
  for (uint32_t i = 0; i < levels; ++i) {
    v8::Local<v8::Value> resource;
    if (all->Get(context, base + i).ToLocal(&resource))
      (void)mine->Set(context, i, resource).FromMaybe(false);
    (void)all->Set(context, base + i, v8::Undefined(isolate_)).FromMaybe(false);
  }
  kept.Reset(isolate_, mine);
}

void AsyncStack::putResources(uint32_t base, uint32_t levels, const v8::Global<v8::Array>& kept) noexcept {
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Context> context = isolate_->GetCurrentContext();
  v8::Local<v8::Array> all = resources_.Get(isolate_);
  v8::Local<v8::Array> mine = kept.Get(isolate_);
  for (uint32_t i = 0; i < levels; ++i) {
    v8::Local<v8::Value> resource;
    if (mine->Get(context, i).ToLocal(&resource))
      (void)all->Set(context, base + i, resource).FromMaybe(false);
  }
}

}  // namespace stackful::engine
