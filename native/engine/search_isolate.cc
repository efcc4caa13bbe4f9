#include "search.h"

#include <malloc.h>

#include <cstring>

#include "probe.h"

namespace stackful::engine {

using v8::internal::Internals;

// The isolate is one heap block; the allocator knows how far it may be read.
bool Search::isolateSize() {
  size_t bytes = malloc_usable_size(base_);
  if (bytes < 0x8000 || bytes > 0x400000) return fail("isolate size");
  char probe[64];
  if (!readSafely(bits(base_) + bytes - sizeof probe, probe, sizeof probe)) return fail("isolate memory");
  count_ = bytes / 8;
  return true;
}

void Search::pointers(std::vector<uint64_t>& targets, std::vector<size_t>& where) const {
  for (size_t i = 0; i < count_; ++i) {
    uint64_t v = base_[i];
    if (v & 7 || v < 0x10000 || v >> 47) continue;
    targets.push_back(v);
    where.push_back(i);
  }
}

bool Search::stackGuard() {
  uint64_t sp = bits(__builtin_frame_address(0));
  uint64_t* guard = base_ + layout::kStackGuard / 8;
  found_.realLimit = base_ + layout::kRealLimit / 8;
  found_.limit = base_ + layout::kLimit / 8;
  found_.interruptScopes = guard + layout::kInterruptScopes / 8;
  if (*guard != bits(base_)) return fail("stack guard");
  uint64_t real = *found_.realLimit;
  if (real >= sp || sp - real > kStackReach) return fail("stack limit");
  // An interrupt may be pending already; its request changes `limit` and never `realLimit`.
  if (*found_.limit != real && *found_.limit != layout::kInterruptPending) return fail("stack limit word");
  if (*found_.interruptScopes != 0) return fail("open interrupt scope");
  isolate_->RequestInterrupt([](v8::Isolate*, void*) {}, nullptr);
  if (*found_.limit != layout::kInterruptPending || *found_.realLimit != real)
    return fail("interrupt request");
  if (layout::kTwoLimits && (found_.limit[1] != layout::kInterruptPending || found_.realLimit[1] != real)) {
    return fail("second stack limit");
  }
  return true;
}

bool Search::threadTop() {
  uint64_t* top = base_ + Internals::kIsolateThreadLocalTopOffset / 8;
  found_.threadTop = top;
  if (top + layout::kThreadTopWords > base_ + count_) return fail("thread top");
  if (top[layout::kIsolateWord] != bits(base_)) return fail("thread top isolate");
  uint64_t before = top[layout::kTryCatchWord];
  {
    v8::TryCatch probe(isolate_);
    if (top[layout::kTryCatchWord] != bits(&probe)) return fail("try-catch word");
  }
  if (top[layout::kTryCatchWord] != before) return fail("try-catch chain");
  uint64_t sp = bits(__builtin_frame_address(0));
  uint64_t entry = top[layout::kEntrySpWord];
  if (entry <= sp || entry - sp > kStackReach) return fail("JavaScript entry word");
  uint64_t id = top[layout::kThreadIdWord] & 0xffffffff;
  if (id == 0 || id > 0x7fffffff) return fail("thread id word");
  return true;
}

// ThreadManager holds [free anchor, in-use anchor, isolate]; both anchors point back to it.
bool Search::manager() {
  constexpr size_t kBytes = layout::kManagerAnchors + 24;
  std::vector<uint64_t> targets;
  std::vector<size_t> where;
  std::vector<uint8_t> bytes;
  std::vector<bool> ok;
  pointers(targets, where);
  readMany(targets, kBytes, bytes, ok);
  for (size_t i = 0; i < targets.size(); ++i) {
    uint64_t w[3];
    if (!ok[i]) continue;
    memcpy(w, &bytes[i * kBytes + layout::kManagerAnchors], 24);
    if (w[2] != bits(base_)) continue;
    ThreadNode free, inUse;
    if (!readSafely(w[0], &free, sizeof free) || !readSafely(w[1], &inUse, sizeof inUse)) continue;
    auto* manager = reinterpret_cast<void*>(targets[i]);
    if (free.manager != manager || inUse.manager != manager || inUse.data != nullptr) continue;
    if (found_.manager && found_.manager != manager) return fail("thread manager is ambiguous");
    found_.manager = manager;
    found_.inUse = reinterpret_cast<ThreadNode*>(w[1]);
  }
  if (!found_.manager) return fail("thread manager");
  if (found_.inUse->next != found_.inUse || found_.inUse->previous != found_.inUse) {
    return fail("other threads are archived in this isolate");
  }
  return true;
}

// V8 12 has public headers for the word, V8 11 has no async context.
bool Search::asyncContext() {
#if V8_MAJOR_VERSION >= 12
  uint64_t* word = base_ + Internals::kContinuationPreservedEmbedderDataOffset / 8;
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Object> mark = v8::Object::New(isolate_);
  const uint64_t before = *word;
#if V8_MAJOR_VERSION >= 14
  v8::Local<v8::Data> old = isolate_->GetContinuationPreservedEmbedderDataV2();
  isolate_->SetContinuationPreservedEmbedderDataV2(mark);
  bool moved = *word == *words(bits(*mark));
  isolate_->SetContinuationPreservedEmbedderDataV2(old);
#else
  v8::Local<v8::Value> old = isolate_->GetContinuationPreservedEmbedderData();
  isolate_->SetContinuationPreservedEmbedderData(mark);
  bool moved = *word == *words(bits(*mark));
  isolate_->SetContinuationPreservedEmbedderData(old);
#endif
  if (!moved || *word != before) return fail("async context word");
  found_.asyncContext = word;
#endif
  return true;
}

}  // namespace stackful::engine
