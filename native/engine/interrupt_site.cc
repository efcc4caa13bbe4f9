#include "interrupt_site.h"

#include <cstring>
#include <string>
#include <vector>

#include "external.h"
#include "probe.h"
#include "v8_layout.h"

namespace stackful::engine {
namespace {

// Calls request() in a function of the given tier and goes on until the interrupt has come. V8's own test functions put
// the function into the tier; where a tier is switched off, it stays in the one below. Returns whether the tier is on.
constexpr const char kProbe[] = R"js((function (tier, request, seen) {
  function callee(done) { return done; }
  function entry() { seen[0] = 0; request(entry); callee(1); return seen[0]; }
  function loop() { seen[0] = 0; request(loop); let i = 0; while (seen[0] === 0 && i < 2e6) i++; return i; }
  // Optimising starts beside us at once, and what is under way is not started again.
  const warmUp = () => { %PrepareFunctionForOptimization(loop); loop(); loop(); %FinalizeOptimization(); };
  if (tier.startsWith('baseline') && %IsSparkplugEnabled()) { %CompileBaseline(callee); %CompileBaseline(loop); }
  if (tier === 'maglev' && %IsMaglevEnabled()) { warmUp(); %OptimizeMaglevOnNextCall(loop); }
  if (tier === 'turbofan' && %IsTurbofanEnabled()) { warmUp(); %OptimizeFunctionOnNextCall(loop); }
  (tier.endsWith('entry') ? entry : loop)();
  return tier === 'maglev' ? %IsMaglevEnabled() : tier === 'turbofan' ? %IsTurbofanEnabled() : true;
}))js";
constexpr const char kDeoptimise[] = "(function (f) { %DeoptimizeFunction(f); })";
// Throwing any function's code away, V8 looks for all that is marked.
constexpr const char kSweep[] = R"js((function () {
  function any(x) { return x + 1; }
  %PrepareFunctionForOptimization(any); any(1); any(2); %OptimizeFunctionOnNextCall(any); any(3);
  %DeoptimizeFunction(any);
}))js";
// The largest code whose beginning is looked for, and how much of the object that describes it is looked at.
constexpr uint64_t kMostCode = 512 << 10;
constexpr size_t kCodeWords = 16;
// On a busy machine, one in ten functions that are to be optimised still ran as they were before.
constexpr int kMostAttempts = 20;

bool compile(v8::Isolate* isolate, const std::string& source, v8::Global<v8::Function>& result) {
  v8::HandleScope scope(isolate);
  v8::TryCatch caught(isolate);
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::String> text;
  v8::Local<v8::Script> script;
  v8::Local<v8::Value> function;
  if (!v8::String::NewFromUtf8(isolate, source.c_str()).ToLocal(&text) ||
      !v8::Script::Compile(context, text).ToLocal(&script) || !script->Run(context).ToLocal(&function)) {
    return false;
  }
  result.Reset(isolate, function.As<v8::Function>());
  return true;
}

bool among(uint64_t function, const uint64_t* all, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (function == all[i]) return true;
  }
  return false;
}

}  // namespace

struct InterruptSites::Probe {
  InterruptSites* sites;
  bool learnMark;
  uint8_t* seen;
  v8::Global<v8::Function> caller;  // who asked for the interrupt
  Observation observation;
};

void InterruptSites::request(const v8::FunctionCallbackInfo<v8::Value>& info) {
  auto* probe = static_cast<Probe*>(externalValue(info.Data()));
  probe->caller.Reset(info.GetIsolate(), info[0].As<v8::Function>());
  probe->observation = {};
  info.GetIsolate()->RequestInterrupt(record, probe);
}

// The frame that JavaScript left for the C++ code that runs now.
uint64_t InterruptSites::exitFrame() const noexcept {
  return found_.threadTop[layout::kExitFrameWord];
}

ExitFunction InterruptSites::calledFunction() const noexcept {
  return exitFunction(found_, exitFrame(), builtinsBegin_, builtinsEnd_);
}

v8::Local<v8::Value> InterruptSites::functionOf(const uint64_t* frame) const noexcept {
  v8::Local<v8::Value> handle = v8::Local<v8::Value>::New(isolate_, v8::Number::New(isolate_, 0.5));
  *reinterpret_cast<uint64_t*>(*handle) = frame[layout::kFunctionInFrame];
  return handle;
}

