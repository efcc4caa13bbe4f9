// Switching JavaScript from one stack to another.
//
// V8 lets several operating system threads take turns in one isolate: the state of a thread that gave way is kept in an
// archive on its ThreadManager's in-use list, and GC, the deoptimizer and the debugger walk that list. We keep one
// thread and many archives. Every stack but the running one is shown by exactly one node of the list, so whoever looks
// at V8 between two instructions of ours on this thread can only be a signal handler (see kEntrySpWord below); GC and
// interrupts run at V8's own safepoints, when a switch is complete.
#include "engine.h"

#include <v8-internal.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "../stack/machine_context.h"
#include "archived_states.h"
#include "async_stack.h"
#include "discovery.h"
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

// A plain store the compiler may neither drop nor move across another one: what a signal handler on this thread sees.
void storeOrdered(uint64_t* word, uint64_t value) {
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  *const_cast<volatile uint64_t*>(word) = value;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

// Other threads request interrupts by overwriting the limit at any moment, so it only changes if it still is what it
// was: a request stays in place, whether it came just before or just after, and belongs to the isolate, not the stack.
void moveLimit(uint64_t* word, uint64_t from, uint64_t to) {
  __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
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

Engine::Engine(const Discovery& found) noexcept
    : found_(&found), states_(new ArchivedStates(found.inUse, found.manager)) {
  memset(main_.image, 0, sizeof main_.image);
  walk_ahead::install(main_.image);
  main_.limit = *found.realLimit;
  main_.start = *found.stackStartThread;
}

Engine::~Engine() {
  delete states_;
}

void Engine::prepare(Execution& e, const stack::Stack& stack, void (*entry)(void*), void* argument) noexcept {
  e.stack = stack;
  e.node = nullptr;
  e.contextSlot = nullptr;
  e.shutdownList = nullptr;
  e.asyncScopes = nullptr;
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
  if (!asyncStack_) return;
  asyncDepth_ = asyncStack_->depth();
  asyncStack_->current(main_.asyncIds);
}

// Before V8's state is exchanged, because it may allocate.
inline __attribute__((always_inline)) void Engine::exchangeAsyncContext(Execution& from,
                                                                        Execution& to) noexcept {
  if (!asyncStack_) return;
  if (!asyncStack_->usual(asyncDepth_)) [[unlikely]]
    leaveAsyncContext(from, to);
  asyncStack_->setCurrent(to.asyncIds);
}

__attribute__((noinline)) void Engine::leaveAsyncContext(Execution& from, Execution& to) noexcept {
  // Scopes this stack has open, beyond those the main stack had.
  if (&from != &main_ && asyncStack_->depth() != asyncDepth_)
    from.asyncScopes = asyncStack_->save(asyncDepth_);
  if (!asyncStack_->resourcesInUse()) return;
  asyncStack_->leaveResource(&from == &main_ ? nullptr : &from);
  asyncStack_->enterResource(&to == &main_ ? nullptr : &to);
}

bool Engine::asyncScopesOpen() const noexcept {
  return asyncStack_ && asyncStack_->depth() != asyncDepth_;
}

bool Engine::mayPark() const noexcept {
  return *found_->interruptScopes == 0;
}

bool Engine::inJavaScript() const noexcept {
  return found_->threadTop[layout::kEntrySpWord] != 0;
}

// V8's view of the running stack moves into from's image and to's becomes the running one. What others see meanwhile:
// GC cannot run (no allocation here); another thread can only request an interrupt (moveLimit); a profiler's signal on
// this thread first asks for js_entry_sp, which is 0, "not in JavaScript", from here until `to` sets its own.
inline __attribute__((always_inline)) void Engine::exchange(Execution& from, Execution& to) noexcept {
  const Discovery& f = *found_;
  uint64_t* top = f.threadTop;
  uint64_t* fromTop = threadTopOf(from);
  const uint64_t* toTop = threadTopOf(to);

  fromTop[layout::kEntrySpWord] = top[layout::kEntrySpWord];
  storeOrdered(top + layout::kEntrySpWord, 0);

  f.realLimit[0] = to.limit;
  if (layout::kTwoLimits) f.realLimit[1] = to.limit;
  moveLimit(f.limit, from.limit, to.limit);
  if (layout::kTwoLimits) moveLimit(f.limit + 1, from.limit, to.limit);

  if (&from == &main_) memcpy(from.image, f.implementer, layout::kHandleImplementerBytes);
  memcpy(from.image + layout::kHandleDataInImplementer / 8, f.handleData, layout::kHandleDataBytes);
  memcpy(f.handleData, to.image + layout::kHandleDataInImplementer / 8, layout::kHandleDataBytes);
  if (&to == &main_) {
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

// Inlined into its callers by the linker: whoever switches returns to where another one has called, which no return
// predictor foresees, so the fewer returns there are between the switch and JavaScript the better (6 ns each).
#pragma GCC diagnostic ignored "-Wattributes"  // in a build without the linker's help it may not be
__attribute__((always_inline)) void Engine::switchTo(Execution& from, Execution& to) noexcept {
  exchangeAsyncContext(from, to);
  exchange(from, to);
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
  if (from.asyncScopes) [[unlikely]] {
    void* scopes = from.asyncScopes;
    from.asyncScopes = nullptr;
    asyncStack_->restore(scopes);
  }
}

void Engine::leave(Execution& from, Execution& to) noexcept {
  // Only where execution was terminated are scopes still open, and no JavaScript object can be made any more.
  if (asyncScopesOpen()) [[unlikely]]
    asyncStack_->drop(asyncDepth_);
  exchangeAsyncContext(from, to);
  exchange(from, to);
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
  v->engine->switchTo(*v->host, *v->visitor);
}

}  // namespace

void Engine::visit(Execution& from, Execution& parked, void (*function)(void*), void* argument) noexcept {
  void* const sp = parked.sp;
  Visit v{this, &parked, &from, function, argument, found_->threadTop + layout::kEntrySpWord};
  // Nothing below the stack pointer of a parked stack is alive: it stopped in switchStack.
  auto below = (reinterpret_cast<uintptr_t>(sp) - 256) & ~uintptr_t{15};
  if (&from == &main_) noteAsyncContext();
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
  free(e.shutdownList);
  AsyncStack::discard(e.asyncScopes);
  e.shutdownList = e.asyncScopes = nullptr;
}

}  // namespace stackful::engine
