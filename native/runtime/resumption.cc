// A coroutine that JavaScript on the main stack resumes: outside any batch, in the middle of a callback or of a module.
#include "../engine/handles.h"
#include "runtime.h"

namespace stackful::runtime {

// Ticks and promise callbacks run when the callback of the main stack has ended, as without the coroutine. The scope is for
// the resource of its async context, where Node 20 and 22 keep the stores of AsyncLocalStorage; there is another around it
// wherever Node calls JavaScript, so that its end runs nothing.
int32_t Runtime::resumeOnMain(sched::Coroutine* c) noexcept {
  if (stopped_) return kNotResumable;
  // Within a batch only async hooks run on the main stack.
  if (inBatch_ || !engine_->mayLeaveMain()) return kCannotPark;
  v8::HandleScope scope(isolate);
  engine::ContextHandles kept(isolate, engine_->main());
  quietScavenge_->prepare();
  lookAtModules();
  int32_t code;
  if (V8_MAJOR_VERSION >= 13 && !asyncIds.resourcesInUse()) {
    engine_->noteAsyncContext();
    code = scheduler_->resume(c);
  } else {
    v8::Local<v8::Object> resource = asyncIds.shared(), mains = asyncIds.shared();
    node::CallbackScope callbacks(isolate, resource, {0, 0});
    asyncIds.useHandles(resource, mains);
    checkResources(context.Get(isolate));
    engine_->noteAsyncContext();
    code = scheduler_->resume(c);
    asyncIds.forgetHandles();
  }
  if (stopped_) {
    isolate->TerminateExecution();
    return code;
  }
  loop_->resume();
  // What the end of a batch does. A batch may be the caller, in the ticks and promise callbacks at its end.
  poller_->endOfBatch().run();
  if (scheduler_->externalWaits() > 0) poller_->arm();
  scheduleOutsideBatch();
  return code;
}

}  // namespace stackful::runtime