void InterruptSites::record(v8::Isolate* isolate, void* data) {
  auto* probe = static_cast<Probe*>(data);
  InterruptSites& sites = *probe->sites;
  const uint64_t* top = sites.found_.threadTop;
  const auto sp = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  const uint64_t end = *sites.found_.stackStartThread;
  Observation& seen = probe->observation;
  *probe->seen = 1;
  const uint64_t exit = sites.exitFrame(), handler = top[layout::kHandlerWord];
  if (exit <= sp || exit >= end || handler <= exit || handler >= end) return;
  const uint64_t next = *reinterpret_cast<uint64_t*>(handler);
  seen.handlerOnStack = next == 0 || (next > handler && next < end);
  seen.exit = sites.calledFunction();
  seen.fromBuiltin = sites.inBuiltins(reinterpret_cast<const uint64_t*>(exit)[1]);
  const uint64_t frame = *reinterpret_cast<const uint64_t*>(exit);
  if (seen.fromBuiltin || frame <= exit || frame >= end) return;
  // Compiled code has no frame between its function's and V8's.
  v8::HandleScope scope(isolate);
  seen.frameHoldsCaller =
      sites.functionOf(reinterpret_cast<const uint64_t*>(frame))->StrictEquals(probe->caller.Get(isolate));
  if (seen.frameHoldsCaller && probe->learnMark) sites.learnMark(reinterpret_cast<const uint64_t*>(exit));
}

