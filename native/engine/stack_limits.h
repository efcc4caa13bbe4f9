// The limit of the running stack, where other threads ask for interrupts: they overwrite it at any moment. So it only
// changes if it still is what it was: a request stays in place, whether it came just before or just after, and belongs to
// the isolate, not the stack.
//
// Node 20 and 22 have a second one beside it, for C++ code, which is overwritten right after the first. It follows the first:
// one locked instruction serves both. (It saves a switch nothing that can be measured: two in a row cost what one does.)
#pragma once

#include <cstdint>

namespace stackful::engine {

template <bool kTwo>
inline __attribute__((always_inline)) void moveLimits(uint64_t* limits, uint64_t from, uint64_t to) noexcept {
  if constexpr (kTwo) __atomic_store_n(limits + 1, to, __ATOMIC_RELAXED);
  // A full barrier, too: a request that is not seen here comes after the store above and overwrites it. Were the two words
  // ever overwritten in the other order, C++ code in a loop would learn of that request as late as JavaScript does.
  if (!__atomic_compare_exchange_n(limits, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
      [[unlikely]] {
    if constexpr (kTwo) __atomic_store_n(limits + 1, from, __ATOMIC_RELAXED);
  }
}

}  // namespace stackful::engine
