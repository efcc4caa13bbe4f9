// Looking at an environment whose thread may be too busy to look for itself: dumps that a signal asks for, and the watchdog.
//
// The ticker's thread notices; the environment's own thread reports, at the next point where V8 looks for interrupts (a
// loop's back edge, a function's entry) on whatever stack it is then, or in its event loop if no JavaScript is running.
//
// The library's own report reads its own data and may run at any such point. Code of the user may not (interrupt_site.h):
// what it has to be told waits for a point that is open to any JavaScript. Until one comes V8 is asked again, after
// kFirstRetry and twice as long each time, and an optimised loop is told to go on unoptimised; the event loop tells what
// is still untold when it gets its turn, as it does without runtime.sites.
#pragma once

#include <node.h>
#include <uv.h>
#include <v8.h>

#include <atomic>
#include <string>

#include "../sched/scheduler.h"
#include "../sched/ticker.h"

namespace stackful::binding {

class Watch : sched::Ticker::Entry {
 public:
  // `report(kinds, ms, stack, open)` is called on the environment's thread with some of the kinds below, in the middle of
  // whatever runs there; `stack` is that of the running code. It must not park, and runs code of the user only if `open`.
  // Returns whether that has something to be told still.
  Watch(v8::Isolate* isolate, v8::Local<v8::Context> context, sched::Scheduler& scheduler,
        v8::Local<v8::Function> report);

  static constexpr uint32_t kDump = 1;
  static constexpr uint32_t kHold = 2;
  static constexpr uint32_t kUntold = 4;  // what report has not told the user's code yet

  // Reports what holds the thread longer than this, once for each time; 0 = never. 0 or -errno.
  int watchHolds(int64_t limitNs) noexcept;
  uint64_t holds() const noexcept { return holds_; }

  // This signal asks every environment of the process for a dump; 0 = none does any more. What handled the signal before
  // still does. 0 or -errno.
  static int dumpOn(int signal) noexcept;

 private:
  ~Watch() = default;
  sched::Deadline tick(int64_t now) noexcept;
  void request(uint32_t kinds) noexcept;
  void answerInterrupt() noexcept;
  void answerInLoop() noexcept;
  enum class Outcome { kTold, kUntold, kFailed };
  Outcome report(uint32_t kinds, bool running, bool open) noexcept;
  void askAgain(bool inOptimisedLoop) noexcept;
  void stopAsking() noexcept;
  void teardown(void (*done)(void*), void* doneArgument) noexcept;

  v8::Isolate* const isolate_;
  v8::Global<v8::Context> context_;
  v8::Global<v8::Function> report_;
  v8::Global<v8::Object> resource_;
  sched::Scheduler& scheduler_;
  uv_loop_t* loop_;
  uv_async_t async_;
  node::AsyncCleanupHookHandle cleanup_;

  // Both threads.
  std::atomic<uint32_t> asked_{0};
  std::atomic<uint32_t> queued_{0};  // interrupts that V8 still has to deliver: they point here
  std::atomic<int64_t> limit_{0};
  std::atomic<int64_t> held_{0};
  std::atomic<int64_t> again_{0};  // when V8 is to be asked for kUntold; 0 = not
  bool over_ = false;              // the environment is gone, and the last interrupt deletes this

  // The ticker's thread.
  uint32_t signalsSeen_;
  int64_t lastTick_ = 0;
  uint64_t progress_ = 0;
  uint64_t idle_ = 0;
  bool reported_ = false;

  // This environment's thread.
  uint64_t holds_ = 0;
  bool untold_ = false;  // report has something to tell still
  int retries_ = 0;
  bool keepsFromOptimising_ = false;
};

// Of this environment.
uint64_t watchHoldsSoFar() noexcept;

}  // namespace stackful::binding