bool InterruptSites::call(const v8::Global<v8::Function>& function,
                          v8::Local<v8::Value> argument) const noexcept {
  v8::TryCatch caught(isolate_);
  v8::Local<v8::Context> context = isolate_->GetCurrentContext();
  const bool done = !function.Get(isolate_)->Call(context, v8::Undefined(isolate_), 1, &argument).IsEmpty();
  // It was meant for the code that is interrupted.
  if (caught.HasTerminated()) isolate_->TerminateExecution();
  return done;
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

// What changes in an optimised function's code object when V8 is told to throw it away; one bit, or we know nothing.
void InterruptSites::learnMark(const uint64_t* exit) noexcept {
  v8::HandleScope scope(isolate_);
  const uint64_t pc = exit[1];
  uint64_t code, before[kCodeWords];
  if (!codeObjectAround(pc, code) || !readSafely(code, before, sizeof before)) return;
  const auto* words = reinterpret_cast<const uint64_t*>(code);
  if (!call(deoptimise_, functionOf(reinterpret_cast<const uint64_t*>(exit[0]))) || exit[1] == pc) return;
  size_t word = kCodeWords;
  for (size_t i = 0; i < kCodeWords; ++i) {
    if (words[i] == before[i]) continue;
    if (word != kCodeWords) return;
    word = i;
  }
  if (word == kCodeWords) return;
  const uint64_t bit = words[word] ^ before[word];
  if (__builtin_popcountll(bit) != 1 || (words[word] & bit) == 0) return;
  markWord_ = word;
  markBit_ = bit;
}

bool InterruptSites::observe(const char* tier, Observation& seen) {
  v8::HandleScope scope(isolate_);
  v8::TryCatch caught(isolate_);
  v8::Local<v8::Context> context = isolate_->GetCurrentContext();
  v8::Local<v8::ArrayBuffer> memory = v8::ArrayBuffer::New(isolate_, 1);
  Probe probe{
      this, strcmp(tier, "turbofan") == 0, static_cast<uint8_t*>(memory->GetBackingStore()->Data()), {}, {}};
  v8::Local<v8::External> data = external(isolate_, &probe);
  v8::Local<v8::Function> ask;
  v8::Local<v8::String> name;
  if (!v8::Function::New(context, request, data).ToLocal(&ask) ||
      !v8::String::NewFromUtf8(isolate_, tier).ToLocal(&name)) {
    return false;
  }
  v8::Local<v8::Value> arguments[] = {name, ask, v8::Uint8Array::New(memory, 0, 1)};
  v8::Local<v8::Value> on;
  if (!probe_.Get(isolate_)->Call(context, v8::Undefined(isolate_), 3, arguments).ToLocal(&on)) return false;
  seen = probe.observation;
  seen.tierIsOn = on->IsTrue();
  return *probe.seen == 1 && seen.exit.address != 0 && seen.handlerOnStack;
}

// Where the builtins that run are: in Node's executable, or in a copy of them beside the compiled code, which V8 makes on
// machines with enough memory (Node 22 and later here), so that calls are short. V8 tells where one of those that run is,
// the stub that enters JavaScript; its twin in the executable tells how far the copy is away.
bool InterruptSites::locateBuiltins() noexcept {
  const void* code;
  size_t bytes;
  isolate_->GetEmbeddedCodeRange(&code, &bytes);
  const v8::MemoryRange stub = isolate_->GetJSEntryStubs().js_entry_stub.code;
  builtinsBegin_ = reinterpret_cast<uint64_t>(code);
  builtinsEnd_ = builtinsBegin_ + bytes;
  if (stub.length_in_bytes == 0) return false;
  if (inBuiltins(reinterpret_cast<uint64_t>(stub.start))) return true;
  const auto* twin = static_cast<const uint8_t*>(memmem(code, bytes, stub.start, stub.length_in_bytes));
  if (!twin || memmem(twin + 1, builtinsEnd_ - reinterpret_cast<uint64_t>(twin + 1), stub.start,
                      stub.length_in_bytes)) {
    return false;
  }
  const uint64_t distance = reinterpret_cast<uint64_t>(stub.start) - reinterpret_cast<uint64_t>(twin);
  builtinsBegin_ += distance;
  builtinsEnd_ += distance;
  std::vector<uint8_t> copy(bytes);
  return readSafely(builtinsBegin_, copy.data(), bytes) && memcmp(copy.data(), code, bytes) == 0;
}

bool InterruptSites::learn(std::string& reason) {
  if (!locateBuiltins()) return reason = "V8's builtins", false;
  // A flag that stays as it is if somebody has set it: then the sources compile already.
  v8::Global<v8::Function> unused;
  const bool allowed = compile(isolate_, kDeoptimise, unused);
  if (!allowed) v8::V8::SetFlagsFromString("--allow-natives-syntax");
  bool compiled = compile(isolate_, kProbe, probe_) && compile(isolate_, kDeoptimise, deoptimise_) &&
                  compile(isolate_, kSweep, sweep_);
  v8::HandleScope scope(isolate_);
  Observation plain, baseline, entry, plainEntry, turbofan, maglevLoop;
  // Another source each time, because V8 would find the code of the same one again.
  std::string source = kProbe;
  const auto compileProbeAnew = [&] { return compile(isolate_, source += ";", probe_); };
  const auto observeInterpreter = [&] { return observe("plain", plain) && observe("entry", plainEntry); };
  // Functions inside are compiled at their first call, which is why the flag stays on until here.
  // A function stays in the tier it has been brought to, so the order is from the lowest.
  bool observed = compiled && observeInterpreter();
  if (observed && !plain.fromBuiltin) {
    // With --always-sparkplug only what has been thrown away is interpreted, and does not get out of its loop any more
    // (no on-stack replacement).
    v8::V8::SetFlagsFromString("--no-always-sparkplug");
    observed = compileProbeAnew() && observeInterpreter();
    v8::V8::SetFlagsFromString("--always-sparkplug");
  }
  observed = observed && observe("baseline", baseline) && observe("baseline entry", entry);
  const auto observeOptimised = [&](const char* tier, Observation& seen) {
    for (int attempt = 0; observe(tier, seen); ++attempt) {
      if (!seen.tierIsOn || (!seen.fromBuiltin && seen.exit.address != baseline.exit.address)) return true;
      // V8 optimises nothing now, because of a debugger for instance. Nor will it be preempted there.
      if (attempt == kMostAttempts) return true;
      if (!compileProbeAnew()) break;
    }
    return false;
  };
  observed = observed && observeOptimised("maglev", maglevLoop) && observeOptimised("turbofan", turbofan);
  if (observed && markBit_ != 0) observed = call(sweep_, v8::Undefined(isolate_));
  if (!allowed) v8::V8::SetFlagsFromString("--no-allow-natives-syntax");
  if (!compiled) return reason = "the probe of interrupts does not compile", false;
  if (!observed) return reason = "interrupts", false;
  // With a tier switched off, what we see there is the tier below it.
  const bool compiles = !baseline.fromBuiltin;
  if (plain.fromBuiltin) builtins_[0] = plain.exit.address;
  if (compiles) baselineBackEdge_ = baseline.exit.address;
  if (compiles) compiledEntry_ = entry.exit.address;
  if (plainEntry.fromBuiltin && plainEntry.exit.address != compiledEntry_)
    builtins_[1] = plainEntry.exit.address;
  // Functions are told apart on arm64 by which is the outermost: none may end in a jump to what another one calls.
  if (compiles && plain.fromBuiltin && plain.exit.address == baseline.exit.address)
    return reason = "what V8 calls for interrupts", false;
  const Observation* const all[] = {&plain, &plainEntry, &baseline, &entry, &turbofan, &maglevLoop};
  for (const Observation* one : all) {
    for (const Observation* other : all) {
      if (among(one->exit.address, other->exit.called, other->exit.calledCount))
        return reason = "what V8 calls for interrupts", false;
    }
  }
  const Observation* loops[] = {&turbofan, &maglevLoop};
  for (int i = 0; i < 2; ++i) {
    if (loops[i]->fromBuiltin || loops[i]->exit.address == baselineBackEdge_) continue;
    if (!loops[i]->frameHoldsCaller) return reason = "the frames of interrupted functions", false;
    optimisedLoops_[i] = loops[i]->exit.address;
  }
  // Without an open back-edge nothing could be preempted; of the rest, what is not known is not open.
  return builtins_[0] != 0 || baselineBackEdge_ != 0 || (reason = "interrupts of loops", false);
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
