// How InterruptSites learns the places, in three steps: functions of our own are compiled, interrupted in every tier, and what was
// seen there is compared.
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "interrupt_site.h"
#include "own_call.h"
#include "probe.h"
#include "v8_layout.h"

namespace stackful::engine {
namespace {

// Calls request() in a function of the given tier and goes on until the interrupt has come, or for so many rounds. V8's own
// test functions put the function into the tier; without Sparkplug it stays in the interpreter. Returns whether an
// optimising tier is on, and does nothing where it is not.
constexpr const char kProbe[] = R"js((function (tier, request, seen, rounds) {
  if (tier === 'maglev' && !%IsMaglevEnabled() || tier === 'turbofan' && !%IsTurbofanEnabled()) return false;
  function callee(done) { return done; }
  function entry() { seen[0] = 0; request(entry); callee(1); return seen[0]; }
  function loop() { seen[0] = 0; request(loop); let i = 0; while (seen[0] === 0 && i < rounds) i++; return i; }
  // Optimising starts beside us at once, and what is under way is not started again.
  const warmUp = () => { %PrepareFunctionForOptimization(loop); loop(); loop(); %FinalizeOptimization(); };
  if (tier.startsWith('baseline') && %IsSparkplugEnabled()) { %CompileBaseline(callee); %CompileBaseline(loop); }
  if (tier === 'maglev') { warmUp(); %OptimizeMaglevOnNextCall(loop); }
  if (tier === 'turbofan') { warmUp(); %OptimizeFunctionOnNextCall(loop); }
  (tier.endsWith('entry') ? entry : loop)();
  return true;
}))js";
constexpr const char kDeoptimise[] = "(function (f) { %DeoptimizeFunction(f); })";
// Throwing any function's code away, V8 looks for all that is marked.
constexpr const char kSweep[] = R"js((function () {
  function any(x) { return x + 1; }
  %PrepareFunctionForOptimization(any); any(1); any(2); %OptimizeFunctionOnNextCall(any); any(3);
  %DeoptimizeFunction(any);
}))js";
// On a busy machine, one in ten functions that are to be optimised still ran as they were before.
constexpr int kMostAttempts = 20;
// Loops that are not optimised see an interrupt after some hundred rounds; those of a function that V8 is compiling just
// then, or finds too long to optimise, after 2^30 bytes of bytecode, which is half a second.
constexpr double kRounds = 2e6, kMostRounds = 2e8;

// A flag of V8's that is another while this exists.
class FlagMeanwhile {
 public:
  FlagMeanwhile(const char* now, const char* afterwards) noexcept : afterwards_(afterwards) {
    v8::V8::SetFlagsFromString(now);
  }
  ~FlagMeanwhile() { v8::V8::SetFlagsFromString(afterwards_); }
  FlagMeanwhile(const FlagMeanwhile&) = delete;
  FlagMeanwhile& operator=(const FlagMeanwhile&) = delete;

 private:
  const char* const afterwards_;
};

bool compile(v8::Isolate* isolate, const std::string& source, v8::Global<v8::Function>& result) {
  v8::HandleScope scope(isolate);
  OwnCall own(isolate);
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

}  // namespace

// While one exists, interrupts that it has asked for are noted in it. A loop can end before its interrupt comes, which V8
// then delivers wherever JavaScript checks next, and cannot be told not to: so what it is given is no pointer but a
// number, which is that of no later probe.
struct InterruptSites::Probe {
  Probe(InterruptSites* owner, bool learns, uint8_t* flag) : sites(owner), learnMark(learns), seen(flag) {
    current = this;
  }
  ~Probe() { current = nullptr; }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  InterruptSites* sites;
  bool learnMark;
  uint8_t* seen;
  v8::Global<v8::Function> caller{};  // who asked for the interrupt
  Observation observation{};
  const uintptr_t number = ++made;

  static thread_local Probe* current;
  static thread_local uintptr_t made;
};
thread_local InterruptSites::Probe* InterruptSites::Probe::current = nullptr;
thread_local uintptr_t InterruptSites::Probe::made = 0;

