// What C++ code of Node and V8 counts of the scopes that it has open around a call of JavaScript: callback scopes (an HTTP
// parser's, TLS over a stream of JavaScript, napi_make_callback) and microtask scopes (the inspector's).
//
// All of it nests on each stack of ours, but not across them, so a coroutine takes along what it has open. While such a count
// stayed behind, no tick and no promise callback of the process ran until that coroutine was resumed; and code that asked
// Node for the resource of the running context got that of another coroutine's scope, which is where AsyncLocalStorage keeps
// its stores on Node 20 and 22.
//
// Found by what opening scopes does to the words of Node's Environment and of V8's MicrotaskQueue.
#pragma once

#include <v8.h>

#include <cstddef>
#include <cstdint>

namespace stackful::engine {

class CallbackScopes {
 public:
  // Opens scopes and closes them. `environment` is Node's; `levels` is its count of async contexts, where it keeps it. False
  // when anything does not fit. Inside JavaScript that Node has called.
  bool find(v8::Isolate* isolate, v8::Local<v8::Context> context, void* environment, const uint32_t* levels);

  // What the main stack has open, right before it switches to a coroutine.
  void noteMain() noexcept {
    mainCallbacks_ = *callbacks_;
    mainMicrotasks_ = *microtasks_;
  }
  // Whether the running stack has as many open as the main stack had.
  bool microtasksAsMain() const noexcept { return *microtasks_ == mainMicrotasks_; }
  bool callbacksAsMain() const noexcept { return *callbacks_ == mainCallbacks_; }
  // V8 is in the middle of its queue, on this stack: no promise callback of the thread runs until it is through.
  bool runsMicrotasks() const noexcept { return (*microtasks_ ^ mainMicrotasks_) >> 32 != 0; }

  // What a stack has open beyond the main stack's.
  struct Counts {
    uint64_t callbacks;
    uint64_t microtasks;
  };
  // Takes it off.
  Counts take() noexcept {
    const Counts taken{*callbacks_ - mainCallbacks_, *microtasks_ - mainMicrotasks_};
    *callbacks_ = mainCallbacks_;
    *microtasks_ = mainMicrotasks_;
    return taken;
  }
  void put(Counts counts) noexcept {
    *callbacks_ += counts.callbacks;
    *microtasks_ += counts.microtasks;
  }

  // Node's list of resources, one for each async context that C++ has opened; empty where JavaScript has. Its end moves with
  // each scope; entries beyond the newest context must be empty.
  //
  // Whether the entries of that many contexts can be put back later.
  bool canTake(uint32_t levels) const noexcept;
  size_t entryBytes() const noexcept { return entryBytes_; }
  // Copies the entries of contexts [from, to) to `out`, and empties them in the list.
  void takeEntries(uint32_t from, uint32_t to, void* out) noexcept;
  void putEntries(uint32_t from, uint32_t to, const void* entries) noexcept;

 private:
  bool findMicrotasks(v8::Isolate* isolate, v8::Local<v8::Context> context);
  char* begin() const noexcept;
  uint32_t length() const noexcept;
  bool reserve(uint32_t levels) noexcept;

  uint64_t* callbacks_ = nullptr;  // Environment::async_callback_scope_depth_
  uint64_t* microtasks_ =
      nullptr;  // lower half: open microtask scopes; upper half: suppressions, as while it runs them
  uint64_t mainCallbacks_ = 0;
  uint64_t mainMicrotasks_ = 0;
  // AsyncHooks::native_execution_async_resources_: the word that says where it ends. A std::vector is [begin, end, capacity],
  // a std::deque ends with two iterators of [current, first, last, node], of which only the first chunk is used here.
  uint64_t* end_ = nullptr;
  bool isDeque_ = false;
  size_t entryBytes_ = 0;
};

}  // namespace stackful::engine
