// The simulator's place in the runtime: it runs instead of a batch, to its end, in bursts between which microtasks and
// ticks get their turn as they do between batches.
#include <memory>

#include "runtime.h"

namespace stackful::runtime {

void Runtime::startSimulation(std::unique_ptr<SimulationRun> run) noexcept {
  waiting_ = std::move(run);
  if (!inBatch_) loop_->setBusy(true);
}

void Runtime::runSimulation() noexcept {
  const std::unique_ptr<SimulationRun> run = std::move(waiting_);
  run->simulation.emplace(*scheduler_, run->seed);
  running_ = run.get();
  while (!stopped_ && run->simulation && mayRunJavaScript()) {
    runForLoop([](Runtime& self, void* r) { self.simulateBurst(*static_cast<SimulationRun*>(r)); },
               run.get());
  }
  running_ = nullptr;
}

void Runtime::simulateBurst(SimulationRun& run) noexcept {
  // Promises settle between any two steps, or only after several.
  constexpr uint32_t kStepsInBurst = 4;
  sched::Simulation& simulation = *run.simulation;
  sched::Coroutine* c = simulation.choose();
  if (!c) {
    // Microtasks have had their turn since the last step: only time can wake a coroutine.
    if (!simulation.advance()) tellSimulation(SimulationEvent::kIdle, -1);
    return;
  }
  do {
    const auto slot = static_cast<int32_t>(c->slot);
    if (run.watched) tellSimulation(SimulationEvent::kBefore, slot);
    simulation.take();
    if (asyncIds.hasTurnHooks()) {
      runHookedTurn(c);
    } else {
      engine_->noteAsyncContext();
      scheduler_->runTurn(c);
    }
    if (stopped_) return;
    if (run.watched) tellSimulation(SimulationEvent::kAfter, slot);
    if (simulation.steps() >= run.maxSteps) {
      // As many again for cleaning up.
      run.maxSteps += simulation.steps();
      return tellSimulation(SimulationEvent::kTooManySteps, -1);
    }
    c = simulation.choose();
  } while (c && !simulation.sometimes(kStepsInBurst));
}

void Runtime::tellSimulation(SimulationEvent event, int32_t slot) noexcept {
  v8::HandleScope scope(isolate);
  v8::Local<v8::Value> arguments[] = {v8::Integer::New(isolate, static_cast<int32_t>(event)),
                                      v8::Integer::New(isolate, slot)};
  v8::TryCatch caught(isolate);
  // The hook throws nothing of its own: what comes out is the end of the isolate's execution.
  if (running_->hook.Get(isolate)
          ->Call(context.Get(isolate), v8::Undefined(isolate), 2, arguments)
          .IsEmpty()) {
    stopped_ = true;
  }
}

}  // namespace stackful::runtime
