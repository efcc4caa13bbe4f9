#include "walk_ahead.h"

#include <algorithm>
#include <atomic>

#include "../stack/fetch.h"
#include "archived_states.h"
#include "engine.h"

namespace stackful::engine::walk_ahead {
namespace {

using stack::kCacheLine;

// More than the JavaScript frames of a handler six frames deep; the processor itself goes on where memory is read in order.
constexpr uintptr_t kMostStack = 2560;

// Written by several threads at once, and missing some then.
std::atomic<uint64_t> visitsSoFar{0};

void fetch(uintptr_t from, uintptr_t to) {
  const uintptr_t line = from & ~(kCacheLine - 1);
  if (line < to) stack::fetch(reinterpret_cast<const char*>(line), to - line);
}

void fetch(uintptr_t address) {
  stack::fetch(reinterpret_cast<const void*>(address));
}

bool isInstalled(const uint64_t* image) {
  return image[layout::kRelocatableInImage / 8] ==
         reinterpret_cast<uintptr_t>(image + layout::kChainLinkInImage / 8);
}

const Execution& executionOf(const uint64_t* image) {
  return *reinterpret_cast<const Execution*>(reinterpret_cast<uintptr_t>(image) - offsetof(Execution, image));
}

void fetchStack(const uint64_t* image) {
  if (!isInstalled(image)) return;
  const uint64_t* top = image + layout::kTopInImage / 8;
  // From the frame that left JavaScript to the one that entered it: what is below and above is native code's, of which
  // V8 looks at what is registered with it.
  const uintptr_t exit = top[layout::kExitFrameWord], entry = top[layout::kEntrySpWord];
  fetch(exit - kCacheLine, std::min(entry + 16, exit + kMostStack));
  fetch(top[layout::kTryCatchWord]);
  fetch(image[layout::kChainLinkInImage / 8 + 2]);
  fetch(image[layout::kBlocksInImplementer / 8]);
  fetch(image[layout::kHandleDataInImplementer / 8] - 8);
}

void fetchRecord(const uint64_t* image) {
  const auto from = reinterpret_cast<uintptr_t>(&executionOf(image));
  fetch(from, from + sizeof(Execution));
}

// IterateInstance, after V8 has visited the stack this object belongs to. Each memory access here finds what an earlier call
// has prefetched.
void onVisit(const uint64_t* link) {
  const uint64_t* image = link - layout::kChainLinkInImage / 8;
  visitsSoFar.store(visitsSoFar.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  const ThreadNode* node = executionOf(image).node;
  if (!node) return;
  // The list is a ring: at its end this is its anchor, which shows nothing, and then its first nodes.
  const ThreadNode* second = node->next->next;
  const ThreadNode* third = second->next;
  if (second->data && ArchivedStates::isOurs(second)) fetchStack(static_cast<uint64_t*>(second->data));
  if (third->data && ArchivedStates::isOurs(third)) fetchRecord(static_cast<uint64_t*>(third->data));
  fetch(reinterpret_cast<uintptr_t>(third->next));
}

// Some to spare; see the header.
using Function = void (*)(const uint64_t*);
constexpr Function kTable[8] = {onVisit, onVisit, onVisit, onVisit, onVisit, onVisit, onVisit, onVisit};

// Three words in what V8 archives of its stack guard; V8 never reads ours.
static_assert(layout::kChainLinkInImage + 24 <= layout::kRelocatableInImage + 8 + layout::kStackGuardBytes);

}  // namespace

void install(uint64_t* image) noexcept {
  uint64_t* link = image + layout::kChainLinkInImage / 8;
  link[0] = reinterpret_cast<uintptr_t>(kTable);
  link[1] = link[2] = 0;
  image[layout::kRelocatableInImage / 8] = reinterpret_cast<uintptr_t>(link);
}

uint64_t visits() noexcept {
  return visitsSoFar.load(std::memory_order_relaxed);
}

}  // namespace stackful::engine::walk_ahead
