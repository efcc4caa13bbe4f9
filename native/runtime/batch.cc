// Batches: how long coroutines run in one turn of Node's loop, and in which of its scopes.
#include "../engine/handles.h"
#include "../engine/own_call.h"
#include "inherited.h"
#include "runtime.h"

namespace stackful::runtime {

void Runtime::scheduleOutsideBatch() noexcept {
  if (stopped_) return;
  if (scheduler_->readyLength() > 0) loop_->setBusy(true);
  // A socket that is closed on the main stack may have bytes left.
  loop_->keepAlive(poller_->active() > 0);
}

// Coroutines run on behalf of the loop, never of JavaScript that happens to be on the main stack. Microtasks and ticks
// they cause run when the callback scope closes.
void Runtime::runForLoop(void (*body)(Runtime&, void*), void* argument) noexcept {
  v8::HandleScope scope(isolate);
  v8::Local<v8::Context> here = context.Get(isolate);
  v8::Context::Scope entered(here);
  v8::Local<v8::Object> resource = asyncIds.shared(), mains = asyncIds.shared();
  node::CallbackScope callbacks(isolate, resource, {0, 0});
  engine::ContextHandles kept(isolate, engine_->main());
  asyncIds.useHandles(resource, mains);
  checkResources(here);
  quietScavenge_->prepare();
  lookAtModules();
  inBatch_ = true;
  body(*this, argument);
  inBatch_ = false;
  asyncIds.forgetHandles();
}

void Runtime::runBatch() noexcept {
  if (stopped_) return;
  if (inBatch_ || scheduler_->resuming()) return loop_->suspend();
  if (!mayRunJavaScript()) {
    stopped_ = true;
    return loop_->setBusy(false);
  }
  if (slices) slices->clock.batchBegins();
  bool more = false;
  if (waiting_) {
    runSimulation();
  } else {
    // A coroutine that waits for a promise that is settled by now is ready once the batch's microtasks have run: to
    // go on here saves a turn of the loop with its system calls: 0.65 us of CPU for such a wait instead of 1.0.
    const int64_t end = sched::monotonicNow() + batchBudgetNs;
    do {
      runForLoop(
          [](Runtime& self, void* result) {
            *static_cast<bool*>(result) = self.runCoroutines();
            self.poller_->endOfBatch().run();
          },
          &more);
      // Microtasks may have met the worker's end, which V8 has forgotten by now.
    } while (!more && !stopped_ && !waiting_ && scheduler_->readyLength() > 0 &&
             sched::monotonicNow() < end && mayRunJavaScript());
  }
  if (slices) slices->clock.batchEnds();
  loop_->resume();
  if (stopped_) {
    loop_->setBusy(false);
    isolate->TerminateExecution();
    return;
  }
  loop_->setBusy(more || waiting_ || scheduler_->readyLength() > 0);
  trimTimer_->noteBatch();
  loop_->keepAlive(poller_->active() > 0);
}

// Inside Node's topmost callback scope, whose resource is asyncIds.shared().
void Runtime::checkResources(v8::Local<v8::Context> here) noexcept {
  if (!executionAsyncResource.IsEmpty()) {
    engine::OwnCall own(isolate);
    resourcesFollow = asyncIds.followsHandle(here, executionAsyncResource.Get(isolate));
    executionAsyncResource.Reset();
  }
  if (!resourcesFollow) asyncIds.forgetHandles();
}

bool Runtime::runCoroutines() noexcept {
  if (asyncIds.hasTurnHooks() || turnLog) return runSingleTurns();
  engine_->noteAsyncContext();
  return scheduler_->runBatch(batchBudgetNs);
}

// Where something is to be done around every turn.
bool Runtime::runSingleTurns() noexcept {
  const int64_t end = sched::monotonicNow() + batchBudgetNs;
  sched::Coroutine* c;
  do {
    c = scheduler_->take();
    if (!c) break;
    if (turnLog) logTurn(c);
    if (asyncIds.hasTurnHooks()) {
      runHookedTurn(c);
    } else {
      engine_->noteAsyncContext();
      scheduler_->runTurn(c);
    }
  } while (!stopped_ && sched::monotonicNow() < end);
  if (turnLog) logTurn(nullptr);
  return c && scheduler_->readyLength() > 0;
}

void Runtime::logTurn(const sched::Coroutine* c) noexcept {
  turnLog->push_back(c ? static_cast<double>(c->slot) : -1);
  turnLog->push_back(c ? static_cast<double>(c->generation) : 0);
  turnLog->push_back(static_cast<double>(sched::monotonicNow()) / 1e6);
}

// Hooks want to hear of each turn of each coroutine, in the order of a stack: every one goes through here, in a callback
// scope of its own.
void Runtime::runHookedTurn(sched::Coroutine* c) noexcept {
  v8::HandleScope scope(isolate);
  v8::Local<v8::Object> resource = resourceOf(c), mains = asyncIds.shared();
  node::CallbackScope turn(isolate, resource, {c->execution.asyncIds[0], c->execution.asyncIds[1]});
  {
    engine::OwnCall own(isolate);
    asyncIds.tellEntered(engine_->asyncScopesOf(c->execution));
  }
  if (resourcesFollow) asyncIds.useHandles(resource, mains);
  engine_->noteAsyncContext();
  const uint32_t slot = c->slot, generation = c->generation;
  scheduler_->runTurn(c);
  asyncIds.forgetHandles();
  if (scheduler_->find(slot, generation)) asyncIds.tellLeft(engine_->asyncScopesOf(c->execution));
}

v8::Local<v8::Object> Runtime::resourceOf(const sched::Coroutine* c) const noexcept {
  if (!engine::AsyncStack::isOwn(c->execution.resourceSlot)) {
    // It has not begun, or has none.
    const Inherited* inherited = inheritedBy(c);
    return inherited && !inherited->resource.IsEmpty() ? inherited->resource.Get(isolate) : asyncIds.shared();
  }
  return engine::handleTo(isolate, *c->execution.resourceSlot).As<v8::Object>();
}

}  // namespace stackful::runtime
