#include "discovery.h"

#include <malloc.h>
#include <v8.h>

#include <cstring>

#include "probe.h"
#include "template_thread.h"
#include "v8_layout.h"

namespace stackful::engine {
namespace {

using v8::internal::Internals;

uint64_t bits(const void* p) {
  return reinterpret_cast<uint64_t>(p);
}

uint64_t* words(uint64_t address) {
  return reinterpret_cast<uint64_t*>(address);
}

// No machine stack we meet is larger; a word within this distance above the stack pointer may be a stack address.
constexpr uint64_t kStackReach = uint64_t{1} << 30;

class Search {
 public:
  Search(v8::Isolate* isolate, Discovery& found, std::string& reason)
      : isolate_(isolate), base_(reinterpret_cast<uint64_t*>(isolate)), found_(found), reason_(reason) {}

  bool run() {
    found_.isolate = base_;
    return isolateSize() && stackGuard() && threadTop() && handleData() && implementer() && manager() && stackStarts() &&
           relocatable() && shutdownList() && asyncContext() && pristine();
  }

 private:
  v8::Isolate* isolate_;
  uint64_t* base_;
  Discovery& found_;
  std::string& reason_;
  size_t count_ = 0;  // words of the isolate that may be read

  bool fail(const char* what) {
    reason_ = what;
    return false;
  }

  // The isolate is one heap block; the allocator knows how far it may be read.
  bool isolateSize() {
    size_t bytes = malloc_usable_size(base_);
    if (bytes < 0x8000 || bytes > 0x400000) return fail("isolate size");
    char probe[64];
    if (!readSafely(bits(base_) + bytes - sizeof probe, probe, sizeof probe)) return fail("isolate memory");
    count_ = bytes / 8;
    return true;
  }

  static void noInterrupt(v8::Isolate*, void*) {}

  bool stackGuard() {
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
    isolate_->RequestInterrupt(noInterrupt, nullptr);
    if (*found_.limit != layout::kInterruptPending || *found_.realLimit != real) return fail("interrupt request");
    if (layout::kTwoLimits && (found_.limit[1] != layout::kInterruptPending || found_.realLimit[1] != real)) {
      return fail("second stack limit");
    }
    return true;
  }

