#include "search.h"

#include <malloc.h>

#include <algorithm>
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
  found_.isolateWords = count_ = bytes / 8;
  return true;
}

void Search::pointers(std::vector<uint64_t>& targets, std::vector<size_t>& where) const {
  for (size_t i = 0; i < count_; ++i) {
    uint64_t v = base_[i];
    if (!plausibleAddress(v)) continue;
    targets.push_back(v);
    where.push_back(i);
  }
}

bool Search::runScript(const char* source, v8::Local<v8::Value>* result) {
  v8::EscapableHandleScope scope(isolate_);
  v8::Local<v8::Context> context = isolate_->GetCurrentContext();
  v8::Local<v8::String> text;
  v8::Local<v8::Script> script;
  v8::Local<v8::Value> value;
  if (!v8::String::NewFromUtf8(isolate_, source).ToLocal(&text) ||
      !v8::Script::Compile(context, text).ToLocal(&script) || !script->Run(context).ToLocal(&value)) {
    return false;
  }
  if (result) *result = scope.Escape(value);
  return true;
}

bool Search::locateGuard() {
  found_.realLimit = base_ + layout_.realLimit / 8;
  found_.limit = base_ + layout_.limit / 8;
  found_.interruptScopes = base_ + (layout_.stackGuard + layout_.interruptScopes) / 8;
  return true;
}

bool Search::confirmGuard() {
  uint64_t sp = bits(__builtin_frame_address(0));
  if (base_[layout_.stackGuard / 8] != bits(base_)) return fail("stack guard");
  const uint64_t real = *found_.realLimit;
  if (real >= sp || sp - real > kStackReach) return fail("stack limit");
  // An interrupt may be pending already; its request changes `limit` and never `realLimit`. A function's entry runs it.
  if (*found_.limit != real && *found_.limit != layout_.interruptPending) return fail("stack limit word");
  // Other threads ask for interrupts of their own meanwhile (code is compiled, say), and their bits show, too: what does not
  // fit once may fit the next time.
  constexpr int kRounds = 16;
  for (int round = 0; round < kRounds; ++round) {
    if (!runScript("(function () {})()")) return fail("interrupt probe");
    if (*found_.interruptScopes != 0) return fail("open interrupt scope");
    bool isOne = false;
    if (!confirmInterruptFlags(isOne)) return false;
    if (isOne) return true;
  }
  return fail("interrupt flags");
}

// The word behind the scopes has a bit for each kind of request. `isOne`: it is set by a request, and an interrupt clears it.
bool Search::confirmInterruptFlags(bool& isOne) {
  const uint64_t real = *found_.realLimit;
  const uint64_t* flags = found_.interruptScopes + 1;
  const auto before = static_cast<uint32_t>(*flags);
  isolate_->RequestInterrupt([](v8::Isolate*, void*) {}, nullptr);
  const auto after = static_cast<uint32_t>(*flags);
  if (*found_.limit != layout_.interruptPending || *found_.realLimit != real)
    return fail("interrupt request");
  const bool second = found_.limit[1] == layout_.interruptPending && found_.realLimit[1] == real;
  if (second != (layout_.twoLimits == 1) || layout_.twoLimits > 1) return fail("second stack limit");
  if (before > 0xffff || after > 0xffff) return fail("interrupt flags");
  if (!runScript("(function () {})()")) return fail("interrupt probe");
  const uint32_t request = after & ~before;
  isOne = __builtin_popcount(request) == 1 && (*flags & request) == 0;
  return true;
}

bool Search::locateThreadTop() {
  found_.threadTop = base_ + Internals::kIsolateThreadLocalTopOffset / 8;
  return found_.threadTop + layout_.threadTopBytes / 8 <= base_ + count_ || fail("thread top");
}

bool Search::confirmThreadTop() {
  uint64_t* top = found_.threadTop;
  const size_t words = layout_.threadTopBytes / 8;
  for (size_t word : {layout_.isolateWord, layout_.tryCatchWord, layout_.entrySpWord, layout_.threadIdWord,
                      layout_.accessCheckWord, layout_.handlerWord}) {
    if (word >= words) return fail("thread top words");
  }
  if (top[layout_.isolateWord] != bits(base_)) return fail("thread top isolate");
  uint64_t before = top[layout_.tryCatchWord];
  {
    v8::TryCatch probe(isolate_);
    if (top[layout_.tryCatchWord] != bits(&probe)) return fail("try-catch word");
  }
  if (top[layout_.tryCatchWord] != before) return fail("try-catch chain");
  // Where the outermost entry into JavaScript lies; entering once more does not change it, and changes its neighbours.
  uint64_t sp = bits(__builtin_frame_address(0));
  const uint64_t entry = top[layout_.entrySpWord];
  if (entry <= sp || entry - sp > kStackReach) return fail("JavaScript entry word");
  bool same = false;
  // Every entry pushes a handler, linked to that of the entry before.
  const uint64_t handler = top[layout_.handlerWord];
  bool linked = false;
  auto look = [&] {
    same = top[layout_.entrySpWord] == entry;
    const uint64_t inner = top[layout_.handlerWord];
    uint64_t next;
    linked = inner > bits(__builtin_frame_address(0)) && inner < entry && readSafely(inner, &next, 8) &&
             next == handler && next > inner;
  };
  if (!lookInside(CalledBy::kJavaScript, look) || !same) return fail("JavaScript entry word");
  if (!linked || top[layout_.handlerWord] != handler) return fail("JavaScript handler word");
  uint64_t outermost = handler;
  for (uint64_t next = outermost; next != 0;) {
    if (next < outermost || next >= entry || next & 7) return fail("JavaScript handler word");
    outermost = next;
    next = *stackful::engine::words(next);
  }
  found_.entryDistance = entry - outermost;
  if (found_.entryDistance > 512) return fail("JavaScript handler word");
  // captureTemplate compares it with the number V8 archives this thread under.
  uint64_t id = top[layout_.threadIdWord] & 0xffffffff;
  if (id == 0 || id > 0x7fffffff) return fail("thread id word");
  return confirmRehomedWords();
}

