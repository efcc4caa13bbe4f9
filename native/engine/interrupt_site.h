// Where JavaScript was when V8 called an interrupt back, and whether another coroutine may run there.
//
// V8 runs interrupts at function entries, at loops' back-edges and in some builtins, and takes for granted that they write
// nothing to its heap. Optimised code relies on that at back-edges: it keeps what it loaded before (maps, elements,
// lengths) for the iterations to come, so that after other JavaScript has run there it would read memory that is no
// longer what it was. Only these are open to anything:
//   - back-edges in the interpreter and in baseline code, which keep nothing between two bytecodes;
//   - stack checks of builtins, which are made only where JavaScript may run anyway;
//   - the entry of a function of any tier, where nothing has been loaded yet.
// In a loop of optimised code, V8 is told to throw that code away; the loop goes on in the interpreter, and the next
// interrupt finds it at an open back-edge.
//
// The places are told apart by the runtime function that V8 calls there and by whether a builtin or compiled code calls it;
// both are learnt by interrupting functions of our own in every tier. A place that was not learnt (regular expressions,
// JSON, wasm) is never open.
#pragma once

#include <v8.h>

#include <cstdint>
#include <string>

#include "discovery.h"
#include "exit_function.h"

namespace stackful::engine {

class InterruptSites {
 public:
  InterruptSites(v8::Isolate* isolate, const Discovery& found) noexcept : isolate_(isolate), found_(found) {}

  // Runs the functions of our own, on any stack. False, with a reason, when what is seen makes no sense.
  bool learn(std::string& reason);

  enum class Place { kEntry, kOpen, kOptimisedLoop, kElsewhere };
  // All for use in a callback of Isolate::RequestInterrupt on the stack of `running`, a coroutine or the main stack.
  Place place(const Execution& running) const noexcept;
  // True if C++ code lies between the coroutine's first frame and the JavaScript that was interrupted: a native
  // function that has called back, whose scopes must close in the order in which they were opened.
  bool insideNativeCall(const Execution& running) const noexcept;
  // At kOptimisedLoop: true if the interrupted frame will go on unoptimised.
  bool deoptimise() const noexcept;

 private:
  struct Observation {
    ExitFunction exit;         // V8's runtime function, and what that called
    bool fromBuiltin = false;  // ... called by one of V8's builtins; the interpreter is made of those, too
    bool frameHoldsCaller = false;
    bool handlerOnStack = false;
    bool tierIsOn = false;
    bool interrupted = false;  // without which the rest is not known
  };
  struct Tiers {
    Observation plain, plainEntry, baseline, baselineEntry, maglev, turbofan;
  };
  struct Probe;
  // interrupt_learning.cc
  bool locateBuiltins() noexcept;
  bool compileProbe();
  bool observeTiers(Tiers& seen);
  bool conclude(const Tiers& seen, std::string& reason);
  bool observe(const char* tier, double rounds, Observation& seen);
  bool observeSurely(const char* tier, Observation& seen);
  bool observeInterpreter(Tiers& seen);
  bool observeOptimised(const char* tier, const Tiers& lower, Observation& seen);
  void learnMark(const uint64_t* exit) noexcept;
  static void request(const v8::FunctionCallbackInfo<v8::Value>& info);
  static void record(v8::Isolate* isolate, void* number);

  uint64_t exitFrame() const noexcept;
  ExitFunction calledFunction() const noexcept;
  bool inBuiltins(uint64_t pc) const noexcept { return pc >= builtinsBegin_ && pc < builtinsEnd_; }
  v8::Local<v8::Value> functionOf(const uint64_t* frame) const noexcept;
  static bool codeObjectAround(uint64_t pc, uint64_t& code) noexcept;
  bool call(const v8::Global<v8::Function>& function, v8::Local<v8::Value> argument) const noexcept;
  static bool among(uint64_t function, const uint64_t* all, size_t count) noexcept;
  // How much of the object that describes code is looked at.
  static constexpr size_t kCodeWords = 16;

  v8::Isolate* const isolate_;
  const Discovery& found_;
  v8::Global<v8::Function> probe_, deoptimise_, sweep_;
  std::string source_;          // of the probe, while this learns
  uint64_t compiledEntry_ = 0;  // of a function that the interpreter does not run
  uint64_t builtins_[2] =
      {};  // by builtins: the interpreter's back-edge; its function entry and stack checks
  uint64_t baselineBackEdge_ = 0;    // by compiled code
  uint64_t optimisedLoops_[2] = {};  // by compiled code: TurboFan's, Maglev's
  // V8's code objects: the word and the bit that say "to be thrown away"; no bit, not known.
  size_t markWord_ = 0;
  uint64_t markBit_ = 0;
  uint64_t builtinsBegin_ = 0, builtinsEnd_ = 0;
};

}  // namespace stackful::engine
