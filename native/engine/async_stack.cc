#include "async_stack.h"

#include <malloc.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "probe.h"

namespace stackful::engine {
namespace {

struct Saved {
  v8::Global<v8::Array> resources;
  uint32_t levels;
  double contexts[];  // pairs, the outermost first; the last is the one that was current
};

uint64_t tagged(v8::Local<v8::Object> object) {
  return *reinterpret_cast<uint64_t*>(*object);
}

// V8's arrays, as far as finding one by content needs to know: tagged words; integers are in the upper half.
constexpr uint64_t kTag = 1;
constexpr size_t kArrayElements = 16, kArrayLength = 24;  // of a JSArray
constexpr size_t kFirstElement = 16;                      // of a FixedArray

}  // namespace

void AsyncStack::note(v8::Isolate* isolate, void* environment, const double ids[2],
                      v8::Local<v8::Object> resource) {
  isolate_ = isolate;
  memcpy(outer_, ids, sizeof outer_);
  outerResource_.Reset(isolate, resource);
  environment_ = static_cast<uint64_t*>(environment);
  size_t readable = malloc_usable_size(environment) / 8;
  for (size_t i = 0; i + 4 <= readable && count_ < kMost; ++i) {
    auto* at = reinterpret_cast<AliasedBuffer*>(environment_ + i);
    uint64_t first[4];
    if (at->isolate != isolate || at->offset != 0 || at->count < 3 || at->count > 1 << 20) continue;
    if (!readSafely(reinterpret_cast<uint64_t>(at->buffer), first, sizeof first)) continue;
    uint32_t fields[kUsesResource + 1] = {};
    if (at->count > kUsesResource) readSafely(reinterpret_cast<uint64_t>(at->buffer), fields, sizeof fields);
    candidates_[count_] = at;
    lengths_[count_++] = fields[kStackLength];
  }
}

bool AsyncStack::confirm(const double ids[2], v8::Local<v8::Object> resource) {
  int currents = 0, lengths = 0, stacks = 0;
  double* current = nullptr;
  uint32_t* fields = nullptr;
  for (size_t i = 0; i < count_; ++i) {
    AliasedBuffer* c = candidates_[i];
    auto* doubles = static_cast<double*>(c->buffer);
    auto* numbers = static_cast<uint32_t*>(c->buffer);
    // The counter of ids stands behind the current two.
    if (c->count == 4 && doubles[0] == ids[0] && doubles[1] == ids[1] && doubles[kCounter] == ids[0]) {
      current = doubles;
      ++currents;
    } else if (c->count > kUsesResource && c->count < 32 && lengths_[i] > 0 && lengths_[i] < 1000 &&
               numbers[kStackLength] == lengths_[i] + 1) {
      fields = numbers;
      ++lengths;
    }
  }
  if (currents != 1 || lengths != 1) return false;
  for (size_t i = 0; i < count_; ++i) {
    AliasedBuffer* c = candidates_[i];
    auto* doubles = static_cast<double*>(c->buffer);
    size_t top = 2 * (size_t{fields[kStackLength]} - 1);
    if (doubles == current || c->count < top + 2 || c->count % 2 != 0) continue;
    double pair[2];
    if (!readSafely(reinterpret_cast<uint64_t>(doubles + top), pair, sizeof pair)) continue;
    if (pair[0] != outer_[0] || pair[1] != outer_[1]) continue;
    stack_ = c;
    ++stacks;
  }
  current_ = current;
  fields_ = fields;
  if (stacks != 1 || !findResources(resource)) return false;
  outerResource_.Reset();
  renewShared();
  return true;
}

// A word of the Environment refers (v8::Global) to the array whose last two elements are the resources of the two scopes.
// Several words may: in a worker's, which reuses memory, words that are not in use still refer to the handle's old place,
// which is the new one's (every tenth worker or so). But there is one such array.
bool AsyncStack::findResources(v8::Local<v8::Object> innermost) {
  v8::HandleScope scope(isolate_);
  const uint64_t expected[2] = {tagged(outerResource_.Get(isolate_)), tagged(innermost)};
  const size_t readable = malloc_usable_size(environment_) / 8;
  uint64_t found = 0;
  for (size_t i = 0; i < readable; ++i) {
    const uint64_t slot = environment_[i];
    uint64_t array, elements, length, last[2];
    if (slot & 7 || slot < 0x10000 || !readSafely(slot, &array, 8) || (array & 3) != kTag) continue;
    if (!readSafely(array - kTag + kArrayElements, &elements, 8) || (elements & 3) != kTag) continue;
    if (!readSafely(array - kTag + kArrayLength, &length, 8) || length >> 32 != depth()) continue;
    const uint64_t at = elements - kTag + kFirstElement + (depth() - 2) * 8;
    if (!readSafely(at, last, sizeof last) || memcmp(last, expected, sizeof last) != 0) continue;
    if (found == 0) {
      resources_.Reset(isolate_, reinterpret_cast<v8::Global<v8::Array>*>(environment_ + i)->Get(isolate_));
      found = array;
    }
    if (array != found) return false;
  }
  return found != 0;
}

void* AsyncStack::save(uint32_t base) noexcept {
  const uint32_t levels = depth() - base;
  auto* saved = static_cast<Saved*>(malloc(sizeof(Saved) + levels * 2 * sizeof(double)));
  if (!saved) abort();  // out of memory, as V8 would
  new (saved) Saved;
  saved->levels = levels;
  takeResources(base, levels, saved->resources);
  // Level i of the stack holds what was current before push i, so the contexts pushed are those one further on.
  double* bottom = ids() + 2 * size_t{base};
  memcpy(saved->contexts, bottom + 2, (levels - 1) * 2 * sizeof(double));
  current(saved->contexts + 2 * (levels - 1));
  drop(base);
  return saved;
}

void AsyncStack::restore(void* data) noexcept {
  auto* saved = static_cast<Saved*>(data);
  // Node's array never shrinks and held these levels before, on top of a stack as deep as now.
  putResources(depth(), saved->levels, saved->resources);
  double* bottom = ids() + 2 * size_t{depth()};
  current(bottom);
  memcpy(bottom + 2, saved->contexts, (saved->levels - 1) * 2 * sizeof(double));
  setCurrent(saved->contexts + 2 * (saved->levels - 1));
  fields_[kStackLength] += saved->levels;
  discard(saved);
}

void AsyncStack::discard(void* data) noexcept {
  if (!data) return;
  static_cast<Saved*>(data)->~Saved();
  free(data);
}

void AsyncStack::drop(uint32_t base) noexcept {
  setCurrent(ids() + 2 * size_t{base});
  fields_[kStackLength] = base;
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

void AsyncStack::renewShared() noexcept {
  v8::HandleScope scope(isolate_);
  shared_.Reset(isolate_, v8::Object::New(isolate_));
  if (mains_) *mains_ = tagged(shared());
}

void AsyncStack::useHandles(v8::Local<v8::Object> scopes, v8::Local<v8::Object> mains) noexcept {
  running_ = reinterpret_cast<uint64_t*>(*scopes);
  mains_ = reinterpret_cast<uint64_t*>(*mains);
}

bool AsyncStack::followsHandle(v8::Local<v8::Context> context, v8::Local<v8::Function> ask) noexcept {
  v8::HandleScope scope(isolate_);
  const uint32_t before = fields_[kUsesResource];
  v8::Local<v8::Object> other = v8::Object::New(isolate_);
  v8::Local<v8::Value> first, second;
  bool asked = ask->Call(context, v8::Undefined(isolate_), 0, nullptr).ToLocal(&first);
  const uint64_t kept = *running_;
  asked = asked && first->IsObject() && tagged(first.As<v8::Object>()) == kept;
  v8::Local<v8::Object> own = shared();
  *running_ = tagged(other);
  asked = asked && ask->Call(context, v8::Undefined(isolate_), 0, nullptr).ToLocal(&second) && second == other;
  *running_ = tagged(own);
  // Our asking is not a use.
  fields_[kUsesResource] = before;
  return asked;
}

void AsyncStack::leaveResource(Execution* from) noexcept {
  if (!running_ || !from || isOwn(from->resourceSlot)) return;
  // Before its first frame of JavaScript a coroutine has no handle and has written to nothing.
  if (!from->resourceSlot) return;
  *from->resourceSlot = *running_;
  renewShared();
}

void AsyncStack::enterResource(const Execution* to) noexcept {
  if (running_) *running_ = to && isOwn(to->resourceSlot) ? *to->resourceSlot : *mains_;
}

}  // namespace stackful::engine
