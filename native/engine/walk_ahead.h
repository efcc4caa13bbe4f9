// Prefetches parked stacks before V8 looks at them.
//
// A full collection walks every parked stack twice. By then each is long out of the caches, and lies on a page of its own:
// waiting for memory took 80 ms of 420 with 100,000 parked (Node 20). V8 has no hook on its way from one stack to the next,
// but each of them has a chain of Relocatable objects, and V8 calls a virtual function of every one. So that chain begins,
// for every parked stack, with an object of ours, which does nothing but prefetch the memory of those that come next.
//
// Why this is safe. Relocatable has four virtual functions: two of its destructor, IterateInstance, and
// PostGarbageCollection, which is only called for the running stack's chain, where ours never is. All entries of our table
// are the same function, which takes the object, returns nothing, and reads the list of states, which does not change
// during a collection. Discovery has seen a live object of V8's: its layout, and that it begins with a table of functions.
// What is fetched may be anything: a fetch never faults.
#pragma once

#include <cstdint>

#include "v8_layout.h"

namespace stackful::engine::walk_ahead {

// Makes our object the head of the chain in `image`, which has to be that of an Execution, and what is behind it empty.
void install(uint64_t* image) noexcept;

// The rest of the chain: what V8's relocatable_top was on that stack.
inline uint64_t& chain(uint64_t* image) noexcept {
  return image[layout::kChainLinkInImage / 8 + 2];
}

// How often V8 has called our objects so far, in all threads together; roughly, if several collect at once.
uint64_t visits() noexcept;

}  // namespace stackful::engine::walk_ahead
