#include "search.h"

#include <cstring>
#include <new>

#include "probe.h"

namespace stackful::engine {

// Is the newest handle in the last block of the vector [data, capacity, size]?
bool Search::holds(const uint64_t vector[3], uint64_t slot) const {
  if (vector[2] == 0 || vector[2] > vector[1] || vector[1] > 1 << 20) return false;
  uint64_t block;
  if (!readSafely(vector[0] + (vector[2] - 1) * 8, &block, 8)) return false;
  return slot >= block && slot < block + layout_.handleBlockBytes;
}

using v8::internal::Internals;

// HandleScopeData is [next, limit, level, sealed level]; a new handle is stored at `next`, which then moves by one.
bool Search::locateHandleData() {
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
  return true;
}

bool Search::confirmHandleData() {
  uint64_t* data = found_.handleData;
  v8::HandleScope inner(isolate_);
  v8::Local<v8::Object> handle = v8::Object::New(isolate_);
  uint64_t slot = bits(*handle);
  if (data[0] != slot + 8 || data[1] < data[0] || data[1] - data[0] > layout_.handleBlockBytes) {
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
  // More than any implementer; V8 puts vectors there, whose memory is ours to free.
  uint64_t other[32] = {bits(base_)};
  v8::Local<v8::Context> context = isolate_->GetCurrentContext();
  const uint64_t kept = *slot;
  *slot = bits(other);
  context->Enter();
  context->Exit();
  *slot = kept;
  // Of the vectors between the blocks' and the spare block one was used, and is empty again.
  int used = 0;
  bool fits = true;
  for (size_t at = layout_.blocksInImplementer; at < layout_.spareInImplementer; at += layout_.vectorBytes) {
    const uint64_t* vector = other + at / 8;
    const bool mine = vector[0] > 0x10000 && vector[1] >= 1 && vector[1] < 1 << 20 && vector[2] == 0;
    fits = fits && (mine || (vector[0] == 0 && vector[1] == 0 && vector[2] == 0));
    if (mine) ::operator delete[](words(vector[0])), ++used;
  }
  return fits && used > 0;
}

// The implementer starts with the isolate; right behind it is the vector of handle blocks, whose last block holds
// the newest handle, and which grows when a block is filled up. Leftovers of freed memory have matched the first half
// of that in one worker of a thousand.
bool Search::locateImplementer() {
  std::vector<uint64_t> targets;
  std::vector<size_t> where;
  std::vector<uint8_t> bytes;
  std::vector<bool> ok;
  pointers(targets, where);
  const size_t head = layout_.blocksInImplementer + 24;
  readMany(targets, head, bytes, ok);
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Object> handle = v8::Object::New(isolate_);
  struct Candidate {
    size_t word;
    uint64_t blocks;
  };
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < targets.size(); ++i) {
    uint64_t first, vector[3];
    if (!ok[i]) continue;
    memcpy(&first, &bytes[i * head], 8);
    memcpy(vector, &bytes[i * head + layout_.blocksInImplementer], 24);
    if (first == bits(base_) && holds(vector, bits(*handle))) candidates.push_back({where[i], vector[2]});
  }
  v8::Local<v8::Object> last = handle;
  for (size_t i = 0; i <= layout::kHandleBlockBytes / 8; ++i)
    last = v8::Local<v8::Object>::New(isolate_, handle);
  for (const Candidate& c : candidates) {
    uint64_t vector[3];
    if (!readSafely(base_[c.word] + layout_.blocksInImplementer, vector, sizeof vector) ||
        vector[2] <= c.blocks || !holds(vector, bits(*last)) || !isImplementerSlot(base_ + c.word)) {
      continue;
    }
    if (found_.implementerSlot) return fail("handle scope implementer is ambiguous");
    found_.implementerSlot = base_ + c.word;
    found_.implementer = words(base_[c.word]);
  }
  return found_.implementerSlot || fail("handle scope implementer");
}

bool Search::confirmImplementer() {
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Object> handle = v8::Object::New(isolate_);
  uint64_t first, vector[3];
  if (layout_.handleDataInImplementer + layout_.handleDataBytes != layout_.handleImplementerBytes)
    return fail("handle data is the last of the implementer");
  if (!readSafely(bits(found_.implementer), &first, 8) || first != bits(base_) ||
      !readSafely(bits(found_.implementer) + layout_.blocksInImplementer, vector, sizeof vector) ||
      !holds(vector, bits(*handle)) || *found_.implementerSlot != bits(found_.implementer) ||
      !isImplementerSlot(found_.implementerSlot)) {
    return fail("handle scope implementer");
  }
  return true;
}

}  // namespace stackful::engine
