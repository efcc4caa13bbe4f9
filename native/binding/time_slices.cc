// Time slices: a thread that watches the clock (sched/time_slices.h), an interrupt of V8, and what is done in it.
#include "interrupts.h"
#include "values.h"

namespace stackful::binding {
namespace {

// Another coroutine may run here and now: see interrupt_site.h for what V8 allows, and Scheduler::preempt for the rest.
bool preempt(Runtime& runtime, const sched::Coroutine& self) {
  if (runtime.sites->insideNativeCall(self.execution) || self.atomics > 0) return false;
  using Place = engine::InterruptSites::Place;
  const Place place = interruptedAt(runtime);
  if (place == Place::kOptimisedLoop) runtime.sites->deoptimise();
  if (place != Place::kEntry && place != Place::kOpen) return false;
  runtime.slices->requested.store(false, std::memory_order_relaxed);
  return runtime.scheduler().preempt();
}

void onInterrupt(v8::Isolate*, void*) {
  // An interrupt can outlive the runtime whose thread asked for it.
  Runtime* runtime = Runtime::current();
  if (!runtime || !runtime->slices) return;
  sched::TimeSlices& slices = runtime->slices->clock;
  if (slices.expired() && !preempt(*runtime, *runtime->scheduler().running())) slices.retry();
  // Not before: V8 would serve another request right here, again and again.
  runtime->slices->requested.store(false, std::memory_order_relaxed);
}

// On the thread of TimeSlices.
void request(void* context) {
  auto* runtime = static_cast<Runtime*>(context);
  if (!runtime->slices->requested.exchange(true, std::memory_order_relaxed))
    runtime->isolate->RequestInterrupt(onInterrupt, nullptr);
}

// useTimeSlices(): coroutines may have time slices from now on; learnInterruptSites comes before it.
void useTimeSlices(const Info& info) {
  Runtime* runtime = Runtime::current();
  if (!runtime || runtime->slices) return;
  auto slices = std::make_unique<runtime::Slices>(runtime->scheduler(), request, runtime);
  keepFromOptimising();  // and for good: coroutines of other threads may have time slices
  runtime->slices = std::move(slices);
}

// setTimeSlice(slot, ms): false if the system has no thread to give.
void setTimeSlice(const Info& info) {
  Runtime* runtime = Runtime::current();
  sched::Coroutine* c = runtime->scheduler().at(static_cast<uint32_t>(intAt(info, 0)));
  info.GetReturnValue().Set(c &&
                            runtime->slices->clock.give(c, static_cast<int64_t>(numberAt(info, 1) * 1e6)));
}

}  // namespace

void defineTimeSlices(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "useTimeSlices", useTimeSlices);
  define(context, exports, "setTimeSlice", setTimeSlice);
}

}  // namespace stackful::binding
