#include "search.h"

#include <cstring>
#include <new>

#include "probe.h"

namespace stackful::engine {

namespace {

// Is the newest handle in the last block of the vector [data, capacity, size]?
bool holds(const uint64_t vector[3], uint64_t slot) {
  if (vector[2] == 0 || vector[2] > vector[1] || vector[1] > 1 << 20) return false;
  uint64_t block;
  if (!readSafely(vector[0] + (vector[2] - 1) * 8, &block, 8)) return false;
  return slot >= block && slot < block + layout::kHandleBlockBytes;
}

}  // namespace

using v8::internal::Internals;

// HandleScopeData is [next, limit, level, sealed level]; a new handle is stored at `next`, which then moves by one.
bool Search::handleData() {
#if V8_MAJOR_VERSION >= 12
  found_.handleData = base_ + Internals::kIsolateHandleScopeDataOffset / 8;
#else
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Object> first = v8::Object::New(isolate_);
  uint64_t next = bits(*first) + 8;
  std::vector<uint64_t*> candidates;
  for (size_t i = 0; i + 4 < count_; ++i) {
    if (base_[i] == next) candidates.push_back(base_ + i);
  }
  // The right one moves on with the next handle. (A block that is full would restart elsewhere: one chance in 1,022,
  // and then loading is refused.)
  v8::Local<v8::Object> second = v8::Object::New(isolate_);
  for (uint64_t* c : candidates) {
    if (*c != bits(*second) + 8) continue;
    if (found_.handleData) return fail("handle scope data is ambiguous");
    found_.handleData = c;
  }
  if (!found_.handleData) return fail("handle scope data");
#endif
  uint64_t* data = found_.handleData;
  v8::HandleScope inner(isolate_);
  v8::Local<v8::Object> handle = v8::Object::New(isolate_);
  uint64_t slot = bits(*handle);
  if (data[0] != slot + 8 || data[1] < data[0] || data[1] - data[0] > layout::kHandleBlockBytes) {
    return fail("handle scope data");
  }
  int level = static_cast<int>(data[2] & 0xffffffff);
  v8::HandleScope deeper(isolate_);
  if (static_cast<int>(data[2] & 0xffffffff) != level + 1) return fail("handle scope level");
  return true;
}

// A stale word of the isolate can point to the true implementer as well, when a worker's memory is used again for the
// next one's. V8 goes through the slot: with another implementer in it, entering a context shows there.
bool Search::isImplementerSlot(uint64_t* slot) const {
  uint64_t other[layout::kHandleImplementerBytes / 8] = {bits(base_)};
  v8::Local<v8::Context> context = isolate_->GetCurrentContext();
  const uint64_t kept = *slot;
  *slot = bits(other);
  context->Enter();
  context->Exit();
  *slot = kept;
  bool used = false;
  for (size_t at = layout::kBlocksInImplementer; at < layout::kSpareInImplementer;
       at += layout::kVectorBytes) {
    used = used || other[at / 8] != 0;
    ::operator delete[](words(other[at / 8]));
  }
  return used;
}

// The implementer starts with the isolate; right behind it is the vector of handle blocks, whose last block holds
// the newest handle, and which grows when a block is filled up. Leftovers of freed memory have matched the first half
// of that in one worker of a thousand.
bool Search::implementer() {
  std::vector<uint64_t> targets;
  std::vector<size_t> where;
  std::vector<uint8_t> bytes;
  std::vector<bool> ok;
  pointers(targets, where);
  readMany(targets, 32, bytes, ok);
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Object> handle = v8::Object::New(isolate_);
  struct Candidate {
    size_t word;
    uint64_t blocks;
  };
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < targets.size(); ++i) {
    uint64_t w[4];
    if (!ok[i]) continue;
    memcpy(w, &bytes[i * 32], 32);
    if (w[0] == bits(base_) && holds(w + 1, bits(*handle))) candidates.push_back({where[i], w[3]});
  }
  v8::Local<v8::Object> last = handle;
  for (size_t i = 0; i <= layout::kHandleBlockBytes / 8; ++i)
    last = v8::Local<v8::Object>::New(isolate_, handle);
  for (const Candidate& c : candidates) {
    uint64_t w[4];
    if (!readSafely(base_[c.word], w, sizeof w) || w[3] <= c.blocks || !holds(w + 1, bits(*last))) continue;
    if (!isImplementerSlot(base_ + c.word)) continue;
    if (found_.implementerSlot) return fail("handle scope implementer is ambiguous");
    found_.implementerSlot = base_ + c.word;
    found_.implementer = words(base_[c.word]);
  }
  if (!found_.implementerSlot) return fail("handle scope implementer");
  return true;
}

}  // namespace stackful::engine
