// V8's handles and tagged words, as far as we know them: a handle is the address of a word that refers to an object, and
// collections keep that word right.
#pragma once

#include <v8.h>

#include <cstdint>
#include <cstdlib>

#include "engine.h"

namespace stackful::engine {

// The word that a handle refers to.
inline uint64_t* slotOf(v8::Local<v8::Value> handle) noexcept {
  return reinterpret_cast<uint64_t*>(*handle);
}

// A handle whose word nothing else uses. Makes no object, so no collection can come.
inline v8::Local<v8::Value> freshHandle(v8::Isolate* isolate) noexcept {
  return v8::Local<v8::Value>::New(isolate, v8::Undefined(isolate));
}

// A handle to what `word` refers to.
inline v8::Local<v8::Value> handleTo(v8::Isolate* isolate, uint64_t word) noexcept {
  v8::Local<v8::Value> handle = freshHandle(isolate);
  *slotOf(handle) = word;
  return handle;
}

// Small integers are in the value itself; asking V8 for them is a call (2 ns).
inline bool isSmallInteger(v8::Local<v8::Value> value, int32_t& result) noexcept {
  using v8::internal::Internals;
  const auto word = *reinterpret_cast<v8::internal::Address*>(*value);
  if (Internals::HasHeapObjectTag(word)) return false;
  result = Internals::SmiValue(word);
  return true;
}

// Keeps the async context of a stack, and its resource, alive while that stack is parked: handles of its own, for as long as
// the handle scope around this.
class ContextHandles {
 public:
  // Both, for a coroutine's stack. The second handle stands behind the first: so they do in a block with room, as the
  // self-test has seen, and the block of a new stack is new.
  static void open(v8::Isolate* isolate, Execution& coroutine) noexcept {
    v8::Local<v8::Value> context = freshHandle(isolate), resource = freshHandle(isolate);
    if (slotOf(resource) != slotOf(context) + 1) abort();
    coroutine.contextSlot = slotOf(context);
  }
  // The coroutine on that stack begins, and has no resource yet.
  static void begin(Execution& coroutine) noexcept {
    constexpr uint64_t kNoObject = 0;  // a small integer
    coroutine.resourceSlot = coroutine.contextSlot + 1;
    *coroutine.resourceSlot = kNoObject;
  }
  static void close(Execution& execution) noexcept { execution.contextSlot = nullptr; }

  // For any stack that has none: its context only, while this exists.
  ContextHandles(v8::Isolate* isolate, Execution& execution) noexcept
      : execution_(execution), before_(execution.contextSlot) {
    if (!before_) execution.contextSlot = slotOf(freshHandle(isolate));
  }
  ~ContextHandles() { execution_.contextSlot = before_; }
  ContextHandles(const ContextHandles&) = delete;
  ContextHandles& operator=(const ContextHandles&) = delete;

 private:
  Execution& execution_;
  uint64_t* const before_;
};

}  // namespace stackful::engine
