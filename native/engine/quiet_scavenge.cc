#include "quiet_scavenge.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "../stack/fetch.h"
#include "engine.h"
#include "handles.h"

namespace stackful::engine {
namespace {

// Two independent multiplications a round; any one changed word changes the result, and what a scavenge changes
// (pointers) cannot be chosen so that two changes cancel out.
class Hash {
 public:
  void add(const uint64_t* words, size_t count) noexcept {
    size_t i = 0;
    for (; i + 2 <= count; i += 2) {
      a_ = mix(a_ ^ words[i]);
      b_ = mix(b_ ^ words[i + 1]);
    }
    if (i < count) a_ = mix(a_ ^ words[i]);
  }
  uint64_t value() const noexcept { return mix(a_ ^ __builtin_bswap64(b_)); }

 private:
  static uint64_t mix(uint64_t x) noexcept {
    x *= 0x9e3779b97f4a7c15;
    return x ^ (x >> 32);
  }
  uint64_t a_ = 1, b_ = 2;
};

Execution& executionOf(const StateNode* node) {
  return *reinterpret_cast<Execution*>(static_cast<char*>(node->data) - offsetof(Execution, image));
}

// Everything V8 may treat as a root of that stack, and some words more.
uint64_t hashRoots(const Execution& e) {
  Hash hash;
  auto* sp = static_cast<const uint64_t*>(e.sp);
  hash.add(sp, (e.start - reinterpret_cast<uintptr_t>(sp)) / 8);
  hash.add(e.image, Execution::kImageWords);
  const uint64_t* blocks = e.image + layout::kBlocksInImplementer / 8;
  for (uint64_t i = 0; i < blocks[2]; ++i) {
    const uint64_t* block = reinterpret_cast<uint64_t**>(blocks[0])[i];
    const bool last = i + 1 == blocks[2];
    auto* next = reinterpret_cast<uint64_t*>(e.image[layout::kHandleDataInImplementer / 8]);
    hash.add(block, last ? static_cast<size_t>(next - block) : layout::kHandleBlockBytes / 8);
  }
  return hash.value();
}

// A parked stack is long out of every cache: its lines are prefetched while the one before is looked at.
void prefetchRoots(const Execution& e) {
  stack::fetch(static_cast<const char*>(e.sp), 512);
}

// Flags under which a live young object may stay where it is, or roots are guessed: by part of their name. A canary does
// not notice an object pinned for another reason than its own. Arguments of the script that look the same only cost speed.
const char* flagAgainst() {
  static constexpr const char* kParts[] = {"pinning", "conservative", "direct-handle", "direct_handle"};
  std::string text;
  if (const char* options = getenv("NODE_OPTIONS")) text = options;
  if (FILE* file = fopen("/proc/self/cmdline", "re")) {
    char bytes[4096];
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, file)) > 0;) text.append(bytes, n);
    fclose(file);
  }
  for (const char* part : kParts) {
    if (text.find(part) != std::string::npos) return part;
  }
  return nullptr;
}

}  // namespace

QuietScavenge::QuietScavenge(v8::Isolate* isolate, ArchivedStates& states, const uint64_t* pristine,
                             uint64_t* asyncContext) noexcept
    : isolate_(isolate), states_(states), asyncContext_(asyncContext) {
  // The canary's state: a thread that has done nothing but open a handle scope and make two handles.
  constexpr size_t kWords = Execution::kImageWords + 1 + layout::kHandleBlockBytes / 8;
  image_ = static_cast<uint64_t*>(calloc(kWords, 8));
  if (!image_) abort();  // out of memory, as V8 would
  memcpy(image_, pristine, sizeof(uint64_t) * Execution::kImageWords);
  uint64_t* list = image_ + Execution::kImageWords;
  canarySlot_ = list + 1;
  contextSlot_ = list + 2;
  *list = reinterpret_cast<uint64_t>(canarySlot_);
  uint64_t* blocks = image_ + layout::kBlocksInImplementer / 8;
  blocks[0] = reinterpret_cast<uint64_t>(list);
  blocks[1] = blocks[2] = 1;
  uint64_t* data = image_ + layout::kHandleDataInImplementer / 8;
  data[0] = reinterpret_cast<uint64_t>(canarySlot_ + 2);
  data[1] = reinterpret_cast<uint64_t>(canarySlot_) + layout::kHandleBlockBytes;
  canaryNode_ = states_.add(image_);
  if (flagAgainst()) refuse("a V8 flag may keep young objects in place");
  isolate_->AddGCPrologueCallback(onPrologue, this, v8::kGCTypeScavenge);
  isolate_->AddGCEpilogueCallback(onEpilogue, this, v8::kGCTypeScavenge);
  isolate_->AddGCEpilogueCallback(onFullGc, this,
                                  static_cast<v8::GCType>(v8::kGCTypeAll & ~v8::kGCTypeScavenge));
}

