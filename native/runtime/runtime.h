// One environment's runtime: engine, stacks, scheduler, poller and thread pool, and their place in Node's event loop.
#pragma once

#include <node.h>
#include <node_api.h>
#include <uv.h>
#include <v8.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../engine/async_stack.h"
#include "../engine/discovery.h"
#include "../engine/engine.h"
#include "../engine/handles.h"
#include "../engine/interrupt_site.h"
#include "../engine/nested_addons.h"
#include "../engine/quiet_scavenge.h"
#include "../net/poller.h"
#include "../pool/pool.h"
#include "../sched/scheduler.h"
#include "../sched/simulation.h"
#include "../sched/time_slices.h"
#include "../stack/stack_memory.h"
#include "host_loop.h"
#include "trim_timer.h"

namespace stackful::runtime {

// What there is once a coroutine has a time slice; see time_slices.cc.
struct Slices {
  Slices(sched::Scheduler& scheduler, sched::TimeSlices::Request request, void* context)
      : clock(scheduler, request, context) {}
  std::atomic<bool> requested{false};  // an interrupt that has not come yet
  sched::TimeSlices clock;             // last: its thread uses the other
};

class Runtime {
 public:
  // The runtime of the environment that runs on this thread; null before it was made and after teardown.
  static Runtime* current() noexcept { return current_; }

  // Finds its way into V8, tests it, and hooks into the loop. Null and a reason when this V8 does not fit.
  static Runtime* create(v8::Isolate* isolate, v8::Local<v8::Context> context, std::string& reason,
                         napi_env env, const engine::Corruption* corruption);

  v8::Isolate* const isolate;
  v8::Global<v8::Context> context;
  std::shared_ptr<v8::BackingStore> published;     // see Scheduler::publishTo
  std::shared_ptr<v8::BackingStore> meteredEdges;  // see Pool::meter
  napi_env env = nullptr;
  v8::Global<v8::Function>
      body;  // JavaScript: body(slot) runs the functions of the coroutine in that slot, and of what runAnother brings
  v8::Global<v8::Function>
      executionAsyncResource;  // Node's, until the first batch has checked that it sees ours
  engine::Discovery found;
  engine::AsyncStack asyncIds;
  bool resourcesFollow = true;  // false: executionAsyncResource() of a coroutine is not its own
  // Where V8's interrupts may run other JavaScript; null until something needs to know, see interrupts.cc of binding.
  std::unique_ptr<engine::InterruptSites> sites;
  std::string ownScripts;          // how the names of this library's scripts begin; known with `sites`
  std::unique_ptr<Slices> slices;  // null as long as no coroutine has one
  std::unique_ptr<sched::ParkObserver> parkObserver;  // null as long as no report wanted one
  engine::Engine& engine() noexcept { return *engine_; }
  const engine::QuietScavenge& quietScavenge() const noexcept { return *quietScavenge_; }
  stack::StackPool stacks;
  sched::Scheduler& scheduler() noexcept { return *scheduler_; }
  net::Poller& poller() noexcept { return *poller_; }
  pool::Pool& pool() noexcept { return *pool_; }

  // `resource` is what async hooks see as the coroutine. Null when there is no memory for a stack.
  sched::Coroutine* spawn(size_t stackBytes, uint8_t priority, v8::Local<v8::Object> resource,
                          sched::State first = sched::State::kReady) noexcept;
  // Scheduler::resume, also for JavaScript on the main stack.
  int32_t resume(sched::Coroutine* c) noexcept {
    return scheduler_->running() ? scheduler_->resume(c) : resumeOnMain(c);
  }
  uint32_t maxCoroutines = UINT32_MAX;  // spawn refuses to make more
  // By the running coroutine, at the end of its body: ends it, and returns when another one is to run its body in the same
  // frames. False: nothing has happened, the frames have to return.
  bool runAnother() noexcept;
  // For coroutines that serve one request after the other: keepContext() when the running one begins, then
  // renewContext() in between gives it the async context again that it had then. That is necessary only where
  // contextInUse(), which takes three loads.
  void keepContext() noexcept;
  void renewContext() noexcept;
  bool contextInUse() const noexcept {
    const uint64_t* frame = found.asyncContext;
    return scheduler_->running()->owner || asyncIds.resourcesInUse() ||
           (frame && *frame != *engine::slotOf(v8::Undefined(isolate)));
  }
  // To be called on the main stack after anything that may have made a coroutine ready: makes the loop run a batch.
  void schedule() noexcept {
    if (!inBatch_) scheduleOutsideBatch();
  }

  // For a recording: of each turn slot, generation and time in ms, and -1, 0 and the time where microtasks had their turn. Null
  // as long as nothing is recorded.
  std::unique_ptr<std::vector<double>> turnLog;

