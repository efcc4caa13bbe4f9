// Execution that is ended from outside, while the environment goes on: by the inspector (Runtime.terminateExecution, or the
// time limit of an evaluation), or by an addon. V8 ends whatever runs at that moment, without its `finally` blocks. If
// that is a coroutine it fails, a join of it throws, and the others go on: as Node goes on when a callback is ended so.
#include <cstdio>

#include "../engine/own_call.h"
#include "runtime.h"

namespace stackful::runtime {

bool Runtime::outliveTermination(sched::Coroutine* self, v8::TryCatch& caught) noexcept {
  // An error is not that. Where the inspector has called it off by now, there is neither.
  if (caught.HasCaught() && !caught.HasTerminated() && caught.Exception()->IsNativeError()) return false;
  if (stopped_ || !mayRunJavaScript()) return false;
  isolate->CancelTerminateExecution();
  // A worker says that it ends before it terminates execution: that would have been called off here.
  if (!mayRunJavaScript()) return false;
  caught.Reset();
  v8::Local<v8::Context> here = context.Get(isolate);
  v8::Context::Scope entered(here);
  engine_->dropAsyncScopes();
  scheduler_->leaveLimitsAndAtomics();
  v8::Local<v8::Value> argument = v8::Integer::New(isolate, -1 - static_cast<int32_t>(self->slot));
  v8::Local<v8::Value> told;
  if (body.Get(isolate)->Call(here, v8::Undefined(isolate), 1, &argument).ToLocal(&told) && told->IsTrue())
    return true;
  fprintf(stderr, "stackful: this thread's coroutines have stopped: execution was ended where one ends\n");
  return false;
}

void Runtime::watchModules(v8::Local<v8::Array> list, v8::Local<v8::Function> changed) noexcept {
  modules_.Reset(isolate, list);
  modulesChanged_.Reset(isolate, changed);
  modulesSeen_ = list->Length();
}

void Runtime::lookAtModules() noexcept {
  if (modules_.IsEmpty()) return;
  const uint32_t count = modules_.Get(isolate)->Length();
  if (count == modulesSeen_) return;
  modulesSeen_ = count;
  engine::OwnCall own(isolate);
  (void)modulesChanged_.Get(isolate)
      ->Call(context.Get(isolate), v8::Undefined(isolate), 0, nullptr)
      .IsEmpty();
}

}  // namespace stackful::runtime
