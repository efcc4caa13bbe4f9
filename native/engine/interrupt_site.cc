#include "interrupt_site.h"

#include "handles.h"
#include "own_call.h"
#include "probe.h"
#include "v8_layout.h"

namespace stackful::engine {
namespace {

// The largest code whose beginning is looked for.
constexpr uint64_t kMostCode = 512 << 10;

}  // namespace

bool InterruptSites::among(uint64_t function, const uint64_t* all, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) {
    if (function == all[i]) return true;
  }
  return false;
}

// The frame that JavaScript left for the C++ code that runs now.
uint64_t InterruptSites::exitFrame() const noexcept {
  return found_.threadTop[layout::kExitFrameWord];
}

ExitFunction InterruptSites::calledFunction() const noexcept {
  return exitFunction(found_, exitFrame(), builtinsBegin_, builtinsEnd_);
}

v8::Local<v8::Value> InterruptSites::functionOf(const uint64_t* frame) const noexcept {
  return handleTo(isolate_, frame[layout::kFunctionInFrame]);
}

bool InterruptSites::call(const v8::Global<v8::Function>& function,
                          v8::Local<v8::Value> argument) const noexcept {
  OwnCall own(isolate_);
  v8::Local<v8::Context> context = isolate_->GetCurrentContext();
  return !function.Get(isolate_)->Call(context, v8::Undefined(isolate_), 1, &argument).IsEmpty();
}

// Right before its first instruction, code refers to the object that describes it, which holds the address of that
// instruction: two words that name each other.
bool InterruptSites::codeObjectAround(uint64_t pc, uint64_t& code) noexcept {
  uint64_t chunk[512];
  uint64_t at = pc & ~uint64_t{sizeof chunk - 1};
  for (; pc - at < kMostCode; at -= sizeof chunk) {
    if (!readSafely(at, chunk, sizeof chunk)) return false;
    for (size_t i = sizeof chunk / 8; i-- > 0;) {
      const uint64_t header = at + i * 8, candidate = chunk[i] - 1;
      uint64_t object[kCodeWords];
      if (header >= pc || !plausibleAddress(candidate)) continue;
      if (!readSafely(candidate, object, sizeof object)) continue;
      for (uint64_t start : object) {
        if (start > header && start <= header + 128 && start <= pc && start % 32 == 0)
          return code = candidate, true;
      }
    }
  }
  return false;
}

InterruptSites::Place InterruptSites::place(const Execution& running) const noexcept {
  const auto sp = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  const uint64_t exit = exitFrame(), function = calledFunction().address;
  // C++ code that JavaScript has called; where it is entered in another way (regular expressions) this is zero, and the
  // frame is the one of the call before.
  if (function == 0 || exit <= sp || exit >= running.start) return Place::kElsewhere;
  if (function == compiledEntry_) return Place::kEntry;
  if (inBuiltins(reinterpret_cast<const uint64_t*>(exit)[1]))
    return among(function, builtins_, 2) ? Place::kOpen : Place::kElsewhere;
  if (function == baselineBackEdge_) return Place::kOpen;
  return among(function, optimisedLoops_, 2) ? Place::kOptimisedLoop : Place::kElsewhere;
}

bool InterruptSites::insideNativeCall(const Execution& running) const noexcept {
  // Every entry into JavaScript pushes a handler, linked to that of the entry before; a coroutine's first has none.
  const uint64_t handler = found_.threadTop[layout::kHandlerWord];
  const auto sp = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  return handler <= sp || handler >= running.start || *reinterpret_cast<uint64_t*>(handler) != 0;
}

bool InterruptSites::deoptimise() const noexcept {
  v8::HandleScope scope(isolate_);
  const auto* exit = reinterpret_cast<const uint64_t*>(exitFrame());
  // Where the frame goes on is what V8 changes.
  const uint64_t pc = exit[1];
  v8::Local<v8::Value> function = functionOf(reinterpret_cast<const uint64_t*>(exit[0]));
  if (!function->IsFunction() || !call(deoptimise_, function)) return false;
  if (exit[1] != pc) return true;
  // Not the code the function would be called with now: entered in the middle of a loop, or older. V8 has no function
  // for that, so it is marked the way V8 itself does.
  uint64_t code;
  if (markBit_ == 0 || !codeObjectAround(pc, code)) return false;
  reinterpret_cast<uint64_t*>(code)[markWord_] |= markBit_;
  return call(sweep_, v8::Undefined(isolate_)) && exit[1] != pc;
}

}  // namespace stackful::engine