  // A run of the simulator, told to JavaScript by hook(event, number).
  struct SimulationRun {
    uint32_t seed;
    uint64_t maxSteps;
    bool watched;   // whether the hook is called before and after every step
    bool directed;  // whether the hook chooses who runs next, and not the seed
    v8::Global<v8::Function> hook;
    std::optional<sched::Simulation> simulation;  // until it is ended
  };
  enum class SimulationEvent : int32_t { kIdle, kTooManySteps, kBefore, kAfter, kChoose, kAdvanced, kStuck };
  // Takes the place of the next batch, and of everything else in this thread until the hook calls endSimulation.
  void startSimulation(std::unique_ptr<SimulationRun> run) noexcept;
  void endSimulation() noexcept {
    if (running_) running_->simulation.reset();
  }
  // In the hook: the slots of those that are ready, in the order in which they have become so; how many.
  uint32_t simulationReady(int32_t* into, uint32_t room) noexcept;
  // In the hook: lets the simulated time pass up to `now`, and fires what is due.
  void simulationAdvanceTo(int64_t now) noexcept {
    if (running_ && running_->simulation) running_->simulation->advanceTo(now);
  }
  // In the hook: a number below `limit`, of the generator of the run's seed.
  uint32_t simulationRandom(uint32_t limit) noexcept {
    return running_ && running_->simulation ? running_->simulation->random(limit) : 0;
  }

  // Another addon has been loaded, whose scopes have to be known, and below whose frames nothing may park perhaps.
  void noteAddon();
  // `changed` is called before coroutines run when `list`, of the modules of Node's that are loaded, has become longer.
  void watchModules(v8::Local<v8::Array> list, v8::Local<v8::Function> changed) noexcept;

  // How long coroutines may run before Node's loop gets its turn. Host timers and other sockets wait that long at most,
  // beyond what one coroutine takes without parking.
  int64_t batchBudgetNs = 4'000'000;

 private:
  Runtime(v8::Isolate* isolate, v8::Local<v8::Context> context);
  ~Runtime();
  bool hookIntoLoop(std::string& reason);
  void findNestedAddons();
  bool mayRunJavaScript() const noexcept;
  void runBatch() noexcept;
  bool runCoroutines() noexcept;
  bool runSingleTurns() noexcept;
  void logTurn(const sched::Coroutine* c) noexcept;
  void runHookedTurn(sched::Coroutine* c) noexcept;
  v8::Local<v8::Object> resourceOf(const sched::Coroutine* c) const noexcept;
  void checkResources(v8::Local<v8::Context> here) noexcept;
  void runForLoop(void (*body)(Runtime&, void*), void* argument) noexcept;
  [[gnu::noinline]] int32_t resumeOnMain(sched::Coroutine* c) noexcept;
  void runSimulation() noexcept;
  void simulateBurst(SimulationRun& run) noexcept;
  bool chooseStep(SimulationRun& run, uint32_t ready, uint32_t& index) noexcept;
  int32_t tellSimulation(SimulationEvent event, int32_t number) noexcept;
  void scheduleOutsideBatch() noexcept;
  static void runBody(void* runtime);
  void enterContextOf(sched::Coroutine* self) noexcept;
  void leaveContextOf(sched::Coroutine* self) noexcept;
  // The body of `self` has not returned: whether only that coroutine was ended; see termination.cc.
  bool outliveTermination(sched::Coroutine* self, v8::TryCatch& caught) noexcept;
  void lookAtModules() noexcept;
  void unwind() noexcept;
  static void terminate(void* runtime) noexcept;
  static void teardown(void* runtime, void (*done)(void*), void* doneArgument);
  void closed() noexcept;

  // Constant at first, so that reading it is not a call that asks whether it has been initialised.
  static constinit thread_local Runtime* current_;

  engine::Engine* engine_ = nullptr;
  engine::NestedAddons nestedAddons_;
  engine::QuietScavenge* quietScavenge_ = nullptr;
  sched::Scheduler* scheduler_ = nullptr;
  net::Poller* poller_ = nullptr;
  pool::Pool* pool_ = nullptr;
  TrimTimer* trimTimer_ = nullptr;
  HostLoop* loop_ = nullptr;
  std::unique_ptr<SimulationRun> waiting_;  // to begin
  SimulationRun* running_ = nullptr;
  bool inBatch_ = false;
  bool stopped_ = false;  // execution was terminated, or the environment is going away
  v8::Global<v8::Array> modules_;
  v8::Global<v8::Function> modulesChanged_;
  uint32_t modulesSeen_ = 0;
  int stillOpen_ = 2;  // of what the loop has to let go: the trim timer and loop_
  void (*teardownDone_)(void*) = nullptr;
  void* teardownArgument_ = nullptr;
  node::AsyncCleanupHookHandle cleanup_;
};

}  // namespace stackful::runtime
