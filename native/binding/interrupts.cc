#include "interrupts.h"

#include <pthread.h>

#include <string>

#include "values.h"

namespace stackful::binding {
namespace {

using Place = engine::InterruptSites::Place;

// Node's own JavaScript and ours count on running to the end of a call or to where it waits, and everything in the thread
// shares their data: nothing else runs in between. A function that is just being entered has done nothing yet: there its caller counts.
bool inSharedCode(const Runtime& runtime, bool atEntry) {
  v8::Isolate* isolate = runtime.isolate;
  const int index = atEntry ? 1 : 0;
  v8::Local<v8::StackTrace> trace =
      v8::StackTrace::CurrentStackTrace(isolate, index + 1, v8::StackTrace::kScriptNameOrSourceURL);
  if (trace->GetFrameCount() <= index) return true;
  v8::Local<v8::StackFrame> frame = trace->GetFrame(isolate, static_cast<uint32_t>(index));
  v8::String::Utf8Value name(isolate, frame->GetScriptNameOrSourceURL());
  const std::string_view script = *name ? std::string_view(*name, static_cast<size_t>(name.length())) : "";
  return script.starts_with("node:") || script.starts_with(runtime.ownScripts);
}

// learnInterruptSites(scripts): finds out where V8 can be interrupted; undefined, or what did not fit. `scripts` is how
// the names of this library's scripts begin.
void learnInterruptSites(const Info& info) {
  Runtime* runtime = Runtime::current();
  if (!runtime || runtime->sites) return;
  v8::Isolate* isolate = info.GetIsolate();
  auto sites = std::make_unique<engine::InterruptSites>(isolate, runtime->found);
  std::string reason;
  if (!sites->learn(reason)) {
    info.GetReturnValue().Set(string(isolate, reason));
    return;
  }
  runtime->ownScripts = *v8::String::Utf8Value(isolate, info[0]);
  runtime->sites = std::move(sites);
}

}  // namespace

Place interruptedAt(Runtime& runtime) {
  const sched::Coroutine* running = runtime.scheduler().running();
  const Place place = runtime.sites->place(running ? running->execution : runtime.engine().main());
  if (place == Place::kElsewhere || inSharedCode(runtime, place == Place::kEntry)) return Place::kElsewhere;
  return place;
}

namespace {

pthread_mutex_t keepersLock = PTHREAD_MUTEX_INITIALIZER;
int keepers = 0;

void changeKeepers(int by) noexcept {
  pthread_mutex_lock(&keepersLock);
  const bool before = keepers > 0;
  keepers += by;
  const bool after = keepers > 0;
  if (before != after) v8::V8::SetFlagsFromString(after ? "--no-use-osr" : "--use-osr");
  pthread_mutex_unlock(&keepersLock);
}

}  // namespace

void keepFromOptimising() noexcept {
  changeKeepers(1);
}

void letOptimise() noexcept {
  changeKeepers(-1);
}

void defineInterrupts(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "learnInterruptSites", learnInterruptSites);
}

}  // namespace stackful::binding
