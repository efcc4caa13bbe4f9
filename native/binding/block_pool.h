// Memory of Buffers between 4 and 64 KiB, used again when they are collected. From malloc such memory comes and goes in bursts, and
// between them the allocator gives pages back: in a virtual machine the faults that bring them again were half the cost of an echo
// of 16 KiB.
#pragma once

#include <v8.h>

#include <cstddef>
#include <memory>

namespace stackful::binding {

inline constexpr size_t kMostBlock = size_t{64} << 10;

// Memory for `size` bytes, kMostBlock at most, that goes back when its last user is done; nullptr when there is none.
std::unique_ptr<v8::BackingStore> takeBlock(size_t size);

}  // namespace stackful::binding
