#include "runtime.h"

#include <cstring>

#include "../engine/self_test.h"

namespace stackful::binding {

thread_local Runtime* Runtime::current_ = nullptr;

Runtime::Runtime(v8::Isolate* i, v8::Local<v8::Context> c) : isolate(i), context(i, c) {}

Runtime::~Runtime() {
  delete disk_;
  delete poller_;
  delete scheduler_;
  delete quietScavenge_;
  delete engine_;
}

Runtime* Runtime::create(v8::Isolate* isolate, v8::Local<v8::Context> context, std::string& reason,
                         const engine::Corruption* corruption) {
  // V8 aborts the process when it collects wasm code while threads are archived.
  v8::V8::SetFlagsFromString("--no-wasm-code-gc");
  auto* runtime = new Runtime(isolate, context);
  bool ok = engine::discover(isolate, runtime->found, reason, corruption);
  if (ok) {
    runtime->engine_ = new engine::Engine(runtime->found);
    ok = engine::selfTest(isolate, runtime->found, *runtime->engine_, false, reason);
  }
  ok = ok && runtime->hookIntoLoop(reason);
  if (ok) {
    runtime->quietScavenge_ =
        new engine::QuietScavenge(isolate, runtime->engine().states(), runtime->found.pristine);
  }
  if (!ok) {
    delete runtime;
    return nullptr;
  }
  current_ = runtime;
  return runtime;
}

bool Runtime::hookIntoLoop(std::string& reason) {
  scheduler_ = new sched::Scheduler(*engine_, stacks);
  poller_ = new net::Poller(*scheduler_);
  disk_ = new disk::Disk(*scheduler_);
  int error = poller_->open();
  if (error == 0) error = disk_->open(poller_->signalFd());
  if (error != 0 || !poller_->addDrain(disk::Disk::drain, disk_)) {
    reason = std::string("poller: ") + strerror(-error);
    return false;
  }
  resource_.Reset(isolate, v8::Object::New(isolate));
  uv_loop_t* loop = node::GetCurrentEventLoop(isolate);
  if (!loop || uv_poll_init(loop, &pollHandle_, poller_->fd()) != 0) {
    reason = "no event loop";
    return false;
  }
  uv_idle_init(loop, &idleHandle_);
  pollHandle_.data = idleHandle_.data = this;
  openHandles_ = 2;
  uv_poll_start(&pollHandle_, UV_READABLE,
                [](uv_poll_t* h, int, int) { static_cast<Runtime*>(h->data)->runBatch(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&pollHandle_));
  cleanup_ = node::AddEnvironmentCleanupHook(isolate, teardown, this);
  return true;
}

sched::Coroutine* Runtime::spawn(size_t stackBytes, uint8_t priority) noexcept {
  sched::Coroutine* c = scheduler_->spawn(stackBytes, runBody, this, priority);
  if (!c) return nullptr;
  c->owner = nullptr;
  if (found.asyncContext) {
    // A coroutine starts in the async context of whoever spawned it. Undefined, the usual case, needs no handle.
#if V8_MAJOR_VERSION >= 14
    v8::Local<v8::Data> inherited = isolate->GetContinuationPreservedEmbedderDataV2();
    bool none = inherited->IsValue() && inherited.As<v8::Value>()->IsUndefined();
    if (!none) c->owner = new v8::Global<v8::Data>(isolate, inherited);
#elif V8_MAJOR_VERSION >= 12
    v8::Local<v8::Value> inherited = isolate->GetContinuationPreservedEmbedderData();
    if (!inherited->IsUndefined()) c->owner = new v8::Global<v8::Value>(isolate, inherited);
#endif
  }
  return c;
}

// The first C++ frame of every coroutine.
void Runtime::runBody(void* data) {
  auto* runtime = static_cast<Runtime*>(data);
  v8::Isolate* isolate = runtime->isolate;
  sched::Scheduler& scheduler = *runtime->scheduler_;
  sched::Coroutine* self = scheduler.running();
  {
    v8::HandleScope scope(isolate);
#if V8_MAJOR_VERSION >= 14
    v8::Local<v8::Data> inherited = v8::Undefined(isolate);
    if (auto* kept = static_cast<v8::Global<v8::Data>*>(self->owner)) {
      inherited = kept->Get(isolate);
      delete kept;
    }
    isolate->SetContinuationPreservedEmbedderDataV2(inherited);
#elif V8_MAJOR_VERSION >= 12
    v8::Local<v8::Value> inherited = v8::Undefined(isolate);
    if (auto* kept = static_cast<v8::Global<v8::Value>*>(self->owner)) {
      inherited = kept->Get(isolate);
      delete kept;
    }
    isolate->SetContinuationPreservedEmbedderData(inherited);
#endif
    self->owner = nullptr;
    // A handle of this stack keeps its async context alive while it is parked: any fresh one will do.
    v8::Local<v8::Number> slot = v8::Number::New(isolate, self->slot);
    v8::Local<v8::Value> kept = v8::Local<v8::Value>::New(isolate, slot);
    self->execution.contextSlot = reinterpret_cast<uint64_t*>(*kept);
    v8::Local<v8::Value> argument = slot;
    v8::TryCatch caught(isolate);
    // The body catches whatever the coroutine throws; what comes out is the end of the isolate's execution (a worker
    // being terminated), and then no coroutine may run again.
    if (runtime->body.Get(isolate)
            ->Call(runtime->context.Get(isolate), v8::Undefined(isolate), 1, &argument)
            .IsEmpty()) {
      runtime->stopped_ = true;
    }
    self->execution.contextSlot = nullptr;
  }
  if (runtime->stopped_) scheduler.halt();
  scheduler.finish();
}

void Runtime::setIdle(bool active) noexcept {
  if (active == idle_) return;
  idle_ = active;
  if (active) {
    uv_idle_start(&idleHandle_, [](uv_idle_t* h) { static_cast<Runtime*>(h->data)->runBatch(); });
  } else {
    uv_idle_stop(&idleHandle_);
  }
}

void Runtime::keepLoopAlive() noexcept {
  bool needed = poller_->active() > 0;
  if (needed == alive_) return;
  alive_ = needed;
  auto* handle = reinterpret_cast<uv_handle_t*>(&pollHandle_);
  needed ? uv_ref(handle) : uv_unref(handle);
}

void Runtime::scheduleOutsideBatch() noexcept {
  if (!stopped_ && scheduler_->readyLength() > 0) setIdle(true);
}

// Coroutines run on behalf of the loop, never of JavaScript that happens to be on the main stack. Microtasks and ticks
// they cause run when the callback scope closes.
void Runtime::runBatch() noexcept {
  if (stopped_ || inBatch_) return;
  bool more;
  {
    v8::HandleScope scope(isolate);
    v8::Local<v8::Context> here = context.Get(isolate);
    v8::Context::Scope entered(here);
    node::CallbackScope callbacks(isolate, resource_.Get(isolate), {0, 0});
    v8::Local<v8::Value> kept = v8::Local<v8::Value>::New(isolate, v8::Number::New(isolate, 0.5));
    engine_->main().contextSlot = reinterpret_cast<uint64_t*>(*kept);
    engine_->noteAsyncDepth();
    quietScavenge_->prepare();
    inBatch_ = true;
    more = scheduler_->runBatch(batchBudgetNs);
    inBatch_ = false;
    engine_->main().contextSlot = nullptr;
  }
  if (stopped_) {
    setIdle(false);
    isolate->TerminateExecution();
    return;
  }
  setIdle(more || scheduler_->readyLength() > 0);
  keepLoopAlive();
}

// Parked coroutines never run again: their stacks are forgotten as they stand, after V8's lists no longer show them.
void Runtime::teardown(void* data, void (*done)(void*), void* doneArgument) {
  auto* runtime = static_cast<Runtime*>(data);
  current_ = nullptr;
  runtime->stopped_ = true;
  runtime->teardownDone_ = done;
  runtime->teardownArgument_ = doneArgument;
  runtime->disk_->shutdown();
  runtime->poller_->closeAll();
  for (uint32_t i = 0; i < runtime->scheduler_->slots(); ++i) {
    sched::Coroutine* c = runtime->scheduler_->at(i);
    if (!c || !c->owner) continue;
#if V8_MAJOR_VERSION >= 14
    delete static_cast<v8::Global<v8::Data>*>(c->owner);
#else
    delete static_cast<v8::Global<v8::Value>*>(c->owner);
#endif
  }
  runtime->scheduler_->shutdown();
  auto onClose = [](uv_handle_t* h) { static_cast<Runtime*>(h->data)->closed(); };
  uv_close(reinterpret_cast<uv_handle_t*>(&runtime->pollHandle_), onClose);
  uv_close(reinterpret_cast<uv_handle_t*>(&runtime->idleHandle_), onClose);
}

void Runtime::closed() noexcept {
  if (--openHandles_ > 0) return;
  auto done = teardownDone_;
  void* argument = teardownArgument_;
  delete this;
  done(argument);
}

}  // namespace stackful::binding
