// Time slices: a thread that watches the clock (sched/time_slices.h), an interrupt of V8, and what is done in it.
#include <string>

#include "values.h"

namespace stackful::binding {
namespace {

// Node's own JavaScript and ours count on running to the end of a call or to where it waits, as everybody's does; they
// are shared by all coroutines and do not know who is preempted, so they never are. A function that is just being entered
// has done nothing yet: there it is its caller that counts.
bool inSharedCode(const Runtime& runtime, bool atEntry) {
  v8::Isolate* isolate = runtime.isolate;
  const int index = atEntry ? 1 : 0;
  v8::Local<v8::StackTrace> trace =
      v8::StackTrace::CurrentStackTrace(isolate, index + 1, v8::StackTrace::kScriptNameOrSourceURL);
  if (trace->GetFrameCount() <= index) return true;
  v8::Local<v8::StackFrame> frame = trace->GetFrame(isolate, static_cast<uint32_t>(index));
  v8::String::Utf8Value name(isolate, frame->GetScriptNameOrSourceURL());
  const std::string_view script = *name ? std::string_view(*name, static_cast<size_t>(name.length())) : "";
  return script.starts_with("node:") || script.starts_with(runtime.slices->ownScripts);
}

// Another coroutine may run here and now: see interrupt_site.h for what V8 allows, and Scheduler::preempt for the rest.
bool preempt(Runtime& runtime, const sched::Coroutine& self) {
  engine::InterruptSites& sites = runtime.slices->sites;
  if (sites.insideNativeCall(self.execution)) return false;
  using Place = engine::InterruptSites::Place;
  const Place place = sites.place(self.execution);
  if (place == Place::kElsewhere || self.atomics > 0 || inSharedCode(runtime, place == Place::kEntry))
    return false;
  if (place == Place::kOptimisedLoop) {
    sites.deoptimise();
    return false;
  }
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

// useTimeSlices(scripts): finds out where V8 can be preempted; undefined, or what did not fit. `scripts` is how the names
// of this library's scripts begin.
void useTimeSlices(const Info& info) {
  Runtime* runtime = Runtime::current();
  if (!runtime || runtime->slices) return;
  v8::Isolate* isolate = info.GetIsolate();
  auto slices = std::make_unique<Slices>(isolate, runtime->found, runtime->scheduler(), request, runtime);
  slices->ownScripts = *v8::String::Utf8Value(isolate, info[0]);
  std::string reason;
  if (!slices->sites.learn(reason)) {
    info.GetReturnValue().Set(string(isolate, reason));
    return;
  }
  // V8 may replace a function by an optimised one in the middle of its loop, at every back-edge, but only looks for
  // interrupts about once a millisecond there: what was thrown away would be back before it could be preempted.
  v8::V8::SetFlagsFromString("--no-use-osr");
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
