// How many random runs a property is checked over.
#pragma once

#include <cstdint>

namespace stackful::test {

// Under an emulator, and with a look at each access for races, each takes ten to twenty times as long.
#if defined(STACKFUL_EMULATED) || defined(__SANITIZE_THREAD__)
inline constexpr uint32_t kSeeds = 2'000;
#else
inline constexpr uint32_t kSeeds = 100'000;
#endif

}  // namespace stackful::test