QuietScavenge::~QuietScavenge() {
  isolate_->RemoveGCPrologueCallback(onPrologue, this);
  isolate_->RemoveGCEpilogueCallback(onEpilogue, this);
  isolate_->RemoveGCEpilogueCallback(onFullGc, this);
  states_.remove(canaryNode_);
  free(image_);
}

void QuietScavenge::renewCanary() noexcept {
  needsCanary_ = false;
  v8::HandleScope scope(isolate_);
  // A heap number: two words, nothing to trace. The write needs no barrier, handles are roots.
  v8::Local<v8::Number> canary = v8::Number::New(isolate_, 0.5);
  *canarySlot_ = *slotOf(canary);
  canaryFresh_ = true;
  stayLast();
}

// A prologue callback behind ours that makes objects could start a full collection while the list is cut.
// V8 appends new ones; removing and adding ours puts it at the end.
void QuietScavenge::stayLast() noexcept {
  isolate_->RemoveGCPrologueCallback(onPrologue, this);
  isolate_->AddGCPrologueCallback(onPrologue, this, v8::kGCTypeScavenge);
}

void QuietScavenge::refuse(const char* why) noexcept {
  refusal_ = why;
  states_.makeAllDirty();
  needsCanary_ = false;
}

// V8 visits the word of the async context once for every archived state. At the second visit a scavenge takes the
// copy for an object that is still to be moved, leaves a dead object there, and crashes on it. A handle is visited once.
void QuietScavenge::hideAsyncContext() noexcept {
  if (!asyncContext_) return;
  v8::HandleScope scope(isolate_);
  *contextSlot_ = *asyncContext_;
  *asyncContext_ = *slotOf(v8::Undefined(isolate_));
}

void QuietScavenge::showAsyncContext() noexcept {
  if (asyncContext_) *asyncContext_ = *contextSlot_;
}

void QuietScavenge::begin() noexcept {
  hideAsyncContext();
  if (refusal_) return;
  canaryBefore_ = *canarySlot_;
  states_.cut();
}

void QuietScavenge::end() noexcept {
  showAsyncContext();
  states_.splice();
  if (refusal_) return;
  if (canaryFresh_) {
    if (*canarySlot_ == canaryBefore_) return refuse("a scavenge left a young object in place");
    confirmed_ = true;
  }
  canaryFresh_ = false;
  needsCanary_ = true;
  judge();
  hashesHold_ = true;
  stayLast();
}

// What a coroutine made just before it stopped is copied by the first scavenge and promoted by the second, so that its
// hash is taken after the second and compared after the third.
void QuietScavenge::judge() noexcept {
  ThreadNode* const end = states_.endOfDirty();
  // Nodes made clean meanwhile stand before the old end.
  for (StateNode *node = states_.firstDirty(), *next; node != end && node->age != StateNode::kClean;
       node = next) {
    next = static_cast<StateNode*>(node->next);
    if (!ArchivedStates::isOurs(node) || node == canaryNode_) continue;
    // The main stack's handles are written to while coroutines run (async_stack.h); it alone has no stack of ours.
    if (!executionOf(node).stack) continue;
    if (node->age == StateNode::kFresh) {
      node->age = StateNode::kSettling;
      continue;
    }
    // The canary's state is not part of an Execution.
    if (next != end && ArchivedStates::isOurs(next) && next != canaryNode_) prefetchRoots(executionOf(next));
    const uint64_t hash = hashRoots(executionOf(node));
    if (node->age == StateNode::kHashed && hash == node->hash && hashesHold_ && confirmed_) {
      states_.makeClean(node);
    } else {
      node->hash = hash;
      node->age = StateNode::kHashed;
    }
  }
}

void QuietScavenge::onPrologue(v8::Isolate*, v8::GCType, v8::GCCallbackFlags, void* self) {
  static_cast<QuietScavenge*>(self)->begin();
}

void QuietScavenge::onEpilogue(v8::Isolate*, v8::GCType, v8::GCCallbackFlags, void* self) {
  static_cast<QuietScavenge*>(self)->end();
}

// The canary may be old now, and equal hashes mean nothing across it.
void QuietScavenge::onFullGc(v8::Isolate*, v8::GCType, v8::GCCallbackFlags, void* self) {
  auto* quiet = static_cast<QuietScavenge*>(self);
  quiet->canaryFresh_ = quiet->hashesHold_ = false;
  quiet->needsCanary_ = !quiet->refusal_;
}

}  // namespace stackful::engine
