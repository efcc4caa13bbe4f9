// Finding, in one isolate and without symbols, the few words of V8's private state that a stack switch exchanges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine.h"

namespace v8 {
class Isolate;
}

namespace stackful::engine {

// Addresses, all verified by what V8 does with them; valid as long as the isolate lives.
struct Discovery {
  bool located = false;  // all of it; not yet confirmed
  uint64_t* isolate = nullptr;
  size_t isolateWords = 0;              // that may be read from there
  uint64_t* realLimit = nullptr;        // the stack guard's limit of the running stack
  uint64_t* limit = nullptr;            // the same, or all ones minus one while an interrupt is pending
  uint64_t* interruptScopes = nullptr;  // innermost open interrupt scope
  uint64_t* threadTop = nullptr;        // ThreadLocalTop
  uint64_t* handleData = nullptr;       // HandleScopeData
  uint64_t* implementerSlot = nullptr;  // the isolate's pointer to its HandleScopeImplementer
  uint64_t* implementer = nullptr;      // the main stack's HandleScopeImplementer
  uint64_t* relocatableTop = nullptr;
  uint64_t* stackStartThread = nullptr;  // thread-local copy of the stack's start
  uint64_t* stackStartHeap = nullptr;    // the heap's copy
  uint64_t* asyncContext = nullptr;  // continuation-preserved embedder data; null where V8 has none (Node 20)
  uint64_t* shutdownList =
      nullptr;  // Node 22: [begin, end, capacity] of objects to destroy before a sudden shutdown
  // Node 24 and 26: how many bytes below its start V8 takes the stack to reach; addresses further down are not on the
  // "central stack", and meeting one is fatal. --stack-size at first.
  uint64_t* stackReach = nullptr;
  uint64_t* exceptions = nullptr;  // of C++: [those being handled, number of those in flight]
  // From the handler that V8 pushes at an entry into JavaScript to where it notes the outermost entry, on a stack that has
  // entered once.
  uint64_t entryDistance = 0;
  ThreadNode* inUse = nullptr;  // anchor of the list of archived threads
  void* manager = nullptr;
  uint64_t pristine[Execution::kImageWords] = {};  // the image of a thread that has done nothing yet
};

// For the test that nothing wrong is believed: makes one constant of v8_layout.h, or one address that the search found,
// wrong by `delta` before it is checked. Addresses are named as in Discovery, constants as in Layout. In a V8 that we do not
// know, where the constants are the ones that are wrong, scripts/learn-layout.mjs tries others, several at a time (`next`).
struct Corruption {
  std::string name;
  int64_t delta;
  const Corruption* next = nullptr;
};

// The constants of v8_layout.h, as this addon was compiled.
std::vector<std::pair<const char*, size_t>> constants();

// False and a reason when anything does not fit. Must run inside a native callback called from JavaScript, on the
// isolate's own thread, with no coroutine yet.
bool discover(v8::Isolate* isolate, Discovery& found, std::string& reason,
              const Corruption* corruption = nullptr);

}  // namespace stackful::engine