// The words that a coroutine's state takes from this thread's instead of the template's.
bool Search::confirmRehomedWords() {
  uint64_t* top = found_.threadTop;
  const uint64_t callback = top[layout_.accessCheckWord];
  v8::FailedAccessCheckCallback mark = [](v8::Local<v8::Object>, v8::AccessType, v8::Local<v8::Value>) {};
  isolate_->SetFailedAccessCheckCallbackFunction(mark);
  const bool arrived = top[layout_.accessCheckWord] == reinterpret_cast<uint64_t>(mark);
  isolate_->SetFailedAccessCheckCallbackFunction(
      arrived ? reinterpret_cast<v8::FailedAccessCheckCallback>(callback) : nullptr);
  if (!arrived) return fail("access check word");
  // The trap handler's flag is thread-local.
  Range block = threadLocalBlock(reinterpret_cast<const void*>(&v8::V8::GetVersion));
  size_t flag = SIZE_MAX;
  for (size_t i = 0; i < layout_.threadTopBytes / 8; ++i) {
    if (!block.contains(top[i])) continue;
    if (flag != SIZE_MAX) return fail("trap flag word is ambiguous");
    flag = i;
  }
  return flag == layout_.trapFlagWord || fail("trap flag word");
}

// ThreadManager holds [free anchor, in-use anchor, isolate]; both anchors point back to it. A worker's isolate may lie where
// an earlier one did, and some word of it still refer to the manager of that one, which was freed and looks the same.
bool Search::locateManager() {
  const size_t bytesEach = layout_.managerAnchors + 24;
  std::vector<uint64_t> targets, managers;
  std::vector<size_t> where;
  std::vector<uint8_t> bytes;
  std::vector<bool> ok;
  pointers(targets, where);
  readMany(targets, bytesEach, bytes, ok);
  for (size_t i = 0; i < targets.size(); ++i) {
    uint64_t w[3];
    if (!ok[i]) continue;
    memcpy(w, &bytes[i * bytesEach + layout_.managerAnchors], 24);
    if (w[2] != bits(base_)) continue;
    ThreadNode free, inUse;
    if (!readSafely(w[0], &free, sizeof free) || !readSafely(w[1], &inUse, sizeof inUse)) continue;
    auto* manager = reinterpret_cast<void*>(targets[i]);
    if (free.manager != manager || inUse.manager != manager || inUse.data != nullptr) continue;
    if (std::find(managers.begin(), managers.end(), targets[i]) == managers.end())
      managers.push_back(targets[i]);
  }
  if (managers.size() > 1) managers = managersInUse(managers);
  if (managers.size() > 1) return fail("thread manager is ambiguous");
  if (managers.empty()) return fail("thread manager");
  uint64_t anchors[2];
  if (!readSafely(managers[0] + layout_.managerAnchors, anchors, sizeof anchors))
    return fail("thread manager");
  found_.manager = words(managers[0]);
  found_.inUse = reinterpret_cast<ThreadNode*>(anchors[1]);
  return true;
}

// Those in which V8 notes that this thread lets others into the isolate for a moment.
std::vector<uint64_t> Search::managersInUse(const std::vector<uint64_t>& managers) {
  std::vector<uint8_t> before, inside;
  std::vector<bool> ok, still;
  const size_t bytesEach = layout_.managerAnchors;
  if (!v8::Locker::IsLocked(isolate_)) return managers;
  readMany(managers, bytesEach, before, ok);
  {
    v8::Unlocker others(isolate_);
    readMany(managers, bytesEach, inside, still);
  }
  std::vector<uint64_t> changed;
  for (size_t i = 0; i < managers.size(); ++i) {
    if (ok[i] && still[i] && memcmp(&before[i * bytesEach], &inside[i * bytesEach], bytesEach) != 0)
      changed.push_back(managers[i]);
  }
  return changed;
}

bool Search::confirmManager() {
  uint64_t w[3];
  ThreadNode inUse;
  if (!readSafely(bits(found_.manager) + layout_.managerAnchors, w, sizeof w) ||
      !readSafely(bits(found_.inUse), &inUse, sizeof inUse) || w[1] != bits(found_.inUse) ||
      w[2] != bits(base_) || inUse.manager != found_.manager) {
    return fail("thread manager");
  }
  if (inUse.next != found_.inUse || inUse.previous != found_.inUse) {
    return fail("other threads are archived in this isolate");
  }
  return true;
}

// V8 12 has public headers for the word, V8 11 has no async context.
bool Search::locateAsyncContext() {
#if V8_MAJOR_VERSION >= 12
  found_.asyncContext = base_ + Internals::kContinuationPreservedEmbedderDataOffset / 8;
#endif
  return true;
}

bool Search::confirmAsyncContext() {
#if V8_MAJOR_VERSION >= 12
  uint64_t* word = found_.asyncContext;
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
#endif
  return true;
}

}  // namespace stackful::engine
