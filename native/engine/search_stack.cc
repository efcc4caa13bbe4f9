#include "search.h"

#include <cstring>

#include "external.h"
#include "probe.h"

namespace stackful::engine {

// Isolate::Enter copies the thread's stack start to the heap: the right thread-local word is the one whose change
// arrives there, and the right heap word is the one it arrives in.
bool Search::stackStarts() {
  Range block = threadLocalBlock(reinterpret_cast<const void*>(&v8::V8::GetVersion));
  uint64_t sp = bits(__builtin_frame_address(0));
  for (uint64_t a = block.begin; a + 8 <= block.end; a += 8) {
    uint64_t value = *words(a);
    if (value & 7 || value <= sp || value - sp > kStackReach) continue;
    std::vector<uint64_t*> candidates;
    heapCopies(value, candidates);
    if (candidates.empty()) continue;
    const uint64_t magic = value - 64;
    *words(a) = magic;
    isolate_->Enter();
    uint64_t* hit = nullptr;
    int hits = 0;
    for (uint64_t* c : candidates) {
      if (*c == magic) hit = c, ++hits;
    }
    *words(a) = value;
    isolate_->Exit();
    if (hits == 1) {
      *hit = value;
      found_.stackStartThread = words(a);
      found_.stackStartHeap = hit;
      return true;
    }
    if (hits > 1) return fail("stack start is ambiguous");
  }
  return fail("stack start");
}

void Search::heapCopies(uint64_t value, std::vector<uint64_t*>& out) const {
  if (layout::kHeapStackStartInTarget == 0) {
    for (size_t i = 0; i < count_; ++i) {
      if (base_[i] == value) out.push_back(base_ + i);
    }
    return;
  }
  std::vector<uint64_t> targets;
  std::vector<size_t> where;
  std::vector<uint8_t> bytes;
  std::vector<bool> ok;
  pointers(targets, where);
  // A word before and behind the expected one as well: a patch release may move it.
  constexpr size_t kAround = 64;
  for (auto& t : targets) t += layout::kHeapStackStartInTarget - kAround;
  readMany(targets, 2 * kAround, bytes, ok);
  for (size_t i = 0; i < targets.size(); ++i) {
    for (size_t k = 0; ok[i] && k < 2 * kAround; k += 8) {
      uint64_t w;
      memcpy(&w, &bytes[i * 2 * kAround + k], 8);
      uint64_t* at = words(targets[i] + k);
      if (w != value) continue;
      bool known = false;
      for (uint64_t* o : out) known = known || o == at;
      // The thread-local copy itself and words of this thread's stack are not the heap's.
      if (!known) out.push_back(at);
    }
  }
}

// Relocatable objects form a chain through the stack; V8's arguments for a native callback are one, at its head
// while the callback runs: [vtable, isolate, previous].
void Search::relocatableCallback(const v8::FunctionCallbackInfo<v8::Value>& info) {
  auto* probe = static_cast<StackProbe*>(externalValue(info.Data()));
  Search& s = *probe->search;
  uint64_t sp = bits(__builtin_frame_address(0));
  uint64_t top = *s.found_.stackStartThread;
  size_t skipFrom = s.found_.threadTop - s.base_, skipTo = skipFrom + layout::kThreadTopWords;
  for (size_t i = 0; i < s.count_; ++i) {
    uint64_t v = s.base_[i];
    if (v == probe->before[i] || (i >= skipFrom && i < skipTo) || v & 7 || v <= sp || v + 24 > top ||
        v - sp > 4096)
      continue;
    if (words(v)[1] != bits(s.base_)) continue;
    uint64_t virtuals = words(v)[0], first;
    if (virtuals & 7 || (virtuals > sp && virtuals < top) || !readSafely(virtuals, &first, 8)) continue;
    uint64_t previous = words(v)[2];
    // Two of the chain may share a C++ frame, in any order.
    if (previous != 0 && (previous <= sp || previous >= top)) continue;
    probe->hits.push_back(i);
  }
}

bool Search::relocatable() {
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Context> context = isolate_->GetCurrentContext();
  StackProbe probe{this, {}, {}};
  v8::Local<v8::Function> f;
  v8::Local<v8::External> data = external(isolate_, &probe);
  if (!v8::Function::New(context, relocatableCallback, data).ToLocal(&f)) return fail("probe function");
  probe.before.assign(base_, base_ + count_);
  if (f->Call(context, v8::Undefined(isolate_), 0, nullptr).IsEmpty()) return fail("probe call");
  for (size_t i : probe.hits) {
    if (base_[i] != probe.before[i]) continue;  // after the call the chain is as it was
    if (found_.relocatableTop) return fail("relocatable chain is ambiguous");
    found_.relocatableTop = base_ + i;
  }
  if (!found_.relocatableTop) return fail("relocatable chain");
  return true;
}

// Node 22: JSON.stringify registers itself in a vector of the isolate and checks that it leaves in the order it came.
void Search::shutdownCallback(const v8::FunctionCallbackInfo<v8::Value>& info) {
  auto* probe = static_cast<StackProbe*>(externalValue(info.Data()));
  Search& s = *probe->search;
  uint64_t sp = bits(__builtin_frame_address(0));
  uint64_t top = *s.found_.stackStartThread;
  for (size_t i = 0; i + 2 < s.count_; ++i) {
    uint64_t begin = s.base_[i], end = s.base_[i + 1], capacity = s.base_[i + 2], last, object[2];
    if (end == probe->before[i + 1] || begin & 7 || end < begin + 8 || capacity < end ||
        capacity - begin > 4096)
      continue;
    if (!readSafely(end - 8, &last, 8) || last <= sp || last + 16 > top) continue;
    memcpy(object, words(last), 16);
    if (object[1] == bits(s.base_)) probe->hits.push_back(i);
  }
}

bool Search::shutdownList() {
  if (!layout::kShutdownList) return true;
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Context> context = isolate_->GetCurrentContext();
  StackProbe probe{this, {}, {}};
  v8::Local<v8::External> data = external(isolate_, &probe);
  v8::Local<v8::Function> f;
  v8::Local<v8::Object> object = v8::Object::New(isolate_);
  v8::Local<v8::String> name = v8::String::NewFromUtf8Literal(isolate_, "toJSON");
  if (!v8::Function::New(context, shutdownCallback, data).ToLocal(&f) ||
      object->Set(context, name, f).IsNothing()) {
    return fail("shutdown list probe");
  }
  probe.before.assign(base_, base_ + count_);
  if (v8::JSON::Stringify(context, object).IsEmpty()) return fail("shutdown list probe");
  if (probe.hits.size() > 1) return fail("shutdown list is ambiguous");
  if (probe.hits.empty()) return true;  // a release without the list has nothing to exchange
  found_.shutdownList = base_ + probe.hits[0];
  return true;
}

}  // namespace stackful::engine
