// What differs between the V8 versions we know: sizes and field positions that no public header gives.
// Every number here is checked against the running V8 before it is used (discovery.cc), so a wrong one is a refusal
// to load and never a crash. Offsets that V8's own headers publish are taken from there.
#pragma once

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

#if V8_MAJOR_VERSION == 11  // Node 20
inline constexpr const char* kNode = "20";
inline constexpr size_t kHandleImplementerBytes = 152;
inline constexpr size_t kHandleDataBytes = 32;
inline constexpr size_t kHandleDataInImplementer = 120;
inline constexpr size_t kSpareInImplementer = 0x68;
inline constexpr size_t kManagerAnchors = 0x38;
inline constexpr size_t kStackGuardArchiveBytes = 0x30;
inline constexpr size_t kInterruptScopes = 0x28;
inline constexpr size_t kThreadIdWord = 3, kIsolateWord = 1, kTryCatchWord = 0, kTrapFlagWord = 24,
                        kAccessCheckWord = 23;
inline constexpr bool kTwoLimits = true;
inline constexpr size_t kHeapStackStartInTarget = 0;  // the word is in the isolate itself
inline constexpr bool kShutdownList = false;
#elif V8_MAJOR_VERSION == 12  // Node 22
inline constexpr const char* kNode = "22";
inline constexpr size_t kHandleImplementerBytes = 120;
inline constexpr size_t kHandleDataBytes = 24;
inline constexpr size_t kHandleDataInImplementer = 96;
inline constexpr size_t kSpareInImplementer = 0x50;
inline constexpr size_t kManagerAnchors = 0x38;
inline constexpr size_t kStackGuardArchiveBytes = 0x38;
inline constexpr size_t kInterruptScopes = 0x30;
inline constexpr size_t kThreadIdWord = 13, kIsolateWord = 12, kTryCatchWord = 11, kTrapFlagWord = 25,
                        kAccessCheckWord = 24;
inline constexpr bool kTwoLimits = true;
inline constexpr size_t kHeapStackStartInTarget = 0x698;
inline constexpr bool kShutdownList = true;
#elif V8_MAJOR_VERSION == 13  // Node 24
inline constexpr const char* kNode = "24";
inline constexpr size_t kHandleImplementerBytes = 128;
inline constexpr size_t kHandleDataBytes = 24;
inline constexpr size_t kHandleDataInImplementer = 104;
inline constexpr size_t kSpareInImplementer = 0x50;
inline constexpr size_t kManagerAnchors = 0x18;
inline constexpr size_t kStackGuardArchiveBytes = 0x38;
inline constexpr size_t kInterruptScopes = 0x30;
inline constexpr size_t kThreadIdWord = 13, kIsolateWord = 12, kTryCatchWord = 11, kTrapFlagWord = 25,
                        kAccessCheckWord = 24;
inline constexpr bool kTwoLimits = false;
inline constexpr size_t kHeapStackStartInTarget = 0x6c0;
inline constexpr bool kShutdownList = false;
#elif V8_MAJOR_VERSION == 14  // Node 26
inline constexpr const char* kNode = "26";
inline constexpr size_t kHandleImplementerBytes = 128;
inline constexpr size_t kHandleDataBytes = 24;
inline constexpr size_t kHandleDataInImplementer = 104;
inline constexpr size_t kSpareInImplementer = 0x50;
inline constexpr size_t kManagerAnchors = 0x18;
inline constexpr size_t kStackGuardArchiveBytes = 0x38;
inline constexpr size_t kInterruptScopes = 0x30;
inline constexpr size_t kThreadIdWord = 13, kIsolateWord = 12, kTryCatchWord = 11, kAccessCheckWord = 24;
inline constexpr size_t kTrapFlagWord = SIZE_MAX;  // gone from ThreadLocalTop
inline constexpr bool kTwoLimits = false;
inline constexpr size_t kHeapStackStartInTarget = 0x750;
inline constexpr bool kShutdownList = false;
#else
#error "stackful: this V8 is not known; supported are those of Node 20, 22, 24 and 26"
#endif

inline constexpr size_t kThreadTopBytes = v8::internal::Internals::kThreadLocalTopSize;
inline constexpr size_t kThreadTopWords = kThreadTopBytes / 8;
inline constexpr size_t kEntrySpWord = 0x98 / 8;
inline constexpr size_t kHandleBlockBytes = 1022 * 8;
// A DetachableVector is [data, capacity, size]; the first one of the implementer is its list of handle blocks.
inline constexpr size_t kBlocksInImplementer = 8;
inline constexpr size_t kVectorBytes = 24;
// StackGuard: [isolate, real limit, real C limit, limit, C limit, ...] at this offset of the isolate.
inline constexpr size_t kStackGuard = 8;
inline constexpr size_t kRealLimit = kStackGuard + 8;
inline constexpr size_t kLimit = kStackGuard + 0x18;
inline constexpr uint64_t kInterruptPending = ~uint64_t{1};
// What Debug archives behind the stack guard's part; visitors look at tagged slots in it, so it must be zero (Smi 0).
inline constexpr size_t kDebugArchiveBytes = 0x60;

inline constexpr size_t kTopInImage = kHandleImplementerBytes;
inline constexpr size_t kRelocatableInImage = kTopInImage + kThreadTopBytes;
inline constexpr size_t kImageBytes = kRelocatableInImage + 8 + kStackGuardArchiveBytes + kDebugArchiveBytes;

}  // namespace layout
}  // namespace stackful::engine
