// What stops a stack that runs past its end: a region below it whose touch is a SIGSEGV instead of a neighbour's memory.
//
// V8's own limit ends JavaScript long before (RangeError); the guard is for native code, which nothing else stops.
#pragma once

#include <cstddef>

namespace stackful::stack {

// Wide enough that one frame with a large local array does not step over it. Part of the slot whatever kind of guard
// there is.
inline constexpr size_t kGuardBytes = size_t{16} << 10;

// install:  MADV_GUARD_INSTALL (Linux 6.13): 315 ns each, splits no mapping, a million work.
// protect:  mprotect, where the kernel lacks it. Each takes two of the process's mappings, of which there are 65,530
//           (vm.max_map_count) and which everything else needs, too: the first kMostProtected stacks of a process get one.
// none:     the rest. V8's limit stays, and 64 KB below it before the stack ends, and the empty region itself.
enum class Guard { kUndecided, kInstall, kProtect, kNone };

// The kind in use; all threads share it. It is found out with the first stack.
Guard guardInUse() noexcept;
const char* guardName() noexcept;  // "guard-install", "mprotect", "none" or "undecided"

// For stacks allocated from now on: what STACKFUL_STACK_GUARD and tests ask for. kUndecided = the best there is.
void useGuard(Guard kind) noexcept;
// False when `name` is not one of guardName's.
bool useGuardNamed(const char* name) noexcept;

// A quarter of the mappings that a process has by default.
inline constexpr size_t kMostProtected = 8'000;

// True if the guard is one that removeGuards must be told of.
bool installGuard(char* at) noexcept;
// `count` guards for which installGuard was true are gone, unmapped with their arena.
void removeGuards(size_t count) noexcept;

}  // namespace stackful::stack
