// Node's async ids and resources (what executionAsyncId() and executionAsyncResource() read), which must follow the
// coroutine.
//
// Node keeps a stack of contexts: callbacks and AsyncResource.runInAsyncScope push one on entry and check on exit that
// they find what they pushed; a process where they do not is aborted. That holds on each stack of ours but not across
// them, so a coroutine takes along what it has pushed, with what C++ counts of it (callback_scopes.h). Below that, every
// coroutine has a context of its own: its ids are the current ones while it runs, and the resource at the level of the batch
// is its own. On that resource Node 20 and 22 (and later Nodes with --no-async-context-frame) keep the stores of
// AsyncLocalStorage.
//
// The ids cost a switch one copy of 16 bytes. Resources cost nothing until JavaScript has asked for one or has
// installed async hooks: Node itself keeps count of that, and the numbers lie side by side (usual()).
//
// Node keeps all of it in its Environment, where we find it by content.
#pragma once

#include <v8.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "callback_scopes.h"
#include "engine.h"

namespace stackful::engine {

class AsyncStack {
 public:
  // The search: note() inside an async scope, then confirm() inside another within that, each with the ids and the
  // resource that JavaScript sees there. The inner resource must be the newest that has an id. `environment` is Node's
  // Environment. False when no place, or more than one, fits.
  void note(v8::Isolate* isolate, void* environment, const double ids[2], v8::Local<v8::Object> resource);
  bool confirm(const double ids[2], v8::Local<v8::Object> resource);

  // Levels now on Node's stack, the running context not counted among the saved ones.
  uint32_t depth() const noexcept { return fields_[kStackLength]; }
  // What the main stack has open, right before it switches to a coroutine.
  void noteMain() noexcept {
    base_ = depth();
    scopes_.noteMain();
  }
  // Nothing but the ids has to be exchanged: JavaScript on the running stack has opened no scope, no hooks are installed,
  // no resource was ever asked for. What C++ has opened is not looked at: there is none without C++ frames.
  bool usual() const noexcept { return unlikeUsual() == 0; }
  // The same as a number: 0, or not.
  uint64_t unlikeUsual() const noexcept {
    uint64_t lengthAndUse;
    memcpy(&lengthAndUse, fields_ + kStackLength, sizeof lengthAndUse);
    return (lengthAndUse ^ base_) | fields_[kTotals];
  }
  // Whether the running stack has scopes open. An open callback scope is one of them.
  bool open() const noexcept { return depth() != base_ || !scopes_.microtasksAsMain(); }
  const CallbackScopes& scopes() const noexcept { return scopes_; }
  // Whether what the running stack has open can be taken along.
  bool canSave() const noexcept { return scopes_.callbacksAsMain() || scopes_.canTake(depth()); }
  bool resourcesInUse() const noexcept { return fields_[kTotals] != 0 || fields_[kUsesResource] != 0; }
  bool hasInitHooks() const noexcept { return fields_[kInit] != 0; }
  bool hasTurnHooks() const noexcept { return fields_[kBefore] != 0 || fields_[kAfter] != 0; }

  void current(double out[2]) const noexcept { memcpy(out, current_, 2 * sizeof(double)); }
  void setCurrent(const double ids[2]) noexcept { memcpy(current_, ids, 2 * sizeof(double)); }
  // Ids for something new, made by the running context.
  void next(double out[2]) noexcept {
    out[0] = ++current_[kCounter];
    out[1] = current_[kDefaultTrigger] < 0 ? current_[0] : current_[kDefaultTrigger];
  }

  // Takes what the running stack has open off Node's, and keeps it in the returned block.
  void* save() noexcept;
  // Puts them back on top of whatever is there, and discards the block.
  void restore(void* saved) noexcept;
  static void discard(void* saved) noexcept;
  // Takes it off for good.
  void drop() noexcept;

  // On the main stack: has hooks hear of what is in a block of save() as if it were left, the innermost scope first, or
  // entered again, the outermost first. So for them, too, what one stack has open does not overlap with what others
  // have.
  void tellLeft(const void* saved) noexcept;
  void tellEntered(const void* saved) noexcept;

  // The resource that coroutines share which have none of their own. A coroutine that may have written to it keeps it
  // when it stops, and the others get a new one.
  v8::Local<v8::Object> shared() const noexcept { return shared_.Get(isolate_); }
  void renewShared() noexcept;

  // Where the resource of the running context is while a batch runs: a handle that Node's topmost callback scope was
  // opened with. Null outside a batch. `mains` is another handle to the same.
  void useHandles(v8::Local<v8::Object> scopes, v8::Local<v8::Object> mains) noexcept;
  void forgetHandles() noexcept { running_ = mains_ = nullptr; }
  // Does Node look at that handle? `ask` is executionAsyncResource; to be called inside the scope. Once is enough.
  bool followsHandle(v8::Local<v8::Context> context, v8::Local<v8::Function> ask) noexcept;

  // Whether `slot` refers to a resource; until then it holds a small integer.
  static bool isOwn(const uint64_t* slot) noexcept { return slot && (*slot & 1); }
  // `from` stops and `to` continues; for either, null means the main stack's. `from` must still be V8's current stack.
  void leaveResource(Execution* from) noexcept;
  void enterResource(const Execution* to) noexcept;

 private:
  // node::AliasedBufferBase begins so; the array of ids moves when it grows, its description does not.
  struct AliasedBuffer {
    v8::Isolate* isolate;
    size_t count;
    size_t offset;
    void* buffer;
  };
  // AsyncHooks::Fields and AsyncHooks::UidFields, the same in all Nodes we know.
  enum : size_t { kInit = 0, kBefore = 1, kAfter = 2, kTotals = 5, kStackLength = 7, kUsesResource = 8 };
  enum : size_t { kCounter = 2, kDefaultTrigger = 3 };
  static constexpr size_t kMost = 64;

  double* ids() const noexcept { return static_cast<double*>(stack_->buffer); }
  bool findResources(v8::Local<v8::Object> innermost);

  void takeResources(uint32_t levels, v8::Global<v8::Array>& kept) noexcept;
  void putResources(const v8::Global<v8::Array>& kept) noexcept;
  void setLength(uint32_t length) noexcept;
  void dropLevels() noexcept;
  v8::Local<v8::Object> resourceAt(const void* saved, uint32_t level) const noexcept;

  double* current_ = nullptr;    // execution id, trigger id, last id given out, default trigger id
  uint32_t* fields_ = nullptr;   // counts of hooks, depth of the stack
  uint64_t* running_ = nullptr;  // the handle Node looks at, and the main stack's
  uint64_t* mains_ = nullptr;
  uint32_t base_ = 0;  // levels that the main stack has open
  CallbackScopes scopes_;
  v8::Isolate* isolate_ = nullptr;
  AliasedBuffer* stack_ = nullptr;   // pairs of ids that were current before each push
  v8::Global<v8::Array> resources_;  // of the scopes that JavaScript opened, by level
  v8::Global<v8::Object> shared_;

  // What note() leaves for confirm().
  uint64_t* environment_ = nullptr;
  AliasedBuffer* candidates_[kMost];
  uint32_t lengths_[kMost];
  size_t count_ = 0;
  double outer_[2];
  v8::Global<v8::Object> outerResource_;
};

}  // namespace stackful::engine
