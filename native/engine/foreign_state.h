// What C++ and Node-API keep once a thread although it belongs to a stack: exchanged where a stack is left below C++ frames
// that have called JavaScript.
//
// Such frames are the only ones that can hold any of it across a park: JavaScript itself throws no C++ exception and opens no
// Node-API scope, and V8's own C++ does neither around a call of JavaScript. They show in two words of V8 that a switch reads
// anyway (Engine::nested), so that a switch of a stack without them costs nothing of this.
//
// What a park below such frames takes along:
//   - The C++ exceptions being handled and the number of those in flight (__cxa_get_globals, two words): a park inside
//     `catch` or in a destructor during unwinding. Found by the ABI: the function gives this thread's. Addons and Node share one
//     libstdc++, because the loader binds all their references to the first that it finds. An addon with a libstdc++ of its
//     own (linked statically, with its symbols hidden) has another pair, which nothing leads to: it must not call JavaScript
//     that parks inside `catch`.
//   - Open scopes of Node-API, which Node counts for every addon and checks when the addon returns; see node_api_scopes.h
//     It is looked at there only.
//   - The control words of floating point arithmetic, rounding mode and the like (MXCSR and x87's, FPCR): the calling
//     conventions say that a function called leaves them as they were, and a park is a function called. Status flags are not
//     part of that.
//   - The thread's locale (uselocale): an addon that formats numbers with one of its own puts the old one back.
//   - V8's mark that it is inside Error.prepareStackTrace (or Node's), which it calls through Node's C++: while it is set, the
//     stack of another error is formatted without. A byte of the isolate, found by what such a call does to it.
// What stays the thread's:
//   - errno: any function called may change it, JavaScript that does not park as well, so no code relies on it across a call.
//   - OpenSSL's error queue: what leaves an error in it takes it out before JavaScript runs, or marks the place and pops back to
//     the mark. Marks of two stacks may end in the wrong order: then an error is forgotten or stays until the next call
//     clears the queue, and no memory is touched. To exchange it would be to take every entry out and put it in again,
//     and would need OpenSSL's names, which a Node with a shared OpenSSL does not have.
//   - The signal mask, priorities and names of the thread: what changes them means the whole thread.
#pragma once

#include <locale.h>
#include <v8.h>

#include <cstdint>

#include "node_api_scopes.h"

namespace stackful::engine {

class ForeignState {
 public:
  // `exceptions`: Discovery's.
  explicit ForeignState(uint64_t* exceptions) noexcept;

  NodeApiScopes& nodeApi() noexcept { return nodeApi_; }

  // The first `words` of the isolate may be read. False where the mark is not found: then it stays the thread's. On the main
  // stack, inside JavaScript.
  bool findFormatting(v8::Isolate* isolate, v8::Local<v8::Context> context, void* start, size_t words);

  // On the main stack, right before it switches to a coroutine: what that and all others begin with.
  void noteMain() noexcept;

  // The running stack, whose is `from`, gives way to the one of `to`: the fields of their Executions, null for what has
  // nothing of its own.
  void exchange(void*& from, void*& to) noexcept;
  static void discard(void*& kept) noexcept;

 private:
  struct Control {
    uint32_t words[2];
    static Control current() noexcept;
    void set() const noexcept;
    bool operator==(const Control&) const = default;
  };
  struct Kept;
  void* keep() noexcept;
  void bring(void* kept) noexcept;

  uint64_t* const exceptions_;  // [caught, number of uncaught ones]
  NodeApiScopes nodeApi_;
  uint8_t notFormatting_ = 0;
  uint8_t* formatting_ = &notFormatting_;  // 1 inside Error.prepareStackTrace
  Control control_;
  locale_t locale_;
};

}  // namespace stackful::engine
