#include "async_stack.h"

#include <malloc.h>
#include <node.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#include "handles.h"
#include "probe.h"

namespace stackful::engine {
namespace {

struct Saved {
  v8::Global<v8::Array>
      resources;  // of the scopes that JavaScript opened, by level; empty when there is none
  CallbackScopes::Counts counts;
  uint32_t levels;
  double contexts
      [];  // pairs, the outermost first; the last is the one that was current. Then the entries of CallbackScopes

  void* entries() noexcept { return contexts + 2 * size_t{levels}; }
};

uint64_t tagged(v8::Local<v8::Object> object) {
  return *slotOf(object);
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
  if (!scopes_.find(isolate_, isolate_->GetCurrentContext(), environment_, fields_ + kStackLength))
    return false;
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

void* AsyncStack::save() noexcept {
  const uint32_t levels = depth() - base_;
  auto* saved =
      static_cast<Saved*>(malloc(sizeof(Saved) + levels * (2 * sizeof(double) + scopes_.entryBytes())));
  if (!saved) abort();  // out of memory, as V8 would
  new (saved) Saved;
  saved->levels = levels;
  if (levels > 0) {
    takeResources(levels, saved->resources);
    // Level i of the stack holds what was current before push i, so the contexts pushed are those one further on.
    memcpy(saved->contexts, ids() + 2 * size_t{base_} + 2, (levels - 1) * 2 * sizeof(double));
    current(saved->contexts + 2 * (levels - 1));
  }
  scopes_.takeEntries(base_, depth(), saved->entries());
  saved->counts = scopes_.take();
  if (levels > 0) dropLevels();
  return saved;
}

void AsyncStack::restore(void* data) noexcept {
  auto* saved = static_cast<Saved*>(data);
  scopes_.put(saved->counts);
  if (saved->levels > 0) {
    // Node's array never shrinks and held these levels before, on top of a stack as deep as now.
    putResources(saved->resources);
    double* bottom = ids() + 2 * size_t{depth()};
    current(bottom);
    memcpy(bottom + 2, saved->contexts, (saved->levels - 1) * 2 * sizeof(double));
    setCurrent(saved->contexts + 2 * (saved->levels - 1));
    scopes_.putEntries(depth(), depth() + saved->levels, saved->entries());
    fields_[kStackLength] += saved->levels;
  }
  discard(saved);
}

void AsyncStack::discard(void* data) noexcept {
  if (!data) return;
  static_cast<Saved*>(data)->~Saved();
  free(data);
}

void AsyncStack::drop() noexcept {
  if (depth() != base_) {
    std::vector<char> entries((depth() - base_) * scopes_.entryBytes());
    scopes_.takeEntries(base_, depth(), entries.data());
    dropLevels();
  }
  scopes_.take();
}

// Node emits nothing without pushing a context. But there is a scope in C++ that does both, and both of its emissions
// look at the count of hooks, of which one or the other is none meanwhile.
void AsyncStack::tellLeft(const void* data) noexcept {
  const auto* saved = static_cast<const Saved*>(data);
  for (uint32_t i = saved ? saved->levels : 0; i-- > 0;) {
    const double* ids = saved->contexts + 2 * size_t{i};
    if (ids[0] == 0) continue;
    v8::HandleScope handles(isolate_);
    const uint32_t before = std::exchange(fields_[kBefore], 0);
    node::CallbackScope scope(isolate_, resourceAt(saved, i), {ids[0], ids[1]});
    fields_[kBefore] = before;
  }
}

void AsyncStack::tellEntered(const void* data) noexcept {
  const auto* saved = static_cast<const Saved*>(data);
  for (uint32_t i = 0; saved && i < saved->levels; ++i) {
    const double* ids = saved->contexts + 2 * size_t{i};
    if (ids[0] == 0) continue;
    v8::HandleScope handles(isolate_);
    uint32_t after;
    {
      node::CallbackScope scope(isolate_, resourceAt(saved, i), {ids[0], ids[1]});
      after = std::exchange(fields_[kAfter], 0);
    }
    fields_[kAfter] = after;
  }
}

// Of a scope that JavaScript has opened. Others have theirs where only Node finds it, once they are open again.
v8::Local<v8::Object> AsyncStack::resourceAt(const void* data, uint32_t level) const noexcept {
  const auto* saved = static_cast<const Saved*>(data);
  v8::Local<v8::Value> resource;
  if (!saved->resources.IsEmpty() &&
      saved->resources.Get(isolate_)->Get(isolate_->GetCurrentContext(), level).ToLocal(&resource) &&
      resource->IsObject()) {
    return resource.As<v8::Object>();
  }
  return shared();
}

void AsyncStack::dropLevels() noexcept {
  setCurrent(ids() + 2 * size_t{base_});
  fields_[kStackLength] = base_;
}

// These two run while the stack is still, or again, V8's current one: they may allocate and collect.
//
// The array must not become longer than the scopes of JavaScript have made it: Node cuts it where it ends a scope of C++ that
// finds it longer, and with an exception on its way that exception is lost.
void AsyncStack::takeResources(uint32_t levels, v8::Global<v8::Array>& kept) noexcept {
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Array> all = resources_.Get(isolate_);
  const uint32_t length = all->Length();
  if (length <= base_) return;
  const uint32_t mine = std::min(length - base_, levels);
  v8::Local<v8::Context> context = isolate_->GetCurrentContext();
  v8::Local<v8::Array> taken = v8::Array::New(isolate_, static_cast<int>(mine));
  for (uint32_t i = 0; i < mine; ++i) {
    v8::Local<v8::Value> resource;
    if (all->Get(context, base_ + i).ToLocal(&resource) && !resource->IsUndefined())
      (void)taken->Set(context, i, resource).FromMaybe(false);
  }
  setLength(base_);
  kept.Reset(isolate_, taken);
}

void AsyncStack::putResources(const v8::Global<v8::Array>& kept) noexcept {
  if (kept.IsEmpty()) return;
  const uint32_t base = depth();
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Context> context = isolate_->GetCurrentContext();
  v8::Local<v8::Array> all = resources_.Get(isolate_);
  v8::Local<v8::Array> mine = kept.Get(isolate_);
  for (uint32_t i = 0; i < mine->Length(); ++i) {
    v8::Local<v8::Value> resource;
    if (mine->Get(context, i).ToLocal(&resource) && !resource->IsUndefined())
      (void)all->Set(context, base + i, resource).FromMaybe(false);
  }
}

void AsyncStack::setLength(uint32_t length) noexcept {
  v8::Local<v8::String> name = v8::String::NewFromUtf8Literal(isolate_, "length");
  v8::Local<v8::Value> value = v8::Integer::NewFromUnsigned(isolate_, length);
  (void)resources_.Get(isolate_)->Set(isolate_->GetCurrentContext(), name, value).FromMaybe(false);
}

void AsyncStack::renewShared() noexcept {
  v8::HandleScope scope(isolate_);
  shared_.Reset(isolate_, v8::Object::New(isolate_));
  if (mains_) *mains_ = tagged(shared());
}

void AsyncStack::useHandles(v8::Local<v8::Object> scopes, v8::Local<v8::Object> mains) noexcept {
  running_ = slotOf(scopes);
  mains_ = slotOf(mains);
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
  asked =
      asked && ask->Call(context, v8::Undefined(isolate_), 0, nullptr).ToLocal(&second) && second == other;
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
