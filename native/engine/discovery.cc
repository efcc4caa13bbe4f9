#include "discovery.h"

#include "search.h"
#include "template_thread.h"

namespace stackful::engine {
namespace {

std::vector<std::pair<const char*, size_t*>> numbersOf(Layout& layout) {
  std::vector<std::pair<const char*, size_t*>> all = {
      {"handleImplementerBytes", &layout.handleImplementerBytes},
      {"handleDataBytes", &layout.handleDataBytes},
      {"handleDataInImplementer", &layout.handleDataInImplementer},
      {"blocksInImplementer", &layout.blocksInImplementer},
      {"vectorBytes", &layout.vectorBytes},
      {"spareInImplementer", &layout.spareInImplementer},
      {"handleBlockBytes", &layout.handleBlockBytes},
      {"managerAnchors", &layout.managerAnchors},
      {"stackGuard", &layout.stackGuard},
      {"realLimit", &layout.realLimit},
      {"limit", &layout.limit},
      {"interruptPending", &layout.interruptPending},
      {"interruptScopes", &layout.interruptScopes},
      {"twoLimits", &layout.twoLimits},
      {"threadTopBytes", &layout.threadTopBytes},
      {"threadIdWord", &layout.threadIdWord},
      {"isolateWord", &layout.isolateWord},
      {"tryCatchWord", &layout.tryCatchWord},
      {"trapFlagWord", &layout.trapFlagWord},
      {"accessCheckWord", &layout.accessCheckWord},
      {"entrySpWord", &layout.entrySpWord},
      {"handlerWord", &layout.handlerWord},
      {"heapStackStartInTarget", &layout.heapStackStartInTarget},
      {"shutdownList", &layout.shutdownList},
      {"stackReach", &layout.stackReach},
  };
  static_assert(sizeof(Layout) / sizeof(size_t) == 25, "every constant can be corrupted");
  return all;
}

// Makes the named number wrong; false when there is none of that name here.
bool corrupt(Layout& layout, const Corruption& c) {
  for (const auto& [name, number] : numbersOf(layout)) {
    if (c.name == name) return *number += static_cast<size_t>(c.delta), true;
  }
  return false;
}

bool corrupt(Discovery& found, const Corruption& c) {
  const struct {
    const char* name;
    void* address;
  } all[] = {
      {"found.isolate", &found.isolate},
      {"found.realLimit", &found.realLimit},
      {"found.limit", &found.limit},
      {"found.interruptScopes", &found.interruptScopes},
      {"found.threadTop", &found.threadTop},
      {"found.handleData", &found.handleData},
      {"found.implementerSlot", &found.implementerSlot},
      {"found.implementer", &found.implementer},
      {"found.relocatableTop", &found.relocatableTop},
      {"found.stackStartThread", &found.stackStartThread},
      {"found.stackStartHeap", &found.stackStartHeap},
      {"found.asyncContext", &found.asyncContext},
      {"found.shutdownList", &found.shutdownList},
      {"found.stackReach", &found.stackReach},
      {"found.exceptions", &found.exceptions},
      {"found.inUse", &found.inUse},
      {"found.manager", &found.manager},
  };
  for (const auto& one : all) {
    auto* address = static_cast<uint64_t*>(one.address);
    if (c.name == one.name && *address) return *address += static_cast<uint64_t>(c.delta), true;
  }
  return false;
}

}  // namespace

bool Search::locate() {
  return isolateSize() && locateGuard() && locateThreadTop() && locateHandleData() && locateImplementer() &&
         locateManager() && locateStackStarts() && locateStackReach() && locateRelocatable() &&
         locateShutdownList() && locateAsyncContext() && locateExceptions();
}

// By what V8 does with them. The order is from what is only looked at to what is changed for a moment: whatever is
// changed has been recognised before.
bool Search::confirm() {
  if (found_.isolate != base_) return fail("isolate");
  return confirmGuard() && confirmThreadTop() && confirmHandleData() && confirmManager() &&
         confirmImplementer() && confirmStackStarts() && confirmStackReach() && confirmRelocatable() &&
         confirmShutdownList() && confirmAsyncContext() && confirmExceptions();
}

std::vector<std::pair<const char*, size_t>> constants() {
  Layout layout;
  std::vector<std::pair<const char*, size_t>> result;
  for (const auto& [name, number] : numbersOf(layout)) result.emplace_back(name, *number);
  return result;
}

bool discover(v8::Isolate* isolate, Discovery& found, std::string& reason, const Corruption* corruption) {
  Layout layout;
  bool corrupted = corruption && corrupt(layout, *corruption);
  for (const Corruption* more = corrupted ? corruption->next : nullptr; more; more = more->next) {
    if (!corrupt(layout, *more)) return reason = "", false;
  }
  Search search(isolate, found, reason, layout);
  if (!search.locate()) return false;
  found.located = true;
  if (corruption && !corrupted && !corrupt(found, *corruption)) return reason = "", false;
  if (!search.confirm()) return false;
  if (const char* problem = captureTemplate(isolate, found, layout)) return reason = problem, false;
  return true;
}

}  // namespace stackful::engine