void InterruptSites::request(const v8::FunctionCallbackInfo<v8::Value>& info) {
  Probe* probe = Probe::current;
  probe->caller.Reset(info.GetIsolate(), info[0].As<v8::Function>());
  probe->observation = {};
  info.GetIsolate()->RequestInterrupt(record, reinterpret_cast<void*>(probe->number));
}

void InterruptSites::record(v8::Isolate* isolate, void* number) {
  Probe* probe = Probe::current;
  if (!probe || probe->number != reinterpret_cast<uintptr_t>(number)) return;
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

// What changes in an optimised function's code object when V8 is told to throw it away: one bit is set, or we know nothing.
// On Node 24 and later V8 also forgets where it has the function's entry (a half word becomes 0), which only matters for
// code that is called by that entry.
void InterruptSites::learnMark(const uint64_t* exit) noexcept {
  v8::HandleScope scope(isolate_);
  const uint64_t pc = exit[1];
  uint64_t code;
  uint32_t before[2 * kCodeWords];
  if (!codeObjectAround(pc, code) || !readSafely(code, before, sizeof before)) return;
  const auto* after = reinterpret_cast<const uint32_t*>(code);
  if (!call(deoptimise_, functionOf(reinterpret_cast<const uint64_t*>(exit[0]))) || exit[1] == pc) return;
  size_t at = 0;
  uint32_t bit = 0;
  for (size_t i = 0; i < 2 * kCodeWords; ++i) {
    if (after[i] == before[i] || after[i] == 0) continue;
    if (bit != 0 || (before[i] & ~after[i]) != 0) return;
    bit = after[i] ^ before[i];
    at = i;
  }
  if (__builtin_popcount(bit) != 1) return;
  markWord_ = at / 2;
  markBit_ = uint64_t{bit} << (at % 2 * 32);
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

bool InterruptSites::observe(const char* tier, double rounds, Observation& seen) {
  v8::HandleScope scope(isolate_);
  OwnCall own(isolate_);
  v8::Local<v8::Context> context = isolate_->GetCurrentContext();
  v8::Local<v8::ArrayBuffer> memory = v8::ArrayBuffer::New(isolate_, 1);
  Probe probe(this, strcmp(tier, "turbofan") == 0, static_cast<uint8_t*>(memory->GetBackingStore()->Data()));
  v8::Local<v8::Function> ask;
  v8::Local<v8::String> name;
  if (!v8::Function::New(context, request).ToLocal(&ask) ||
      !v8::String::NewFromUtf8(isolate_, tier).ToLocal(&name)) {
    return false;
  }
  v8::Local<v8::Value> arguments[] = {name, ask, v8::Uint8Array::New(memory, 0, 1),
                                      v8::Number::New(isolate_, rounds)};
  v8::Local<v8::Value> on;
  if (!probe_.Get(isolate_)->Call(context, v8::Undefined(isolate_), 4, arguments).ToLocal(&on)) return false;
  seen = probe.observation;
  seen.tierIsOn = on->IsTrue();
  seen.interrupted = *probe.seen == 1;
  return !seen.interrupted || (seen.exit.address != 0 && seen.handlerOnStack);
}

// Another source each time, because V8 would find the code of the same one again.
bool InterruptSites::compileProbe() {
  source_ += source_.empty() ? kProbe : ";";
  return compile(isolate_, source_, probe_);
}

bool InterruptSites::observeSurely(const char* tier, Observation& seen) {
  for (double rounds : {kRounds, kMostRounds}) {
    if (!observe(tier, rounds, seen)) return false;
    if (seen.interrupted) return true;
  }
  return false;
}

bool InterruptSites::observeInterpreter(Tiers& seen) {
  return observeSurely("plain", seen.plain) && observeSurely("entry", seen.plainEntry);
}

bool InterruptSites::observeOptimised(const char* tier, const Tiers& lower, Observation& seen) {
  for (int attempt = 0; observe(tier, kRounds, seen); ++attempt) {
    if (!seen.tierIsOn ||
        (seen.interrupted && !seen.fromBuiltin && seen.exit.address != lower.baseline.exit.address))
      return true;
    // V8 optimises nothing now, because of a debugger for instance. Nor will it be preempted there.
    if (attempt == kMostAttempts) return true;
    if (!compileProbe()) break;
  }
  return false;
}

// A function stays in the tier it has been brought to, so the order is from the lowest.
bool InterruptSites::observeTiers(Tiers& seen) {
  if (!observeInterpreter(seen)) return false;
  if (!seen.plain.fromBuiltin) {
    // With --always-sparkplug only what has been thrown away is interpreted, and does not get out of its loop any more
    // (no on-stack replacement).
    FlagMeanwhile interpreted("--no-always-sparkplug", "--always-sparkplug");
    if (!compileProbe() || !observeInterpreter(seen)) return false;
  }
  return observeSurely("baseline", seen.baseline) && observeSurely("baseline entry", seen.baselineEntry) &&
         observeOptimised("maglev", seen, seen.maglev) && observeOptimised("turbofan", seen, seen.turbofan) &&
         (markBit_ == 0 || call(sweep_, v8::Undefined(isolate_)));
}

bool InterruptSites::conclude(const Tiers& seen, std::string& reason) {
  // Without Sparkplug, what we see there is the interpreter.
  const bool compiles = !seen.baseline.fromBuiltin;
  if (seen.plain.fromBuiltin) builtins_[0] = seen.plain.exit.address;
  if (compiles) baselineBackEdge_ = seen.baseline.exit.address;
  if (compiles) compiledEntry_ = seen.baselineEntry.exit.address;
  if (seen.plainEntry.fromBuiltin && seen.plainEntry.exit.address != compiledEntry_)
    builtins_[1] = seen.plainEntry.exit.address;
  // Functions are told apart on arm64 by which is the outermost: none may end in a jump to what another one calls.
  if (compiles && seen.plain.fromBuiltin && seen.plain.exit.address == seen.baseline.exit.address)
    return reason = "what V8 calls for interrupts", false;
  const Observation* const all[] = {&seen.plain,         &seen.plainEntry, &seen.baseline,
                                    &seen.baselineEntry, &seen.turbofan,   &seen.maglev};
  for (const Observation* one : all) {
    for (const Observation* other : all) {
      if (among(one->exit.address, other->exit.called, other->exit.calledCount))
        return reason = "what V8 calls for interrupts", false;
    }
  }
  const Observation* const loops[] = {&seen.turbofan, &seen.maglev};
  for (int i = 0; i < 2; ++i) {
    if (!loops[i]->interrupted || loops[i]->fromBuiltin || loops[i]->exit.address == baselineBackEdge_)
      continue;
    if (!loops[i]->frameHoldsCaller) return reason = "the frames of interrupted functions", false;
    optimisedLoops_[i] = loops[i]->exit.address;
  }
  // Without an open back-edge nothing could be preempted; of the rest, what is not known is not open.
  return builtins_[0] != 0 || baselineBackEdge_ != 0 || (reason = "interrupts of loops", false);
}

bool InterruptSites::learn(std::string& reason) {
  if (!locateBuiltins()) return reason = "V8's builtins", false;
  v8::HandleScope scope(isolate_);
  Tiers seen;
  {
    // Functions inside are compiled at their first call, so the flag stays on until all have run. Where the process has
    // set it, the sources compile without.
    std::optional<FlagMeanwhile> natives;
    if (!compile(isolate_, kDeoptimise, deoptimise_))
      natives.emplace("--allow-natives-syntax", "--no-allow-natives-syntax");
    if (!compileProbe() || !compile(isolate_, kDeoptimise, deoptimise_) || !compile(isolate_, kSweep, sweep_))
      return reason = "the probe of interrupts does not compile", false;
    if (!observeTiers(seen)) return reason = "interrupts", false;
  }
  source_.clear();
  return conclude(seen, reason);
}

}  // namespace stackful::engine
