// What differs between the V8 versions we know: sizes and field positions that no public header gives.
// Every number here is checked against the running V8 before it is used (Search::confirm, captureTemplate), so a wrong
// one is a refusal to load and never a crash; test/engine/calibration.test.ts makes each of them wrong in turn. Offsets
// that V8's own headers publish are taken from there, and checked all the same.
#pragma once

#include <pthread.h>
#include <v8-internal.h>
#include <v8-version.h>

#include <cstddef>
#include <cstdint>

namespace stackful::engine {

// v8::internal::ThreadState.
struct ThreadNode {
  int32_t id;
  int32_t terminateOnRestore;
  void* data;
  ThreadNode* next;
  ThreadNode* previous;
  void* manager;
};

namespace layout {

// Of which of the V8s we know, by its major version; `scripts/learn-layout.mjs` begins with one of them on a V8 we do not.
#ifndef STACKFUL_LAYOUT
#define STACKFUL_LAYOUT V8_MAJOR_VERSION
#endif

#if STACKFUL_LAYOUT == 11  // Node 20
inline constexpr const char* kNode = "20";
inline constexpr size_t kHandleImplementerBytes = 152;
inline constexpr size_t kHandleDataBytes = 32;
inline constexpr size_t kHandleDataInImplementer = 120;
inline constexpr size_t kSpareInImplementer = 0x68;
inline constexpr size_t kManagerAnchors =
    sizeof(pthread_mutex_t) + 16;  // its mutex: 40 bytes on x86-64, 48 on arm64
inline constexpr size_t kInterruptScopes = 0x28;
inline constexpr size_t kThreadIdWord = 3, kIsolateWord = 1, kTryCatchWord = 0, kTrapFlagWord = 24,
                        kAccessCheckWord = 23;
inline constexpr size_t kExitFrameWord = 15, kExitFunctionWord = 17, kHandlerWord = 16;
inline constexpr bool kTwoLimits = true;
// Vectors of the implementer that hold something while a coroutine runs: handle blocks and saved contexts.
inline constexpr size_t kVectorsInUse[] = {0x08, 0x50};
inline constexpr size_t kHeapStackStartInTarget = 0;  // the word is in the isolate itself
inline constexpr bool kShutdownList = false;
inline constexpr bool kStackReach = false;
#elif STACKFUL_LAYOUT == 12  // Node 22
inline constexpr const char* kNode = "22";
inline constexpr size_t kHandleImplementerBytes = 120;
inline constexpr size_t kHandleDataBytes = 24;
inline constexpr size_t kHandleDataInImplementer = 96;
inline constexpr size_t kSpareInImplementer = 0x50;
inline constexpr size_t kManagerAnchors =
    sizeof(pthread_mutex_t) + 16;  // its mutex: 40 bytes on x86-64, 48 on arm64
inline constexpr size_t kInterruptScopes = 0x30;
inline constexpr size_t kThreadIdWord = 13, kIsolateWord = 12, kTryCatchWord = 11, kTrapFlagWord = 25,
                        kAccessCheckWord = 24;
inline constexpr size_t kExitFrameWord = 0, kExitFunctionWord = 1, kHandlerWord = 17;
inline constexpr bool kTwoLimits = true;
inline constexpr size_t kVectorsInUse[] = {0x08};
inline constexpr size_t kHeapStackStartInTarget = 0x698;
inline constexpr bool kShutdownList = true;
inline constexpr bool kStackReach = false;
#elif STACKFUL_LAYOUT == 13  // Node 24
inline constexpr const char* kNode = "24";
inline constexpr size_t kHandleImplementerBytes = 128;
inline constexpr size_t kHandleDataBytes = 24;
inline constexpr size_t kHandleDataInImplementer = 104;
inline constexpr size_t kSpareInImplementer = 0x50;
inline constexpr size_t kManagerAnchors = 0x18;
inline constexpr size_t kInterruptScopes = 0x30;
inline constexpr size_t kThreadIdWord = 13, kIsolateWord = 12, kTryCatchWord = 11, kTrapFlagWord = 25,
                        kAccessCheckWord = 24;
inline constexpr size_t kExitFrameWord = 0, kExitFunctionWord = 1, kHandlerWord = 17;
inline constexpr bool kTwoLimits = false;
inline constexpr size_t kVectorsInUse[] = {0x08};
inline constexpr size_t kHeapStackStartInTarget = 0x6c0;
inline constexpr bool kShutdownList = false;
inline constexpr bool kStackReach = true;
#elif STACKFUL_LAYOUT == 14  // Node 26
inline constexpr const char* kNode = "26";
inline constexpr size_t kHandleImplementerBytes = 128;
inline constexpr size_t kHandleDataBytes = 24;
inline constexpr size_t kHandleDataInImplementer = 104;
inline constexpr size_t kSpareInImplementer = 0x50;
inline constexpr size_t kManagerAnchors = 0x18;
inline constexpr size_t kInterruptScopes = 0x30;
inline constexpr size_t kThreadIdWord = 13, kIsolateWord = 12, kTryCatchWord = 11, kAccessCheckWord = 24;
inline constexpr size_t kTrapFlagWord = SIZE_MAX;  // gone from ThreadLocalTop
inline constexpr size_t kExitFrameWord = 0, kExitFunctionWord = 1, kHandlerWord = 17;
inline constexpr bool kTwoLimits = false;
inline constexpr size_t kVectorsInUse[] = {0x08};
inline constexpr size_t kHeapStackStartInTarget = 0x750;
inline constexpr bool kShutdownList = false;
inline constexpr bool kStackReach = true;
#else
#error "stackful: this V8 is not known; supported are those of Node 20, 22, 24 and 26"
#endif

inline constexpr size_t kThreadTopBytes = v8::internal::Internals::kThreadLocalTopSize;
inline constexpr size_t kThreadTopWords = kThreadTopBytes / 8;
inline constexpr size_t kEntrySpWord = 0x98 / 8;
// Of a JavaScript frame, in words from its frame pointer.
inline constexpr int kFunctionInFrame = -2;
inline constexpr size_t kHandleBlockBytes = 1022 * 8;
// A DetachableVector is [data, capacity, size]; the first one of the implementer is its list of handle blocks.
inline constexpr size_t kBlocksInImplementer = 8;
inline constexpr size_t kVectorBytes = 24;
// StackGuard: [isolate, real limit, real C limit, limit, C limit, ...] at this offset of the isolate.
inline constexpr size_t kStackGuard = 8;
inline constexpr size_t kRealLimit = kStackGuard + 8;
inline constexpr size_t kLimit = kStackGuard + 0x18;
inline constexpr uint64_t kInterruptPending = ~uint64_t{1};

inline constexpr size_t kTopInImage = kHandleImplementerBytes;
inline constexpr size_t kRelocatableInImage = kTopInImage + kThreadTopBytes;
// Behind that V8 archives its stack guard (48 or 56 bytes) and its debugger's state (96). Visitors look at tagged slots
// of the latter, so all of it is zero (Smi 0), wherever they are.
inline constexpr size_t kTailBytes = 0x98;
inline constexpr size_t kStackGuardBytes = 48;
// Where walk_ahead.h keeps an object of its own.
inline constexpr size_t kChainLinkInImage = kRelocatableInImage + 8;
// Behind it, where the engine keeps a stack's foreign_state.h.
inline constexpr size_t kForeignInImage = kChainLinkInImage + 24;
static_assert(kForeignInImage + 8 <= kRelocatableInImage + 8 + kStackGuardBytes);
inline constexpr size_t kImageBytes = kRelocatableInImage + 8 + kTailBytes;

}  // namespace layout

// The same numbers as discovery sees them: a copy, so that a test can make one wrong without touching the switch.
struct Layout {
  size_t handleImplementerBytes = layout::kHandleImplementerBytes;
  size_t handleDataBytes = layout::kHandleDataBytes;
  size_t handleDataInImplementer = layout::kHandleDataInImplementer;
  size_t blocksInImplementer = layout::kBlocksInImplementer;
  size_t vectorBytes = layout::kVectorBytes;
  size_t spareInImplementer = layout::kSpareInImplementer;
  size_t handleBlockBytes = layout::kHandleBlockBytes;
  size_t managerAnchors = layout::kManagerAnchors;
  size_t stackGuard = layout::kStackGuard;
  size_t realLimit = layout::kRealLimit;
  size_t limit = layout::kLimit;
  size_t interruptPending = layout::kInterruptPending;
  size_t interruptScopes = layout::kInterruptScopes;
  size_t twoLimits = layout::kTwoLimits;
  size_t threadTopBytes = layout::kThreadTopBytes;
  size_t threadIdWord = layout::kThreadIdWord;
  size_t isolateWord = layout::kIsolateWord;
  size_t tryCatchWord = layout::kTryCatchWord;
  size_t trapFlagWord = layout::kTrapFlagWord;
  size_t accessCheckWord = layout::kAccessCheckWord;
  size_t entrySpWord = layout::kEntrySpWord;
  size_t handlerWord = layout::kHandlerWord;
  size_t heapStackStartInTarget = layout::kHeapStackStartInTarget;
  size_t shutdownList = layout::kShutdownList;
  size_t stackReach = layout::kStackReach;
};
}  // namespace stackful::engine
