#include <algorithm>
#include <memory>
#include <vector>

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

// simulationAdvanceTo(ms)
void simulationAdvanceTo(const Info& info) {
  Runtime::current()->simulationAdvanceTo(static_cast<int64_t>(numberAt(info, 0) * 1e6));
}

// recordTurns(on): see Runtime::turnLog.
void recordTurns(const Info& info) {
  Runtime* runtime = Runtime::current();
  const bool on = boolAt(info, 0);
  runtime->scheduler().setSteady(on);
  if (on) {
    runtime->turnLog = std::make_unique<std::vector<double>>();
  } else {
    runtime->turnLog.reset();
  }
}

// takeTurns(into): moves the oldest recorded turns into a Float64Array, whole ones; how many numbers.
void takeTurns(const Info& info) {
  Runtime* runtime = Runtime::current();
  if (!runtime->turnLog) return returnInt(info, 0);
  std::vector<double>& log = *runtime->turnLog;
  const Bytes into = bytesAt(info, 0);
  const size_t count = std::min(log.size(), into.size / sizeof(double) / 3 * 3);
  std::copy_n(log.begin(), count, reinterpret_cast<double*>(into.data));
  log.erase(log.begin(), log.begin() + static_cast<ptrdiff_t>(count));
  returnInt(info, static_cast<int64_t>(count));
}

}  // namespace

void defineSimulate(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "simulate", simulate);
  define(context, exports, "endSimulation", endSimulation);
  define(context, exports, "simulationReady", simulationReady);
  define(context, exports, "simulationRandom", simulationRandom);
  define(context, exports, "simulationAdvanceTo", simulationAdvanceTo);
  define(context, exports, "recordTurns", recordTurns);
  define(context, exports, "takeTurns", takeTurns);
}

}  // namespace stackful::binding
