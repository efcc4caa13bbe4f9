#include <memory>

#include "values.h"

namespace stackful::binding {

namespace {

// simulate(seed, maxSteps, watched, hook): see Runtime::SimulationRun. One at a time.
void simulate(const Info& info) {
  Runtime* runtime = Runtime::current();
  auto run = std::make_unique<Runtime::SimulationRun>();
  run->seed = static_cast<uint32_t>(numberAt(info, 0));
  run->maxSteps = static_cast<uint64_t>(numberAt(info, 1));
  run->watched = boolAt(info, 2);
  run->hook.Reset(info.GetIsolate(), info[3].As<v8::Function>());
  runtime->startSimulation(std::move(run));
}

void endSimulation(const Info& info) {
  Runtime::current()->endSimulation();
}

}  // namespace

void defineSimulate(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "simulate", simulate);
  define(context, exports, "endSimulation", endSimulation);
}

}  // namespace stackful::binding
