// Node's stack of async ids (what executionAsyncId() reads), which coroutines must take along.
//
// AsyncResource.runInAsyncScope and the like push on entry and check on exit that they find what they pushed; a process
// where they do not is aborted by Node. That holds on each stack but not across stacks. Node keeps the ids in three
// typed arrays inside its Environment; we find them by content and exchange what a coroutine pushed when it parks.
#pragma once

#include <v8.h>

#include <cstddef>
#include <cstdint>

namespace stackful::engine {

class AsyncStack {
 public:
  // The search: note() inside one async scope, then confirm() inside another within that, each with the ids that
  // JavaScript sees there. `environment` is Node's Environment. False when no place, or more than one, fits.
  void note(v8::Isolate* isolate, void* environment, double executionId, double triggerId);
  bool confirm(double executionId, double triggerId);
  bool found() const noexcept { return length_ != nullptr; }

  // Levels now on Node's stack, the running context not counted among the saved ones.
  uint32_t depth() const noexcept { return *length_; }
  // Node 20 and 22 keep an array of the scopes' resources beside the ids, for executionAsyncResource().
  void useResources(v8::Isolate* isolate, v8::Local<v8::Array> resources);

  // Takes the levels above `base` off Node's stack and keeps them in the returned block.
  void* save(uint32_t base) noexcept;
  // Puts them back on top of whatever is there, and discards the block.
  void restore(void* saved) noexcept;
  static void discard(void* saved) noexcept;

 private:
  // node::AliasedBufferBase begins so; the array of ids moves when it grows, its description does not.
  struct AliasedBuffer {
    v8::Isolate* isolate;
    size_t count;
    size_t offset;
    void* buffer;
  };
  static constexpr size_t kStackLength = 7;  // AsyncHooks::Fields
  static constexpr size_t kMost = 64;

  double* ids() const noexcept { return static_cast<double*>(stack_->buffer); }

  void takeResources(uint32_t base, uint32_t levels, v8::Global<v8::Array>& kept) noexcept;
  void putResources(uint32_t base, uint32_t levels, const v8::Global<v8::Array>& kept) noexcept;

  v8::Isolate* isolate_ = nullptr;
  v8::Global<v8::Array> resources_;
  AliasedBuffer* candidates_[kMost];
  uint32_t lengths_[kMost];
  size_t count_ = 0;
  double outer_[2];
  uint32_t* length_ = nullptr;      // levels on the stack
  double* current_ = nullptr;       // execution id, trigger id
  AliasedBuffer* stack_ = nullptr;  // pairs of ids that were current before each push
};

}  // namespace stackful::engine
