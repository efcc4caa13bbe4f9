#include "runtime.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../engine/self_test.h"

namespace stackful::binding {

constinit thread_local Runtime* Runtime::current_ = nullptr;

namespace {

// What every environment of the process shares. Stacks may take all the memory that the process may, so that a program
// which spawns without end gets an error rather than the kernel's out-of-memory killer.
void setProcessDefaults() {
  static const bool once = [] {
    const uint64_t constrained = uv_get_constrained_memory(), total = uv_get_total_memory();
    stack::StackBudget::setLimit(constrained > 0 && constrained < total ? constrained : total);
    if (const char* guard = getenv("STACKFUL_STACK_GUARD")) stack::useGuardNamed(guard);
    return true;
  }();
  (void)once;
}

}  // namespace

Runtime::Runtime(v8::Isolate* i, v8::Local<v8::Context> c) : isolate(i), context(i, c) {}

Runtime::~Runtime() {
  delete trimTimer_;
  delete loop_;
  delete disk_;
  delete poller_;
  delete scheduler_;
  delete quietScavenge_;
  delete engine_;
}

Runtime* Runtime::create(v8::Isolate* isolate, v8::Local<v8::Context> context, std::string& reason,
                         const engine::Corruption* corruption) {
  // Guards, records and what is given back are laid out for it; arm64 kernels with others exist.
  const long page = sysconf(_SC_PAGESIZE);
  if (page != static_cast<long>(stack::kPage)) {
    reason = "the page size: it needs a kernel with pages of 4096 bytes, and this one's have " +
             std::to_string(page);
    return nullptr;
  }
  // V8 aborts the process when it collects wasm code while threads are archived.
  v8::V8::SetFlagsFromString("--no-wasm-code-gc");
  setProcessDefaults();
  auto* runtime = new Runtime(isolate, context);
  bool ok = engine::discover(isolate, runtime->found, reason, corruption);
  if (ok) {
    runtime->engine_ = new engine::Engine(runtime->found);
    ok = engine::selfTest(isolate, runtime->found, *runtime->engine_, false, reason);
  }
  ok = ok && runtime->hookIntoLoop(reason);
  if (ok) {
    runtime->quietScavenge_ = new engine::QuietScavenge(isolate, runtime->engine().states(),
                                                        runtime->found.pristine, runtime->found.asyncContext);
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
  uv_loop_t* loop = node::GetCurrentEventLoop(isolate);
  auto run = [](void* self) { static_cast<Runtime*>(self)->runBatch(); };
  loop_ = new HostLoop(isolate, *engine_, *poller_, run, this);
  if (!loop_->open(loop)) {
    reason = "no event loop";
    return false;
  }
  trimTimer_ = new TrimTimer(stacks, *scheduler_);
  trimTimer_->open(loop);
  cleanup_ = node::AddEnvironmentCleanupHook(isolate, teardown, this);
  // process.exit() in the middle of a batch; of the main thread's environment nothing is torn down then.
  node::AtExit(
      node::GetCurrentEnvironment(context.Get(isolate)),
      [](void*) {
        if (current_) current_->poller().endOfBatch().run();
      },
      nullptr);
  return true;
}

namespace {

#if V8_MAJOR_VERSION >= 14
using ContextFrame = v8::Data;
v8::Local<ContextFrame> contextFrame(v8::Isolate* isolate) {
  return isolate->GetContinuationPreservedEmbedderDataV2();
}
void setContextFrame(v8::Isolate* isolate, v8::Local<ContextFrame> frame) {
  isolate->SetContinuationPreservedEmbedderDataV2(frame);
}
#elif V8_MAJOR_VERSION >= 12
using ContextFrame = v8::Value;
v8::Local<ContextFrame> contextFrame(v8::Isolate* isolate) {
  return isolate->GetContinuationPreservedEmbedderData();
}
void setContextFrame(v8::Isolate* isolate, v8::Local<ContextFrame> frame) {
  isolate->SetContinuationPreservedEmbedderData(frame);
}
#else
using ContextFrame = v8::Value;
v8::Local<ContextFrame> contextFrame(v8::Isolate* isolate) {
  return v8::Undefined(isolate);
}
void setContextFrame(v8::Isolate*, v8::Local<ContextFrame>) {}
#endif

bool isUndefined(v8::Local<v8::Data> data) {
  return data->IsValue() && data.As<v8::Value>()->IsUndefined();
}

// What a coroutine has from whoever spawned it: until it begins or, when hooks have been told of it, until it ends. The
// usual case, no store and no hooks, has none.
struct Inherited {
  v8::Global<ContextFrame> frame;
  v8::Global<v8::Object> resource;  // hooks have been told of it
};

Inherited* inheritedBy(const sched::Coroutine* c) {
  return static_cast<Inherited*>(c->owner);
}

uint64_t* slotOf(v8::Local<v8::Value> handle) {
  return reinterpret_cast<uint64_t*>(*handle);
}

}  // namespace

sched::Coroutine* Runtime::spawn(size_t stackBytes, uint8_t priority,
                                 v8::Local<v8::Object> resource) noexcept {
  Inherited* inherited = nullptr;
  node::async_context ids;
  v8::Local<ContextFrame> frame = contextFrame(isolate);
  const bool hooked = asyncIds.hasInitHooks();
  if (hooked) {
    // Among the hooks is that of AsyncLocalStorage in Node 20 and 22, which copies the stores of the running resource.
    ids = node::EmitAsyncInit(isolate, resource, "COROUTINE");
  } else {
    double next[2];
    asyncIds.next(next);
    ids = {next[0], next[1]};
  }
  sched::Coroutine* c = scheduler_->respawn(stackBytes, priority);
  if (!c) c = scheduler_->spawn(stackBytes, runBody, this, priority);
  if (!c) {
    // Not the other way round: a hook may do anything, and nobody can run yet what it is told of.
    if (hooked) node::EmitAsyncDestroy(isolate, ids);
    return nullptr;
  }
  c->execution.asyncIds[0] = ids.async_id;
  c->execution.asyncIds[1] = ids.trigger_async_id;
  if (hooked || !isUndefined(frame)) {
    inherited = new Inherited;
    if (!isUndefined(frame)) inherited->frame.Reset(isolate, frame);
    if (hooked) inherited->resource.Reset(isolate, resource);
  }
  c->owner = inherited;
  return c;
}

// The first C++ frame of every stack. Returns from JavaScript when the coroutine is over, or its successor on this stack,
// or the successor of that.
void Runtime::runBody(void* data) {
  auto* runtime = static_cast<Runtime*>(data);
  v8::Isolate* isolate = runtime->isolate;
  sched::Scheduler& scheduler = *runtime->scheduler_;
  {
    v8::HandleScope scope(isolate);
    sched::Coroutine* self = scheduler.running();
    v8::Local<v8::Number> slot = v8::Number::New(isolate, self->slot);
    // Handles of this stack keep its async context and its resource alive while it is parked: any fresh ones will do, but
    // the second stands behind the first (so they do in a block with room, as the engine's self-test has seen, and the
    // block is new).
    v8::Local<v8::Value> kept = v8::Local<v8::Value>::New(isolate, slot);
    v8::Local<v8::Value> keptResource = v8::Local<v8::Value>::New(isolate, slot);
    if (slotOf(keptResource) != slotOf(kept) + 1) abort();
    self->execution.contextSlot = slotOf(kept);
    setContextFrame(isolate, v8::Undefined(isolate));
    runtime->enterContextOf(self);
    v8::Local<v8::Value> argument = slot;
    v8::TryCatch caught(isolate);
    // The body catches whatever coroutines throw; what comes out is the end of the isolate's execution (a worker
    // being terminated), and then no coroutine may run again.
    if (runtime->body.Get(isolate)
            ->Call(runtime->context.Get(isolate), v8::Undefined(isolate), 1, &argument)
            .IsEmpty()) {
      runtime->stopped_ = true;
      // Anything else would be a defect of ours (a stack too full for the body's own `catch`), and must not be silent.
      if (caught.HasCaught() && caught.Exception()->IsNativeError()) {
        v8::String::Utf8Value text(isolate, caught.Exception());
        fprintf(stderr, "stackful: this thread's coroutines have stopped: %s left the body of one\n",
                *text ? *text : "an exception");
      }
    }
    runtime->leaveContextOf(self);
    self->execution.contextSlot = nullptr;
  }
  if (runtime->stopped_) scheduler.halt();
  scheduler.finish();
}

// The running coroutine begins: it takes what whoever spawned it has left for it.
void Runtime::enterContextOf(sched::Coroutine* self) noexcept {
  constexpr uint64_t kNoObject = 0;  // a small integer
  engine::Execution& e = self->execution;
  e.resourceSlot = e.contextSlot + 1;
  *e.resourceSlot = kNoObject;
  Inherited* inherited = inheritedBy(self);
  if (!inherited) [[likely]]
    return;
  if (!inherited->frame.IsEmpty()) setContextFrame(isolate, inherited->frame.Get(isolate));
  if (inherited->resource.IsEmpty()) {
    delete inherited;
    self->owner = nullptr;
    return;
  }
  inherited->frame.Reset();
  *e.resourceSlot = *slotOf(inherited->resource.Get(isolate));
  asyncIds.enterResource(&e);
}

// It is over: nothing of it stays on its stack. More than once does no harm.
void Runtime::leaveContextOf(sched::Coroutine* self) noexcept {
  engine::Execution& e = self->execution;
  if (asyncIds.resourcesInUse()) [[unlikely]] {
    v8::Context::Scope entered(context.Get(isolate));
    asyncIds.leaveResource(&e);
  }
  e.resourceSlot = nullptr;
  setContextFrame(isolate, v8::Undefined(isolate));
  if (Inherited* inherited = inheritedBy(self)) [[unlikely]] {
    node::EmitAsyncDestroy(isolate, {e.asyncIds[0], e.asyncIds[1]});
    delete inherited;
    self->owner = nullptr;
  }
}

bool Runtime::runAnother() noexcept {
  sched::Coroutine* self = scheduler_->running();
  if (stopped_ || engine_->asyncScopesOpen()) return false;
  leaveContextOf(self);
  if (!scheduler_->rest()) return false;
  enterContextOf(self);
  return true;
}

void Runtime::scheduleOutsideBatch() noexcept {
  if (!stopped_ && scheduler_->readyLength() > 0) loop_->setBusy(true);
}

// Coroutines run on behalf of the loop, never of JavaScript that happens to be on the main stack. Microtasks and ticks
// they cause run when the callback scope closes.
void Runtime::runForLoop(void (*body)(Runtime&, void*), void* argument) noexcept {
  v8::HandleScope scope(isolate);
  v8::Local<v8::Context> here = context.Get(isolate);
  v8::Context::Scope entered(here);
  v8::Local<v8::Object> resource = asyncIds.shared(), mains = asyncIds.shared();
  node::CallbackScope callbacks(isolate, resource, {0, 0});
  v8::Local<v8::Value> kept = v8::Local<v8::Value>::New(isolate, v8::Number::New(isolate, 0.5));
  engine_->main().contextSlot = slotOf(kept);
  asyncIds.useHandles(resource, mains);
  if (!executionAsyncResource.IsEmpty()) {
    resourcesFollow = asyncIds.followsHandle(here, executionAsyncResource.Get(isolate));
    executionAsyncResource.Reset();
  }
  if (!resourcesFollow) asyncIds.forgetHandles();
  quietScavenge_->prepare();
  inBatch_ = true;
  body(*this, argument);
  inBatch_ = false;
  engine_->main().contextSlot = nullptr;
  asyncIds.forgetHandles();
}

// False once the environment is going away: Node lets its loop turn a few more times then, and JavaScript that begins is
// refused by V8, but nobody would refuse what continues. Node-API functions say so before they look at their arguments (10 ns).
bool Runtime::mayRunJavaScript() const noexcept {
  if (napi_has_property(env, nullptr, nullptr, nullptr) == napi_invalid_arg) return true;
  bool pending = false;
  return napi_is_exception_pending(env, &pending) == napi_ok && pending;
}

void Runtime::runBatch() noexcept {
  if (stopped_ || inBatch_) return;
  if (!mayRunJavaScript()) {
    stopped_ = true;
    return loop_->setBusy(false);
  }
  if (slices) slices->clock.batchBegins();
  bool more = false;
  if (waiting_) {
    runSimulation();
  } else {
    // Whoever waits for a promise that is settled by now is ready once the batch's microtasks have run: to go on here
    // saves a turn of the loop with its system calls: 0.65 us of CPU for such a wait instead of 1.0.
    const int64_t end = sched::monotonicNow() + batchBudgetNs;
    do {
      runForLoop(
          [](Runtime& self, void* result) {
            *static_cast<bool*>(result) = self.runCoroutines();
            self.poller_->endOfBatch().run();
          },
          &more);
    } while (!more && !stopped_ && !waiting_ && scheduler_->readyLength() > 0 && sched::monotonicNow() < end);
  }
  if (slices) slices->clock.batchEnds();
  if (stopped_) {
    loop_->setBusy(false);
    isolate->TerminateExecution();
    return;
  }
  loop_->setBusy(more || waiting_ || scheduler_->readyLength() > 0);
  trimTimer_->noteBatch();
  loop_->keepAlive(poller_->active() > 0);
}

bool Runtime::runCoroutines() noexcept {
  if (asyncIds.hasTurnHooks()) return runHookedTurns();
  engine_->noteAsyncContext();
  return scheduler_->runBatch(batchBudgetNs);
}

bool Runtime::runHookedTurns() noexcept {
  const int64_t end = sched::monotonicNow() + batchBudgetNs;
  do {
    sched::Coroutine* c = scheduler_->take();
    if (!c) return false;
    runHookedTurn(c);
  } while (!stopped_ && sched::monotonicNow() < end);
  return scheduler_->readyLength() > 0;
}

// Hooks want to hear of each turn of each coroutine, in the order of a stack: every one goes through here, in a callback
// scope of its own.
void Runtime::runHookedTurn(sched::Coroutine* c) noexcept {
  v8::HandleScope scope(isolate);
  v8::Local<v8::Object> resource = resourceOf(c), mains = asyncIds.shared();
  node::CallbackScope turn(isolate, resource, {c->execution.asyncIds[0], c->execution.asyncIds[1]});
  if (resourcesFollow) asyncIds.useHandles(resource, mains);
  engine_->noteAsyncContext();
  scheduler_->runTurn(c);
  asyncIds.forgetHandles();
}

v8::Local<v8::Object> Runtime::resourceOf(const sched::Coroutine* c) const noexcept {
  if (const Inherited* inherited = inheritedBy(c); inherited && !inherited->resource.IsEmpty())
    return inherited->resource.Get(isolate);
  if (!engine::AsyncStack::isOwn(c->execution.resourceSlot)) return asyncIds.shared();
  v8::Local<v8::Value> handle = v8::Local<v8::Value>::New(isolate, v8::Number::New(isolate, 0.5));
  *slotOf(handle) = *c->execution.resourceSlot;
  return handle.As<v8::Object>();
}

// Parked coroutines never run again: their stacks are forgotten as they stand, after V8's lists no longer show them.
void Runtime::teardown(void* data, void (*done)(void*), void* doneArgument) {
  auto* runtime = static_cast<Runtime*>(data);
  current_ = nullptr;
  runtime->stopped_ = true;
  runtime->slices.reset();
  runtime->teardownDone_ = done;
  runtime->teardownArgument_ = doneArgument;
  runtime->disk_->shutdown();
  runtime->poller_->closeAll();
  for (uint32_t i = 0; i < runtime->scheduler_->slots(); ++i) {
    sched::Coroutine* c = runtime->scheduler_->at(i);
    if (c) delete inheritedBy(c);
  }
  runtime->scheduler_->shutdown();
  runtime->trimTimer_->handle()->data = runtime;
  uv_close(runtime->trimTimer_->handle(), [](uv_handle_t* h) { static_cast<Runtime*>(h->data)->closed(); });
  runtime->loop_->close([](void* self) { static_cast<Runtime*>(self)->closed(); });
}

void Runtime::closed() noexcept {
  if (--stillOpen_ > 0) return;
  auto done = teardownDone_;
  void* argument = teardownArgument_;
  delete this;
  done(argument);
}

}  // namespace stackful::binding
