// The engine's face to the scheduler: a stack that JavaScript can run on, and the switch between two of them.
// No V8 type appears here, so that everything above can be built and tested without V8
// (test/native/plain_engine.cc is the other implementation).
#pragma once

#include <cstddef>
#include <cstdint>

#include "../stack/stack_memory.h"

namespace stackful::engine {

class AsyncStack;      // Node's async ids; see async_stack.h
struct Discovery;      // where V8 keeps what we touch; see discovery.h
struct ThreadNode;     // its record of an archived thread; see v8_layout.h
class ArchivedStates;  // V8's list of them; see archived_states.h
struct StateNode;
class ForeignState;  // of C++ and Node-API; see foreign_state.h
class NestedAddons;  // those below which nothing may park; see nested_addons.h
class JoinStacks;    // arrays that are being joined; see join_stack.h
struct Taken;        // see engine.cc

// Everything one stack needs in order to continue: its machine stack pointer and V8's view of it.
// Lives in the record of its own stack (the main stack's lives in the Engine).
struct Execution {
  void* sp = nullptr;  // machine stack pointer while not running
  StateNode* node =
      nullptr;          // entry of V8's list that shows `image`; null while running or before the first run
  uintptr_t limit = 0;  // lowest address JavaScript may use
  uintptr_t start = 0;  // highest address of this stack: where conservative scanning ends
  uint64_t* contextSlot =
      nullptr;  // a handle that keeps this stack's async context while it is parked, or null
  // Node's async context of this stack; see async_stack.h.
  double asyncIds[2] = {0, 0};       // execution id and trigger id below any scope it has open
  Taken* taken = nullptr;            // what it has taken along, while it is parked; see engine.cc
  uint64_t* resourceSlot = nullptr;  // a handle for its resource, or null before it has begun
  void* shutdownList = nullptr;      // Node 22: objects V8 would destroy on a sudden shutdown; see engine.cc
  stack::Stack stack;
  static constexpr size_t kImageWords = 66;
  // Laid out as V8's archive of a thread begins. Not initialised on purpose: what it holds from the stack's earlier use
  // is what prepare() goes by.
  uint64_t image[kImageWords];
};

class Engine {
 public:
  // Makes `execution` (at the start of stack.record) ready to run entry(argument) on `stack` at the first switch to it.
  // `entry` must not return: it ends by finishTo.
  void prepare(Execution& execution, const stack::Stack& stack, void (*entry)(void*),
               void* argument) noexcept;

  // Stops here, as `from`; continues `to`. Returns when another switch continues `from`.
  void switchTo(Execution& from, Execution& to) noexcept;
  // The same for two of which neither is the main stack's.
  void switchBetween(Execution& from, Execution& to) noexcept;
  // `from` is over: continues `to` and never returns; afterwards from's stack may be reused.
  [[noreturn]] void finishTo(Execution& from, Execution& to) noexcept;
  // Takes a parked execution that will never run again out of V8's lists and frees what V8 allocated for it.
  void abandon(Execution& execution) noexcept;

  // Runs function(argument) on the stack of `parked`, below its newest frame and with V8's view of that stack, and comes
  // back: how the JavaScript stack of a parked execution is read. `parked` has run before; `function` must not park.
  void visit(Execution& from, Execution& parked, void (*function)(void*), void* argument) noexcept;

  // To be called before a stack of that many bytes is used: V8 must not take its far end for other memory.
  void allowStack(size_t bytes) noexcept;

  // Is it safe to leave this stack now? Also sees what the switch that follows has to take along, so that the switch need not
  // look again: no JavaScript may run in between.
  bool mayPark() noexcept;
  // Why not, as the end of a sentence about a call that cannot park here.
  const char* cannotParkReason() const noexcept;
  // Not, because what runs here is no code of the coroutine but a callback that all of them share.
  bool onBehalfOfOthers() const noexcept;

  // On the main stack: whether V8 lets JavaScript there be left in the middle, for a coroutine that comes back to it.
  bool mayLeaveMain() const noexcept;

  // Whether there is JavaScript on the running stack.
  bool inJavaScript() const noexcept;

  // Whether the running stack has async scopes open; when it ends so, they have to be taken off.
  bool asyncScopesOpen() const noexcept;
  // Takes them off where JavaScript goes on.
  void dropAsyncScopes() noexcept;
  // Those of a parked one, as AsyncStack keeps them; null when there are none.
  const void* asyncScopesOf(const Execution& parked) const noexcept;

  Execution& main() noexcept { return main_; }
  ArchivedStates& states() noexcept { return *states_; }
  ForeignState& foreign() noexcept { return *foreign_; }

  // Whether C++ code that has called JavaScript lies on the running stack, a coroutine's.
  bool nested() const noexcept;
  // The same of a stack that is parked, or has not run yet.
  bool nested(const Execution& parked) const noexcept;
  // Whether one has ever been left so.
  bool hasLeftNested() const noexcept { return hasLeftNested_; }

  // From now on coroutines have async contexts of their own. The main stack's is to be noted right before it switches to
  // a coroutine.
  void useAsyncStack(AsyncStack* ids) noexcept { asyncStack_ = ids; }
  void noteAsyncContext() noexcept;
  // From now on stacks that `addons` have called JavaScript on are not left; null: there are none of them.
  void useNestedAddons(const NestedAddons* addons) noexcept { nestedAddons_ = addons; }
  // And lists of arrays being joined. Owns it.
  void useJoinStacks(JoinStacks* joins) noexcept { joinStacks_ = joins; }

  // Without V8: of test/native/plain_engine.cc only.
  Engine() = default;
  explicit Engine(const Discovery& found) noexcept;
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

 private:
  template <bool kMain>
  void exchange(Execution& from, Execution& to) noexcept;
  template <bool kMain>
  void exchangeStacks(Execution& from, Execution& to) noexcept;
  void leave(Execution& from, Execution& to) noexcept;
  void dropNode(Execution& execution) noexcept;
  bool nestedHere() const noexcept;
  bool surelyUsual() const noexcept;
  bool mayParkUnusually() noexcept;
  void lookAround() noexcept;
  void exchangeAsyncContext(Execution& from, Execution& to) noexcept;
  void takeAlong(Execution& from, Execution& to) noexcept;
  const char* addonReason() const noexcept;
  void exchangeForeign(Execution& from, Execution& to) noexcept;
  Taken& takenBy(Execution& execution) noexcept;
  void bringBack(Execution& execution) noexcept;

  enum class Refusal : uint8_t { kNone, kInterrupts, kMicrotask, kHostLoop, kDepth, kAddon };
  Refusal refusal() const noexcept;

  Execution main_;
  bool unusual_ = false;  // there is more to exchange than V8's state and the async ids
  const Discovery* found_ = nullptr;
  AsyncStack* asyncStack_ = nullptr;
  const NestedAddons* nestedAddons_ = nullptr;
  JoinStacks* joinStacks_ = nullptr;
  ArchivedStates* states_ = nullptr;
  ForeignState* foreign_ = nullptr;
  bool hasLeftNested_ = false;
};

}  // namespace stackful::engine
