// A coroutine from its spawning to its end: what it inherits, the frames at the bottom of its stack, and its async context.
#include <cstdio>

#include "../engine/handles.h"
#include "inherited.h"
#include "runtime.h"

namespace stackful::runtime {
namespace {

#if V8_MAJOR_VERSION >= 14
v8::Local<ContextFrame> contextFrame(v8::Isolate* isolate) {
  return isolate->GetContinuationPreservedEmbedderDataV2();
}
void setContextFrame(v8::Isolate* isolate, v8::Local<ContextFrame> frame) {
  isolate->SetContinuationPreservedEmbedderDataV2(frame);
}
#elif V8_MAJOR_VERSION >= 12
v8::Local<ContextFrame> contextFrame(v8::Isolate* isolate) {
  return isolate->GetContinuationPreservedEmbedderData();
}
void setContextFrame(v8::Isolate* isolate, v8::Local<ContextFrame> frame) {
  isolate->SetContinuationPreservedEmbedderData(frame);
}
#else
v8::Local<ContextFrame> contextFrame(v8::Isolate* isolate) {
  return v8::Undefined(isolate);
}
void setContextFrame(v8::Isolate*, v8::Local<ContextFrame>) {}
#endif

bool isUndefined(v8::Local<v8::Data> data) {
  return data->IsValue() && data.As<v8::Value>()->IsUndefined();
}

// The properties under symbols, which is where AsyncLocalStorage and other libraries keep what belongs to a resource.
void copySymbols(v8::Local<v8::Context> context, v8::Local<v8::Object> from, v8::Local<v8::Object> to) {
  constexpr auto kSymbols = static_cast<v8::PropertyFilter>(v8::ONLY_ENUMERABLE | v8::SKIP_STRINGS);
  v8::Local<v8::Array> names;
  if (!from->GetOwnPropertyNames(context, kSymbols).ToLocal(&names)) return;
  for (uint32_t i = 0; i < names->Length(); ++i) {
    v8::Local<v8::Value> name, value;
    if (!names->Get(context, i).ToLocal(&name) || !from->Get(context, name).ToLocal(&value)) return;
    to->Set(context, name, value).Check();
  }
}

}  // namespace

sched::Coroutine* Runtime::spawn(size_t stackBytes, uint8_t priority, v8::Local<v8::Object> resource,
                                 sched::State first) noexcept {
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
  sched::Coroutine* c = scheduler_->respawn(stackBytes, priority, first);
  if (!c) c = scheduler_->spawn(stackBytes, runBody, this, priority, first);
  if (!c) {
    // Not the other way round: a hook may do anything, and the coroutine that it is told of cannot run yet.
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
    engine::ContextHandles::open(isolate, self->execution);
    setContextFrame(isolate, v8::Undefined(isolate));
    runtime->enterContextOf(self);
    v8::Local<v8::Value> argument = slot;
    v8::TryCatch caught(isolate);
    // The body catches whatever coroutines throw; what comes out is the end of execution: of this coroutine's, or of the
    // isolate's (a worker being terminated), and then no coroutine may run again.
    if (runtime->body.Get(isolate)
            ->Call(runtime->context.Get(isolate), v8::Undefined(isolate), 1, &argument)
            .IsEmpty() &&
        !runtime->outliveTermination(self, caught)) {
      runtime->stopped_ = true;
      // Anything else would be a defect of ours (a stack too full for the body's own `catch`), and must not be silent.
      if (caught.HasCaught() && caught.Exception()->IsNativeError()) {
        v8::String::Utf8Value text(isolate, caught.Exception());
        fprintf(stderr, "stackful: this thread's coroutines have stopped: %s left the body of one\n",
                *text ? *text : "an exception");
      }
    }
    runtime->leaveContextOf(self);
    engine::ContextHandles::close(self->execution);
  }
  if (runtime->stopped_) scheduler.halt();
  scheduler.finish();
}

// The running coroutine begins: it takes what it has inherited.
void Runtime::enterContextOf(sched::Coroutine* self) noexcept {
  engine::Execution& e = self->execution;
  engine::ContextHandles::begin(e);
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
  *e.resourceSlot = *engine::slotOf(inherited->resource.Get(isolate));
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
    if (!inherited->resource.IsEmpty()) {
      // The termination of a worker has left the body, and with it the context by which Node finds its environment.
      v8::Context::Scope entered(context.Get(isolate));
      node::EmitAsyncDestroy(isolate, {e.asyncIds[0], e.asyncIds[1]});
    }
    delete inherited;
    self->owner = nullptr;
  }
}

void Runtime::keepContext() noexcept {
  v8::Local<ContextFrame> frame = contextFrame(isolate);
  if (isUndefined(frame)) return;
  sched::Coroutine* self = scheduler_->running();
  Inherited* inherited = inheritedBy(self);
  if (!inherited) self->owner = inherited = new Inherited;
  inherited->frame.Reset(isolate, frame);
}

void Runtime::renewContext() noexcept {
  v8::HandleScope scope(isolate);
  sched::Coroutine* self = scheduler_->running();
  const Inherited* inherited = inheritedBy(self);
  if (inherited && !inherited->frame.IsEmpty()) {
    setContextFrame(isolate, inherited->frame.Get(isolate));
  } else {
    setContextFrame(isolate, v8::Undefined(isolate));
  }
  const bool told = inherited && !inherited->resource.IsEmpty();
  engine::Execution& e = self->execution;
  if (!e.resourceSlot || !(told || asyncIds.resourcesInUse())) return;
  // What it has written to may be shared with others that have none of their own.
  asyncIds.leaveResource(&e);
  v8::Local<v8::Object> fresh = v8::Object::New(isolate);
  if (told) copySymbols(context.Get(isolate), inherited->resource.Get(isolate), fresh);
  *e.resourceSlot = *engine::slotOf(fresh);
  asyncIds.enterResource(&e);
}

bool Runtime::runAnother() noexcept {
  sched::Coroutine* self = scheduler_->running();
  if (stopped_ || engine_->asyncScopesOpen()) return false;
  leaveContextOf(self);
  if (!scheduler_->rest()) return false;
  enterContextOf(self);
  return true;
}

}  // namespace stackful::runtime
