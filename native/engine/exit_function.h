// Which of V8's C++ functions JavaScript has called: what tells one place where an interrupt is answered from another.
#pragma once

#include <cstddef>
#include <cstdint>

#include "discovery.h"

namespace stackful::engine {

struct ExitFunction {
  uint64_t address = 0;  // 0: JavaScript was left in another way than by V8's stub for such calls
  // What it has called in turn, as far as that is known, from the last.
  static constexpr size_t kMostCalled = 24;
  uint64_t called[kMostCalled] = {};
  size_t calledCount = 0;
};

// The function that the frame at `exit` (see layout::kExitFrameWord) was left for, by a stub that is one of the builtins
// between `builtinsBegin` and `builtinsEnd`. To be called from within that function.
ExitFunction exitFunction(const Discovery& found, uint64_t exit, uint64_t builtinsBegin,
                          uint64_t builtinsEnd) noexcept;

}  // namespace stackful::engine
