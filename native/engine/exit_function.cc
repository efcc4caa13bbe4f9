#include "exit_function.h"

#include <unwind.h>

#include "v8_layout.h"

namespace stackful::engine {

#if defined(__x86_64__)

// The stub notes it in ThreadLocalTop, and what leaves JavaScript without the stub notes zero.
ExitFunction exitFunction(const Discovery& found, uint64_t, uint64_t, uint64_t) noexcept {
  ExitFunction result;
  result.address = found.threadTop[layout::kExitFunctionWord];
  return result;
}

#else

namespace {

// On arm64 the stub notes it nowhere. It is found as for an exception, by the unwind tables of Node's executable: the
// outermost C++ function, called from the stub. (Builtins have no such tables, so the walk ends there.)
constexpr int kFramePointer = 29;

struct Walk {
  uint64_t exit, builtinsBegin, builtinsEnd;
  uint64_t outermost = 0;
  ExitFunction result;
};

_Unwind_Reason_Code look(_Unwind_Context* context, void* data) {
  auto* walk = static_cast<Walk*>(data);
  ExitFunction& result = walk->result;
  const uint64_t pc = _Unwind_GetIP(context);
  if (pc >= walk->builtinsBegin && pc < walk->builtinsEnd) {
    if (_Unwind_GetGR(context, kFramePointer) == walk->exit) result.address = walk->outermost;
    return _URC_NORMAL_STOP;
  }
  if (walk->outermost && result.calledCount < ExitFunction::kMostCalled)
    result.called[result.calledCount++] = walk->outermost;
  walk->outermost = _Unwind_GetRegionStart(context);
  return _URC_NO_REASON;
}

}  // namespace

ExitFunction exitFunction(const Discovery&, uint64_t exit, uint64_t builtinsBegin,
                          uint64_t builtinsEnd) noexcept {
  Walk walk{exit, builtinsBegin, builtinsEnd, 0, {}};
  _Unwind_Backtrace(look, &walk);
  return walk.result;
}

#endif

}  // namespace stackful::engine
