// How many random runs a property is checked over.
#pragma once

#include <cstdint>

namespace stackful::test {

// Under an emulator each takes twenty times as long.
#ifdef STACKFUL_EMULATED
inline constexpr uint32_t kSeeds = 2'000;
#else
inline constexpr uint32_t kSeeds = 100'000;
#endif

}  // namespace stackful::test
