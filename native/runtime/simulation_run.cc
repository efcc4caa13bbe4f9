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
  sched::Simulation& simulation = *run.simulation;
  uint32_t ready = static_cast<uint32_t>(simulation.gather().size());
  if (ready == 0) {
    // Microtasks have had their turn since the last step: only time can wake a coroutine, or a recording.
    if (run.directed) {
      tellSimulation(SimulationEvent::kStuck, -1);
      if (!simulation.gather().empty()) return;
    }
    if (!simulation.advance()) {
      tellSimulation(SimulationEvent::kIdle, -1);
    } else if (run.directed) {
      tellSimulation(SimulationEvent::kAdvanced, -1);
    }
    return;
  }
  bool goesOn;
  do {
    uint32_t index;
    goesOn = chooseStep(run, ready, index);
    if (stopped_ || !run.simulation) return;
    sched::Coroutine* c = simulation.take(index);
    const auto slot = static_cast<int32_t>(c->slot);
    if (run.watched) tellSimulation(SimulationEvent::kBefore, slot);
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
      tellSimulation(SimulationEvent::kTooManySteps, -1);
      return;
    }
    ready = static_cast<uint32_t>(simulation.gather().size());
  } while (goesOn && ready > 0);
}

// Which of those that are ready runs next, and whether another one does before microtasks have their turn.
bool Runtime::chooseStep(SimulationRun& run, uint32_t ready, uint32_t& index) noexcept {
  sched::Simulation& simulation = *run.simulation;
  if (run.directed) {
    // Twice the index; plus 1: another one runs before microtasks do.
    const int32_t choice = tellSimulation(SimulationEvent::kChoose, static_cast<int32_t>(ready));
    index = static_cast<uint32_t>(choice) / 2;
    // The hook may have made more of them ready.
    if (index >= simulation.gather().size()) index = 0;
    return choice % 2 == 1;
  }
  // Promises settle between any two steps, or only after several.
  constexpr uint32_t kStepsInBurst = 4;
  index = ready > 1 ? simulation.random(ready) : 0;
  return simulation.random(kStepsInBurst) != 0;
}

uint32_t Runtime::simulationReady(int32_t* into, uint32_t room) noexcept {
  uint32_t count = 0;
  if (!running_ || !running_->simulation) return 0;
  for (const sched::Coroutine* c : running_->simulation->gather()) {
    if (count == room) break;
    into[count++] = static_cast<int32_t>(c->slot);
  }
  return count;
}

int32_t Runtime::tellSimulation(SimulationEvent event, int32_t number) noexcept {
  v8::HandleScope scope(isolate);
  v8::Local<v8::Value> arguments[] = {v8::Integer::New(isolate, static_cast<int32_t>(event)),
                                      v8::Integer::New(isolate, number)};
  v8::TryCatch caught(isolate);
  // The hook throws nothing of its own: what comes out is the end of the isolate's execution.
  v8::Local<v8::Value> answer;
  if (!running_->hook.Get(isolate)
           ->Call(context.Get(isolate), v8::Undefined(isolate), 2, arguments)
           .ToLocal(&answer)) {
    stopped_ = true;
    return 0;
  }
  return answer->IsInt32() ? answer.As<v8::Int32>()->Value() : 0;
}

}  // namespace stackful::runtime
