// Switching JavaScript from one stack to another.
//
// V8 lets several operating system threads take turns in one isolate: the state of a thread that gave way is kept in an
// archive on its ThreadManager's in-use list, and GC, the deoptimizer and the debugger walk that list. We keep one
// thread and many archives. Every stack but the running one is shown by exactly one node of the list. Only a signal handler
// can look at V8 between two instructions of ours on this thread (see kEntrySpWord below); GC and
// interrupts run at V8's own safepoints, when a switch is complete.
#include "engine.h"

#include <v8-internal.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "../stack/machine_context.h"
#include "archived_states.h"
#include "async_stack.h"
#include "discovery.h"
#include "foreign_state.h"
#include "host_loop_frames.h"
#include "join_stack.h"
#include "nested_addons.h"
#include "stack_limits.h"
#include "v8_layout.h"
#include "walk_ahead.h"

namespace stackful::engine {
namespace {

constexpr size_t kPage = 4096;
// V8's first handle block of a coroutine starts this far below a page boundary: three dozen handles share the top page
// with the first 3.8 KB of frames. A handler parked six JavaScript frames deep takes 2.9 KB on Node 20 and 2.6 KB on 24,
// and V8's runtime functions on top of that about 800 bytes for a moment: one page, where it would else be two.
constexpr size_t kHandlesInTopPage = 288;
constexpr size_t kHandleTail = 2 * kPage;  // what lies above the boundary: the rest of the block
static_assert(layout::kHandleBlockBytes <= kHandlesInTopPage + kHandleTail);

// Code that V8 does not count (its compiler, native builtins, signal handlers, other addons) runs below its limit.
// V8 itself keeps about 40 KB for that.
constexpr size_t kNativeHeadroom = size_t{64} << 10;

char* handleBlock(const stack::Stack& s) {
  return s.end - kHandleTail - kHandlesInTopPage;
}

uint64_t* threadTopOf(Execution& e) {
  return e.image + layout::kTopInImage / 8;
}

void*& foreignOf(Execution& e) {
  return reinterpret_cast<void*&>(e.image[layout::kForeignInImage / 8]);
}

// An entry into JavaScript pushes a handler, and the newest is the outermost entry's unless C++ code has entered it again.
// There is none where a stack has not entered it at all.
bool isNested(const Discovery& f, uint64_t entrySp, uint64_t handler) {
  return entrySp - handler != f.entryDistance && handler != 0;
}

// A plain store the compiler may neither drop nor move across another one: what a signal handler on this thread sees.
void storeOrdered(uint64_t* word, uint64_t value) {
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  *const_cast<volatile uint64_t*>(word) = value;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

// Node 22: what JSON.stringify and the like registered on this stack. V8 checks that they leave in the order they came,
// which holds on each stack but not across stacks, so each takes its own along.
struct SavedShutdownList {
  size_t count;
  uint64_t items[];
};

void saveShutdownList(uint64_t* list, Execution& e) {
  size_t bytes = list[1] - list[0];
  auto* saved = static_cast<SavedShutdownList*>(malloc(sizeof(SavedShutdownList) + bytes));
  if (!saved) abort();  // out of memory, as V8 would
  saved->count = bytes / 8;
  memcpy(saved->items, reinterpret_cast<void*>(list[0]), bytes);
  list[1] = list[0];
  e.shutdownList = saved;
}

// The vector has room: it held these items when they were saved, and a vector does not shrink.
void restoreShutdownList(uint64_t* list, Execution& e) {
  auto* saved = static_cast<SavedShutdownList*>(e.shutdownList);
  memcpy(reinterpret_cast<void*>(list[0]), saved->items, saved->count * 8);
  list[1] = list[0] + saved->count * 8;
  free(saved);
  e.shutdownList = nullptr;
}

// The only memory of a coroutine outside its stack and record: V8's vectors, which grow by `new[]` and `delete[]`, so that
// no storage of ours can stand in for them. V8 would begin with eight entries (80 bytes of heap each); a handler needs one
// or two, and three fit into the smallest block the heap hands out, 32 bytes.
void reserveVectors(uint64_t* image) {
  constexpr size_t kEntries = 3;
  for (size_t at : layout::kVectorsInUse) {
    auto* entries = new (std::nothrow) uint64_t[kEntries];
    if (!entries) continue;  // V8 will ask for some itself
    image[at / 8] = reinterpret_cast<uint64_t>(entries);
    image[at / 8 + 1] = kEntries;
    image[at / 8 + 2] = 0;
  }
}

}  // namespace

// What a stack takes along beside V8's own state, in the rare case that it has any of it when it is left.
struct Taken {
  void* asyncScopes = nullptr;  // the scopes it has open
  void* joins = nullptr;        // the arrays it is joining
};

Engine::Engine(const Discovery& found) noexcept
    : found_(&found),
      states_(new ArchivedStates(found.inUse, found.manager)),
      foreign_(new ForeignState(found.exceptions)) {
  memset(main_.image, 0, sizeof main_.image);
  walk_ahead::install(main_.image);
  main_.limit = *found.realLimit;
  main_.start = *found.stackStartThread;
}

Engine::~Engine() {
  delete joinStacks_;
  delete foreign_;
  delete states_;
}

void Engine::prepare(Execution& e, const stack::Stack& stack, void (*entry)(void*), void* argument) noexcept {
  e.stack = stack;
  e.node = nullptr;
  e.contextSlot = nullptr;
  e.shutdownList = nullptr;
  e.taken = nullptr;
  e.resourceSlot = nullptr;
  char* top = handleBlock(stack);
  e.start = reinterpret_cast<uintptr_t>(top);
  e.limit = reinterpret_cast<uintptr_t>(stack.base) + kNativeHeadroom;
  // A stack that was used before still owns its implementer's vectors (empty, with capacity): keep those allocations.
  const uint64_t* pristine = found_->pristine;
  if (e.image[0] != pristine[0]) {
    memset(e.image, 0, sizeof e.image);
    memcpy(e.image, pristine, layout::kHandleImplementerBytes);
    reserveVectors(e.image);
  }
  memcpy(e.image + layout::kHandleDataInImplementer / 8, pristine + layout::kHandleDataInImplementer / 8,
         layout::kRelocatableInImage - layout::kHandleDataInImplementer);
  walk_ahead::install(e.image);
  foreignOf(e) = nullptr;
  // The first handle block comes from the top page too. V8 frees a spare block when another takes its place; ours is
  // first in and last out of its list, so it is always the one that is kept.
  e.image[layout::kSpareInImplementer / 8] = reinterpret_cast<uint64_t>(handleBlock(stack));
  // Neighbours begin on different cache lines of their page; see native/stack/size_class.h for their pages.
  top -= reinterpret_cast<uintptr_t>(stack.record) / stack::kRecordBytes % 4 * 64;
  e.sp = stack::prepareStack(top, entry, argument);
}

// Only when a larger one is asked for: V8's stacks of WebAssembly suspended by JSPI may lie anywhere, and should not look
// like a part of this one.
void Engine::allowStack(size_t bytes) noexcept {
  if (found_->stackReach && *found_->stackReach < bytes) *found_->stackReach = bytes;
}

// Takes the node that shows `e`, if there is one, out of V8's list.
void Engine::dropNode(Execution& e) noexcept {
  if (!e.node) return;
  states_->remove(e.node);
  e.node = nullptr;
}

void Engine::noteAsyncContext() noexcept {
  foreign_->noteMain();
  if (asyncStack_) {
    asyncStack_->noteMain();
    asyncStack_->current(main_.asyncIds);
  }
  lookAround();
}

inline __attribute__((always_inline)) bool Engine::nestedHere() const noexcept {
  return isNested(*found_, found_->threadTop[layout::kEntrySpWord], found_->threadTop[layout::kHandlerWord]);
}

bool Engine::nested() const noexcept {
  return nestedHere();
}

// Scopes of C++ code are open only where it has called JavaScript.
inline __attribute__((always_inline)) void Engine::lookAround() noexcept {
  unusual_ =
      nestedHere() || (asyncStack_ && !asyncStack_->usual()) || (joinStacks_ && joinStacks_->joining());
}

// Before V8's state is exchanged, because it may allocate.
inline __attribute__((always_inline)) void Engine::exchangeAsyncContext(Execution& from,
                                                                        Execution& to) noexcept {
  if (unusual_) [[unlikely]]
    takeAlong(from, to);
  if (asyncStack_) asyncStack_->setCurrent(to.asyncIds);
}

__attribute__((noinline)) void Engine::takeAlong(Execution& from, Execution& to) noexcept {
  if (asyncStack_) {
    // Scopes this stack has open, beyond those the main stack had.
    if (&from != &main_ && asyncStack_->open()) takenBy(from).asyncScopes = asyncStack_->save();
    if (asyncStack_->resourcesInUse()) {
      asyncStack_->leaveResource(&from == &main_ ? nullptr : &from);
      asyncStack_->enterResource(&to == &main_ ? nullptr : &to);
    }
  }
  if (joinStacks_ && joinStacks_->joining()) takenBy(from).joins = joinStacks_->save();
}

bool Engine::asyncScopesOpen() const noexcept {
  return asyncStack_ && asyncStack_->open();
}

void Engine::dropAsyncScopes() noexcept {
  if (asyncScopesOpen()) AsyncStack::discard(asyncStack_->save());
}

const void* Engine::asyncScopesOf(const Execution& parked) const noexcept {
  return parked.taken ? parked.taken->asyncScopes : nullptr;
}

// In one expression without branches, because every park asks. It may be wrong one way: a stack that it finds unusual is
// looked at again. Where there is an asyncStack_ there are joinStacks_: they are found before it.
inline __attribute__((always_inline)) bool Engine::surelyUsual() const noexcept {
  if (!asyncStack_) return false;
  const uint64_t* top = found_->threadTop;
  const uint64_t outermost = top[layout::kEntrySpWord] - top[layout::kHandlerWord] - found_->entryDistance;
  return (outermost | *found_->interruptScopes | asyncStack_->unlikeUsual() | joinStacks_->maybeJoining()) ==
         0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wattributes"  // see switchTo
__attribute__((always_inline)) bool Engine::mayPark() noexcept {
  if (!surelyUsual()) [[unlikely]]
    return mayParkUnusually();
  unusual_ = false;
  return true;
}
#pragma GCC diagnostic pop

// All that can stand against it but V8's interrupt scope comes with C++ frames.
__attribute__((noinline)) bool Engine::mayParkUnusually() noexcept {
  lookAround();
  return *found_->interruptScopes == 0 && (!unusual_ || refusal() == Refusal::kNone);
}

__attribute__((noinline)) Engine::Refusal Engine::refusal() const noexcept {
  if (*found_->interruptScopes != 0) return Refusal::kInterrupts;
  if (addonReason()) return Refusal::kAddon;
  if (!asyncStack_) return Refusal::kNone;
  const CallbackScopes& scopes = asyncStack_->scopes();
  if (scopes.runsMicrotasks()) [[unlikely]]
    return Refusal::kMicrotask;
  if (!scopes.callbacksAsMain()) [[unlikely]] {
    if (!asyncStack_->canSave()) return Refusal::kDepth;
    if (insideHostLoop(*found_->stackStartThread)) return Refusal::kHostLoop;
  }
  return Refusal::kNone;
}

const char* Engine::addonReason() const noexcept {
  return nestedAddons_ && nested() ? nestedAddons_->reason(*found_) : nullptr;
}

bool Engine::onBehalfOfOthers() const noexcept {
  const Refusal why = refusal();
  return why == Refusal::kMicrotask || why == Refusal::kHostLoop;
}

const char* Engine::cannotParkReason() const noexcept {
  switch (refusal()) {
    case Refusal::kMicrotask:
      return "this is a promise callback, which code in one (process._tickCallback) has had run on its "
             "stack: no other would run meanwhile";
    case Refusal::kHostLoop:
      return "this is a callback of Node's event loop, which code in one (a native addon such as deasync) "
             "runs on its stack, and that cannot be left half-way";
    case Refusal::kDepth:
      return "too many async scopes are open below this callback of Node's";
    case Refusal::kAddon:
      return addonReason();
    case Refusal::kInterrupts:
    case Refusal::kNone:
      break;
  }
  return "V8 has interrupts switched off on this stack";
}

bool Engine::nested(const Execution& parked) const noexcept {
  const uint64_t* top = parked.image + layout::kTopInImage / 8;
  return isNested(*found_, top[layout::kEntrySpWord], top[layout::kHandlerWord]);
}

__attribute__((noinline)) void Engine::exchangeForeign(Execution& from, Execution& to) noexcept {
  // Its entry has been taken off V8's state already.
  const bool nested =
      isNested(*found_, threadTopOf(from)[layout::kEntrySpWord], found_->threadTop[layout::kHandlerWord]);
  if (!nested && !foreignOf(to)) return;
  hasLeftNested_ = hasLeftNested_ || nested;
  foreign_->exchange(foreignOf(from), foreignOf(to));
}

bool Engine::mayLeaveMain() const noexcept {
  return *found_->interruptScopes == 0;
}

bool Engine::inJavaScript() const noexcept {
  return found_->threadTop[layout::kEntrySpWord] != 0;
}

// V8's view of the running stack moves into from's image and to's becomes the running one. What others see meanwhile:
// GC cannot run (no allocation here); another thread can only request an interrupt (stack_limits.h); a profiler's signal on
// this thread first asks for js_entry_sp, which is 0, "not in JavaScript", from here until `to` sets its own.
// Whether one of them is the main stack's need only be asked where it may be (kMain).
template <bool kMain>
inline __attribute__((always_inline)) void Engine::exchange(Execution& from, Execution& to) noexcept {
  const Discovery& f = *found_;
  uint64_t* top = f.threadTop;
  uint64_t* fromTop = threadTopOf(from);
  const uint64_t* toTop = threadTopOf(to);

  fromTop[layout::kEntrySpWord] = top[layout::kEntrySpWord];
  storeOrdered(top + layout::kEntrySpWord, 0);
  if (unusual_ || foreignOf(to)) [[unlikely]]
    exchangeForeign(from, to);

  f.realLimit[0] = to.limit;
  if (layout::kTwoLimits) f.realLimit[1] = to.limit;
  moveLimits<layout::kTwoLimits>(f.limit, from.limit, to.limit);

  if (kMain && &from == &main_) memcpy(from.image, f.implementer, layout::kHandleImplementerBytes);
  memcpy(from.image + layout::kHandleDataInImplementer / 8, f.handleData, layout::kHandleDataBytes);
  memcpy(f.handleData, to.image + layout::kHandleDataInImplementer / 8, layout::kHandleDataBytes);
  if (kMain && &to == &main_) {
    // GC may have replaced the implementer's vectors while it walked the image: the image is the newer one.
    memcpy(f.implementer, to.image, layout::kHandleImplementerBytes);
    *f.implementerSlot = reinterpret_cast<uint64_t>(f.implementer);
  } else {
    *f.implementerSlot = reinterpret_cast<uint64_t>(to.image);
  }

  static_assert(layout::kEntrySpWord < layout::kThreadTopWords);
  memcpy(fromTop, top, layout::kEntrySpWord * 8);
  memcpy(fromTop + layout::kEntrySpWord + 1, top + layout::kEntrySpWord + 1,
         (layout::kThreadTopWords - layout::kEntrySpWord - 1) * 8);
  memcpy(top, toTop, layout::kEntrySpWord * 8);
  memcpy(top + layout::kEntrySpWord + 1, toTop + layout::kEntrySpWord + 1,
         (layout::kThreadTopWords - layout::kEntrySpWord - 1) * 8);

  walk_ahead::chain(from.image) = *f.relocatableTop;
  *f.relocatableTop = walk_ahead::chain(to.image);

  *f.stackStartThread = to.start;
  *f.stackStartHeap = to.start;

  if (f.asyncContext) {
    // The running context is a root of the isolate; a parked one lives in a handle of its own stack.
    if (from.contextSlot) *from.contextSlot = *f.asyncContext;
    if (to.contextSlot) *f.asyncContext = *to.contextSlot;
  }
  if (layout::kShutdownList && f.shutdownList) {
    if (f.shutdownList[1] != f.shutdownList[0]) saveShutdownList(f.shutdownList, from);
    if (to.shutdownList) restoreShutdownList(f.shutdownList, to);
  }
}

// Inlined into its callers by the linker: a switch returns to where another stack has called, which no return
// predictor foresees, so the fewer returns there are between the switch and JavaScript the better (6 ns each).
#pragma GCC diagnostic ignored "-Wattributes"  // in a build without the linker's help it may not be
template <bool kMain>
inline __attribute__((always_inline)) void Engine::exchangeStacks(Execution& from, Execution& to) noexcept {
  exchangeAsyncContext(from, to);
  exchange<kMain>(from, to);
  if (StateNode* node = to.node) {
    // The node that showed `to` now shows `from`.
    states_->reuse(node, from.image);
    from.node = node;
    to.node = nullptr;
  } else {
    from.node = states_->add(from.image);
  }
  stack::switchStack(&from.sp, to.sp);
  storeOrdered(found_->threadTop + layout::kEntrySpWord, threadTopOf(from)[layout::kEntrySpWord]);
  if (from.taken) [[unlikely]]
    bringBack(from);
}

__attribute__((always_inline)) void Engine::switchTo(Execution& from, Execution& to) noexcept {
  exchangeStacks<true>(from, to);
}

__attribute__((always_inline)) void Engine::switchBetween(Execution& from, Execution& to) noexcept {
  exchangeStacks<false>(from, to);
}

Taken& Engine::takenBy(Execution& e) noexcept {
  if (!e.taken) e.taken = new Taken;
  return *e.taken;
}

// When V8's state has been exchanged: it may allocate and collect.
__attribute__((noinline)) void Engine::bringBack(Execution& e) noexcept {
  const Taken taken = *e.taken;
  delete std::exchange(e.taken, nullptr);
  if (taken.asyncScopes) asyncStack_->restore(taken.asyncScopes);
  if (taken.joins) joinStacks_->restore(taken.joins);
}

void Engine::leave(Execution& from, Execution& to) noexcept {
  // Only where all of execution was terminated are scopes still open, and no JavaScript object can be made any more.
  if (asyncScopesOpen()) [[unlikely]]
    asyncStack_->drop();
  if (joinStacks_ && joinStacks_->joining()) [[unlikely]]
    joinStacks_->drop();
  lookAround();
  exchangeAsyncContext(from, to);
  exchange<true>(from, to);
  dropNode(to);
}

void Engine::finishTo(Execution& from, Execution& to) noexcept {
  leave(from, to);
  stack::switchStack(&from.sp, to.sp);
  __builtin_unreachable();
}

namespace {

struct Visit {
  Engine* engine;
  Execution* host;
  Execution* visitor;
  void (*function)(void*);
  void* argument;
  uint64_t* entrySp;
};

void visitEntry(void* data) {
  auto* v = static_cast<Visit*>(data);
  storeOrdered(v->entrySp, threadTopOf(*v->host)[layout::kEntrySpWord]);
  v->function(v->argument);
  (void)v->engine->mayPark();  // which looks at what there is to take along
  v->engine->switchTo(*v->host, *v->visitor);
}

}  // namespace

void Engine::visit(Execution& from, Execution& parked, void (*function)(void*), void* argument) noexcept {
  void* const sp = parked.sp;
  Visit v{this, &parked, &from, function, argument, found_->threadTop + layout::kEntrySpWord};
  // Nothing below the stack pointer of a parked stack is alive: it stopped in switchStack.
  auto below = (reinterpret_cast<uintptr_t>(sp) - 256) & ~uintptr_t{15};
  if (&from == &main_) {
    noteAsyncContext();
  } else {
    lookAround();
  }
  parked.sp = stack::prepareStack(reinterpret_cast<char*>(below), visitEntry, &v);
  switchTo(from, parked);
  parked.sp = sp;
}

void Engine::abandon(Execution& e) noexcept {
  dropNode(e);
  // Handle blocks beyond our own and the implementer's vectors were allocated by V8 for this stack.
  uint64_t* blocks = e.image + layout::kBlocksInImplementer / 8;
  char* own = handleBlock(e.stack);
  for (uint64_t i = 0; i < blocks[2]; ++i) {
    char* block = reinterpret_cast<char**>(blocks[0])[i];
    if (block != own) ::operator delete[](block);
  }
  for (size_t at = layout::kBlocksInImplementer; at < layout::kSpareInImplementer;
       at += layout::kVectorBytes) {
    ::operator delete[](reinterpret_cast<void*>(e.image[at / 8]));
    memset(e.image + at / 8, 0, layout::kVectorBytes);
  }
  uint64_t spare = e.image[layout::kSpareInImplementer / 8];
  if (spare && spare != reinterpret_cast<uint64_t>(own)) ::operator delete[](reinterpret_cast<void*>(spare));
  e.image[0] = 0;
  ForeignState::discard(foreignOf(e));
  free(e.shutdownList);
  e.shutdownList = nullptr;
  if (!e.taken) return;
  AsyncStack::discard(e.taken->asyncScopes);
  JoinStacks::discard(e.taken->joins);
  delete std::exchange(e.taken, nullptr);
}

}  // namespace stackful::engine