  bool threadTop() {
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

  // HandleScopeData is [next, limit, level, sealed level]; a new handle is stored at `next`, which then moves by one.
  bool handleData() {
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

  // All distinct plausible pointers among the isolate's words, with the index of the word.
  void pointers(std::vector<uint64_t>& targets, std::vector<size_t>& where) const {
    for (size_t i = 0; i < count_; ++i) {
      uint64_t v = base_[i];
      if (v & 7 || v < 0x10000 || v >> 47) continue;
      targets.push_back(v);
      where.push_back(i);
    }
  }

  // Is the newest handle in the last block of the vector [data, capacity, size]?
  static bool holds(const uint64_t vector[3], uint64_t slot) {
    if (vector[2] == 0 || vector[2] > vector[1] || vector[1] > 1 << 20) return false;
    uint64_t block;
    if (!readSafely(vector[0] + (vector[2] - 1) * 8, &block, 8)) return false;
    return slot >= block && slot < block + layout::kHandleBlockBytes;
  }

  // A stale word of the isolate can point to the true implementer as well, when a worker's memory is used again for the
  // next one's. V8 goes through the slot: with another implementer in it, entering a context shows there.
  bool isImplementerSlot(uint64_t* slot) const {
    uint64_t other[layout::kHandleImplementerBytes / 8] = {bits(base_)};
    v8::Local<v8::Context> context = isolate_->GetCurrentContext();
    const uint64_t kept = *slot;
    *slot = bits(other);
    context->Enter();
    context->Exit();
    *slot = kept;
    bool used = false;
    for (size_t at = layout::kBlocksInImplementer; at < layout::kSpareInImplementer; at += layout::kVectorBytes) {
      used = used || other[at / 8] != 0;
      ::operator delete[](words(other[at / 8]));
    }
    return used;
  }

  // The implementer starts with the isolate; right behind it is the vector of handle blocks, whose last block holds
  // the newest handle, and which grows when a block is filled up. Leftovers of freed memory have matched the first half
  // of that in one worker of a thousand.
  bool implementer() {
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
    for (size_t i = 0; i <= layout::kHandleBlockBytes / 8; ++i) last = v8::Local<v8::Object>::New(isolate_, handle);
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

  // ThreadManager holds [free anchor, in-use anchor, isolate]; both anchors point back to it.
  bool manager() {
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

  // Isolate::Enter copies the thread's stack start to the heap: the right thread-local word is the one whose change
  // arrives there, and the right heap word is the one it arrives in.
  bool stackStarts() {
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

  void heapCopies(uint64_t value, std::vector<uint64_t*>& out) const {
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

  struct StackProbe {
    Search* search;
    std::vector<uint64_t> before;  // the isolate's words before the call: what did not change since is not it
    std::vector<size_t> hits;
  };

  // Relocatable objects form a chain through the stack; V8's arguments for a native callback are one, at its head
  // while the callback runs: [vtable, isolate, previous].
  static void relocatableCallback(const v8::FunctionCallbackInfo<v8::Value>& info) {
    auto* probe = static_cast<StackProbe*>(info.Data().As<v8::External>()->Value(
#if V8_MAJOR_VERSION >= 14
        v8::kExternalPointerTypeTagDefault
#endif
        ));
    Search& s = *probe->search;
    uint64_t sp = bits(__builtin_frame_address(0));
    uint64_t top = *s.found_.stackStartThread;
    size_t skipFrom = s.found_.threadTop - s.base_, skipTo = skipFrom + layout::kThreadTopWords;
    for (size_t i = 0; i < s.count_; ++i) {
      uint64_t v = s.base_[i];
      if (v == probe->before[i] || (i >= skipFrom && i < skipTo) || v & 7 || v <= sp || v + 24 > top || v - sp > 4096) continue;
      if (words(v)[1] != bits(s.base_)) continue;
      uint64_t virtuals = words(v)[0], first;
      if (virtuals & 7 || (virtuals > sp && virtuals < top) || !readSafely(virtuals, &first, 8)) continue;
      uint64_t previous = words(v)[2];
      // Two of the chain may share a C++ frame, in any order.
      if (previous != 0 && (previous <= sp || previous >= top)) continue;
      probe->hits.push_back(i);
    }
  }

  bool relocatable() {
    v8::HandleScope scope(isolate_);
    v8::Local<v8::Context> context = isolate_->GetCurrentContext();
    StackProbe probe{this, {}, {}};
    v8::Local<v8::Function> f;
    v8::Local<v8::External> data = v8::External::New(isolate_, &probe
#if V8_MAJOR_VERSION >= 14
                                                     , v8::kExternalPointerTypeTagDefault
#endif
    );
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
  static void shutdownCallback(const v8::FunctionCallbackInfo<v8::Value>& info) {
    auto* probe = static_cast<StackProbe*>(info.Data().As<v8::External>()->Value(
#if V8_MAJOR_VERSION >= 14
        v8::kExternalPointerTypeTagDefault
#endif
        ));
    Search& s = *probe->search;
    uint64_t sp = bits(__builtin_frame_address(0));
    uint64_t top = *s.found_.stackStartThread;
    for (size_t i = 0; i + 2 < s.count_; ++i) {
      uint64_t begin = s.base_[i], end = s.base_[i + 1], capacity = s.base_[i + 2], last, object[2];
      if (end == probe->before[i + 1] || begin & 7 || end < begin + 8 || capacity < end || capacity - begin > 4096) continue;
      if (!readSafely(end - 8, &last, 8) || last <= sp || last + 16 > top) continue;
      memcpy(object, words(last), 16);
      if (object[1] == bits(s.base_)) probe->hits.push_back(i);
    }
  }

  bool shutdownList() {
    if (!layout::kShutdownList) return true;
    v8::HandleScope scope(isolate_);
    v8::Local<v8::Context> context = isolate_->GetCurrentContext();
    StackProbe probe{this, {}, {}};
    v8::Local<v8::External> data = v8::External::New(isolate_, &probe
#if V8_MAJOR_VERSION >= 14
                                                     , v8::kExternalPointerTypeTagDefault
#endif
    );
    v8::Local<v8::Function> f;
    v8::Local<v8::Object> object = v8::Object::New(isolate_);
    v8::Local<v8::String> name = v8::String::NewFromUtf8Literal(isolate_, "toJSON");
    if (!v8::Function::New(context, shutdownCallback, data).ToLocal(&f) || object->Set(context, name, f).IsNothing()) {
      return fail("shutdown list probe");
    }
    probe.before.assign(base_, base_ + count_);
    if (v8::JSON::Stringify(context, object).IsEmpty()) return fail("shutdown list probe");
    if (probe.hits.size() > 1) return fail("shutdown list is ambiguous");
    if (probe.hits.empty()) return true;  // a release without the list has nothing to exchange
    found_.shutdownList = base_ + probe.hits[0];
    return true;
  }

  // V8 12 has public headers for the word, V8 11 has no async context.
  bool asyncContext() {
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

  bool pristine() {
    const char* problem = captureTemplate(isolate_, found_);
    return problem ? fail(problem) : true;
  }
};

}  // namespace

bool discover(v8::Isolate* isolate, Discovery& found, std::string& reason) {
  return Search(isolate, found, reason).run();
}

}  // namespace stackful::engine
