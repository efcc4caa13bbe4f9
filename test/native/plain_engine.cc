// engine::Engine without V8: the bare switch of machine stacks, with the annotations AddressSanitizer and
// ThreadSanitizer need to follow it. Tests and measurements of everything above the engine use it.
#include "plain_engine.h"

#include <new>
#include <utility>

#include "../../native/engine/engine.h"
#include "../../native/stack/machine_context.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STACKFUL_ASAN 1
#elif __has_feature(thread_sanitizer)
#define STACKFUL_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define STACKFUL_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define STACKFUL_TSAN 1
#endif

#if STACKFUL_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if STACKFUL_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace stackful::engine {

thread_local bool plainMayPark = true;

namespace {

// This engine's own data, in the words that would hold V8's archive.
struct Notes {
  void* fakeStack;     // AddressSanitizer's, while not running
  const void* bottom;  // the stack's extent
  size_t size;
  void* fiber;  // ThreadSanitizer's
  void (*entry)(void*);
  void* argument;
};
static_assert(sizeof(Notes) <= sizeof(Execution::image));

Notes& notesOf(Execution& e) {
  return *reinterpret_cast<Notes*>(e.image);
}

#if STACKFUL_ASAN
// Whose extent AddressSanitizer tells at the next arrival. It must be told the same again on the way back:
// for the main stack that is not what pthread_getattr_np says, and the leak checker reads all of it.
thread_local Execution* left = nullptr;
// The stack of one that has finished, in the middle of its frames: the next one to run takes the marks off,
// because the memory may be used for something else next, even without having been unmapped.
thread_local stack::Stack finished;
void unmark(const stack::Stack& s) {
  __asan_unpoison_memory_region(s.base, s.size());
}
#elif STACKFUL_TSAN
// A fiber cannot be destroyed by itself: the next one to run does it.
thread_local void* doomedFiber = nullptr;
#endif

void leaving([[maybe_unused]] Execution* from, [[maybe_unused]] Execution& to) {
#if STACKFUL_ASAN
  left = from;
  Notes& n = notesOf(to);
  __sanitizer_start_switch_fiber(from ? &notesOf(*from).fakeStack : nullptr, n.bottom, n.size);
#elif STACKFUL_TSAN
  __tsan_switch_to_fiber(notesOf(to).fiber, 0);
#endif
}

void arrived([[maybe_unused]] Execution& here) {
#if STACKFUL_ASAN
  const void* bottom;
  size_t size;
  __sanitizer_finish_switch_fiber(notesOf(here).fakeStack, &bottom, &size);
  if (left) {
    notesOf(*left).bottom = bottom;
    notesOf(*left).size = size;
  }
  if (finished) unmark(finished);
  finished = {};
#elif STACKFUL_TSAN
  if (doomedFiber) __tsan_destroy_fiber(doomedFiber);
  doomedFiber = nullptr;
#endif
}

void firstEntry(void* argument) {
  auto& execution = *static_cast<Execution*>(argument);
  arrived(execution);
  Notes& n = notesOf(execution);
  n.entry(n.argument);
  __builtin_trap();
}

}  // namespace

Engine::~Engine() = default;

void Engine::prepare(Execution& execution, const stack::Stack& stack, void (*entry)(void*),
                     void* argument) noexcept {
  // The main stack makes the first coroutine.
  if (main_.start == 0) {
    main_.start = 1;
    new (main_.image) Notes{};
#if STACKFUL_TSAN
    notesOf(main_).fiber = __tsan_get_current_fiber();
#endif
  }
  execution.stack = stack;
  auto* notes = new (execution.image) Notes{};
  notes->bottom = stack.base;
  notes->size = stack.size();
  notes->entry = entry;
  notes->argument = argument;
#if STACKFUL_TSAN
  notes->fiber = __tsan_create_fiber(0);
#endif
  execution.sp = stack::prepareStack(stack.end, firstEntry, &execution);
}

void Engine::switchTo(Execution& from, Execution& to) noexcept {
  leaving(&from, to);
  stack::switchStack(&from.sp, to.sp);
  arrived(from);
}

void Engine::switchBetween(Execution& from, Execution& to) noexcept {
  switchTo(from, to);
}

void Engine::finishTo([[maybe_unused]] Execution& from, Execution& to) noexcept {
#if STACKFUL_ASAN
  finished = from.stack;
#elif STACKFUL_TSAN
  // A coroutine that ends by halt() is abandoned later.
  doomedFiber = std::exchange(notesOf(from).fiber, nullptr);
#endif
  leaving(nullptr, to);
  void* nowhere;
  stack::switchStack(&nowhere, to.sp);
  __builtin_unreachable();
}

namespace {

struct Visit {
  Engine* engine;
  Execution* host;
  Execution* visitor;
  void (*function)(void*);
  void* argument;
};

void visitEntry(void* argument) {
  auto* v = static_cast<Visit*>(argument);
  arrived(*v->host);
  v->function(v->argument);
  v->engine->switchTo(*v->host, *v->visitor);
}

}  // namespace

void Engine::visit(Execution& from, Execution& parked, void (*function)(void*), void* argument) noexcept {
  void* const sp = parked.sp;
  Visit v{this, &parked, &from, function, argument};
  auto below = (reinterpret_cast<uintptr_t>(sp) - 256) & ~uintptr_t{15};
  parked.sp = stack::prepareStack(reinterpret_cast<char*>(below), visitEntry, &v);
  switchTo(from, parked);
  parked.sp = sp;
}

void Engine::abandon([[maybe_unused]] Execution& execution) noexcept {
#if STACKFUL_ASAN
  unmark(execution.stack);
#elif STACKFUL_TSAN
  if (void* fiber = notesOf(execution).fiber) __tsan_destroy_fiber(fiber);
#endif
}

void Engine::allowStack(size_t) noexcept {}

bool Engine::mayPark() noexcept {
  return plainMayPark;
}

}  // namespace stackful::engine
