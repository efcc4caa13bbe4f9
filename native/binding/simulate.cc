#include <memory>

#include "values.h"

namespace stackful::binding {

namespace {

// simulate(seed, maxSteps, watched, directed, hook): see Runtime::SimulationRun. One at a time.
void simulate(const Info& info) {
  Runtime* runtime = Runtime::current();
  auto run = std::make_unique<Runtime::SimulationRun>();
  run->seed = static_cast<uint32_t>(numberAt(info, 0));
  run->maxSteps = static_cast<uint64_t>(numberAt(info, 1));
  run->watched = boolAt(info, 2);
  run->directed = boolAt(info, 3);
  run->hook.Reset(info.GetIsolate(), info[4].As<v8::Function>());
  runtime->startSimulation(std::move(run));
}

void endSimulation(const Info& info) {
  Runtime::current()->endSimulation();
}

// simulationReady(into): puts the slots of the ready coroutines of the run into an Int32Array, and returns how many.
void simulationReady(const Info& info) {
  const Bytes into = bytesAt(info, 0);
  returnInt(info, Runtime::current()->simulationReady(reinterpret_cast<int32_t*>(into.data),
                                                      static_cast<uint32_t>(into.size / sizeof(int32_t))));
}

void simulationRandom(const Info& info) {
  returnInt(info, Runtime::current()->simulationRandom(static_cast<uint32_t>(numberAt(info, 0))));
}

}  // namespace

void defineSimulate(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "simulate", simulate);
  define(context, exports, "endSimulation", endSimulation);
  define(context, exports, "simulationReady", simulationReady);
  define(context, exports, "simulationRandom", simulationRandom);
}

}  // namespace stackful::binding
