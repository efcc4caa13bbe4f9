#include "stack_guard.h"

#include <sys/mman.h>

#include <atomic>
#include <cstring>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102  // Linux 6.13
#endif

namespace stackful::stack {
namespace {

constexpr const char* kNames[] = {"undecided", "guard-install", "mprotect", "none"};

// Shared by the environments of all threads; each of them would find out the same.
std::atomic<Guard> inUse{Guard::kUndecided};
std::atomic<size_t> protectedCount{0};

bool protect(char* at) noexcept {
  if (protectedCount.fetch_add(1, std::memory_order_relaxed) < kMostProtected &&
      mprotect(at, kGuardBytes, PROT_NONE) == 0) {
    return true;
  }
  protectedCount.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

}  // namespace

Guard guardInUse() noexcept {
  return inUse.load(std::memory_order_relaxed);
}

const char* guardName() noexcept {
  return kNames[static_cast<int>(guardInUse())];
}

void useGuard(Guard kind) noexcept {
  inUse = kind;
}

bool useGuardNamed(const char* name) noexcept {
  for (int i = 0; i < 4; ++i) {
    if (strcmp(name, kNames[i]) == 0) return useGuard(static_cast<Guard>(i)), true;
  }
  return false;
}

bool installGuard(char* at) noexcept {
  Guard kind = guardInUse();
  if (kind == Guard::kUndecided || kind == Guard::kInstall) {
    const bool done = madvise(at, kGuardBytes, MADV_GUARD_INSTALL) == 0;
    if (kind == Guard::kUndecided) inUse = kind = done ? Guard::kInstall : Guard::kProtect;
    if (done) return false;
  }
  return kind == Guard::kProtect && protect(at);
}

void removeGuards(size_t count) noexcept {
  protectedCount.fetch_sub(count, std::memory_order_relaxed);
}

}  // namespace stackful::stack
