// Coroutines as JavaScript sees them: numbers of slots, codes, and texts on demand.
#include <node_version.h>

#include <new>
#include <string>

#include "../engine/foreign_state.h"
#include "../net/address.h"
#include "values.h"

namespace stackful::binding {
namespace {

sched::Scheduler& scheduler() {
  return Runtime::current()->scheduler();
}

// What spawn returns instead of a slot; lib/coroutine/coroutine.ts knows them too.
enum NoSlot : int32_t { kNoMemory = -1, kBudgetSpent = -2, kTooMany = -3, kEnded = -4 };

// spawn(stackBytes, priority, coroutine, held): slot, or a NoSlot. Async hooks see `coroutine` as the resource. `held`, when it
// is there: it is parked in kFiber and begins by resume.
void spawn(const Info& info) {
  Runtime* runtime = Runtime::current();
  // The environment is being torn down, and a finalizer still runs JavaScript.
  if (!runtime) return info.GetReturnValue().Set(kEnded);
  if (runtime->scheduler().live() >= runtime->maxCoroutines) return info.GetReturnValue().Set(kTooMany);
  sched::Coroutine* c = runtime->spawn(static_cast<size_t>(numberAt(info, 0)),
                                       static_cast<uint8_t>(intAt(info, 1)), info[2].As<v8::Object>(),
                                       info.Length() > 3 ? sched::State::kParked : sched::State::kReady);
  if (!c) {
    const bool spent = !stack::StackBudget::allows(stack::kPage);
    return info.GetReturnValue().Set(spent ? kBudgetSpent : kNoMemory);
  }
  runtime->schedule();
  info.GetReturnValue().Set(static_cast<int32_t>(c->slot));
}

// runAnother(joiner): by the body of coroutines, when the function of the running one has ended. Makes `joiner` ready,
// the slot of a coroutine that is parked for that end, or -1. Returns the slot of another coroutine, which runs here from
// now on; -1: the body has to return.
void runAnother(const Info& info) {
  Runtime* runtime = Runtime::current();
  const int32_t joiner = intAt(info, 0);
  if (joiner >= 0) {
    sched::Coroutine* c = scheduler().at(static_cast<uint32_t>(joiner));
    if (c) scheduler().wake(c, 0);
  }
  info.GetReturnValue().Set(runtime->runAnother() ? static_cast<int32_t>(scheduler().running()->slot) : -1);
}

// current(): slot of the running coroutine, or -1 on the main stack.
void current(const Info& info) {
  Runtime* runtime = Runtime::current();
  sched::Coroutine* c = runtime ? runtime->scheduler().running() : nullptr;
  info.GetReturnValue().Set(c ? static_cast<int32_t>(c->slot) : -1);
}

// running(): an Int32Array that always holds what Scheduler::Published says.
void running(const Info& info) {
  Runtime* runtime = Runtime::current();
  v8::Isolate* isolate = info.GetIsolate();
  using Published = sched::Scheduler::Published;
  if (!runtime->published) {
    runtime->published = v8::ArrayBuffer::NewBackingStore(isolate, sizeof(Published));
    runtime->scheduler().publishTo(new (runtime->published->Data()) Published);
  }
  v8::Local<v8::ArrayBuffer> memory = v8::ArrayBuffer::New(isolate, runtime->published);
  info.GetReturnValue().Set(v8::Int32Array::New(memory, 0, sizeof(Published) / sizeof(int32_t)));
}

// setBody(body): what runs the functions of coroutines. Once, before the first is spawned.
void setBody(const Info& info) {
  Runtime::current()->body.Reset(info.GetIsolate(), info[0].As<v8::Function>());
}

// inMicrotask(): whether this is a promise callback, or what follows an `await`.
void inMicrotask(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::MicrotaskQueue* queue = isolate->GetCurrentContext()->GetMicrotaskQueue();
  info.GetReturnValue().Set(queue && queue->IsRunningMicrotasks());
}

// fulfilledValue(promise, otherwise): what the promise was fulfilled with, or `otherwise` when it is not, is none, or the
// running coroutine is not to begin a parking call. Parks now and then, so that a coroutine that only waits for promises
// that are settled already does not keep the others out.
void fulfilledValue(const Info& info) {
  sched::Coroutine* self = scheduler().running();
  if (!self || self->interrupted() || !info[0]->IsPromise() ||
      info[0].As<v8::Promise>()->State() != v8::Promise::kFulfilled) {
    info.GetReturnValue().Set(info[1]);
    return;
  }
  info.GetReturnValue().Set(info[0].As<v8::Promise>()->Result());
  scheduler().charge();
}

// park(kind, number): wake code. Everything is inlined here, down to the switch: after one, a return goes to where another
// stack has called, and none of those in between is predicted. 15 of 132 ns of a spawn that is joined, for this one.
[[gnu::flatten]] void park(const Info& info) {
  info.GetReturnValue().Set(scheduler().park(
      {static_cast<sched::ParkKind>(intAt(info, 0)), -1, static_cast<int64_t>(numberAt(info, 1))}));
}

// resume(slot): runs that coroutine until it stops next; 0, or why not. Its values are up to JavaScript.
[[gnu::flatten]] void resume(const Info& info) {
  Runtime* runtime = Runtime::current();
  sched::Coroutine* c = runtime ? runtime->scheduler().at(static_cast<uint32_t>(intAt(info, 0))) : nullptr;
  info.GetReturnValue().Set(c ? runtime->resume(c) : kNotResumable);
}

// suspend(): until it is resumed; wake code.
[[gnu::flatten]] void suspend(const Info& info) {
  info.GetReturnValue().Set(scheduler().running() ? scheduler().suspend() : kNotInCoroutine);
}

// mayPark(): 0, or kCannotPark where a park of the running coroutine would end with that. Asked by what changes something before
// it parks.
void mayPark(const Info& info) {
  info.GetReturnValue().Set(scheduler().engine().mayPark() ? 0 : kCannotPark);
}

// cannotParkReason(): after a parking call that ended with kCannotPark, on the same stack.
void cannotParkReason(const Info& info) {
  info.GetReturnValue().Set(string(info.GetIsolate(), Runtime::current()->engine().cannotParkReason()));
}

// onBehalfOfOthers(): then too: whether what runs here is a callback that all coroutines share.
void onBehalfOfOthers(const Info& info) {
  info.GetReturnValue().Set(Runtime::current()->engine().onBehalfOfOthers());
}

// parkFor(kind, number, ms): the same for `ms` at most, then -ETIMEDOUT.
void parkFor(const Info& info) {
  info.GetReturnValue().Set(scheduler().parkUntil(
      {static_cast<sched::ParkKind>(intAt(info, 0)), -1, static_cast<int64_t>(numberAt(info, 1))},
      deadlineAfter(numberAt(info, 2))));
}

// now(): milliseconds on the clock of sleeps and time limits.
void now(const Info& info) {
  info.GetReturnValue().Set(static_cast<double>(scheduler().now()) / 1e6);
}

// wake(slot, code): whether that coroutine was parked.
void wake(const Info& info) {
  Runtime* runtime = Runtime::current();
  sched::Coroutine* c = runtime ? runtime->scheduler().at(static_cast<uint32_t>(intAt(info, 0))) : nullptr;
  bool woken = c && runtime->scheduler().wake(c, intAt(info, 1));
  if (woken) runtime->schedule();
  info.GetReturnValue().Set(woken);
}

// cancel(slot): every parking call of that coroutine ends with -ECANCELED from now on.
void cancel(const Info& info) {
  Runtime* runtime = Runtime::current();
  sched::Coroutine* c = runtime->scheduler().at(static_cast<uint32_t>(intAt(info, 0)));
  if (!c) return;
  runtime->scheduler().cancel(c);
  runtime->schedule();
}

void yieldNow(const Info& info) {
  info.GetReturnValue().Set(scheduler().yieldNow());
}

// spendCredit(): by a call that does not have to wait, when the credit that running() shows is spent. Parks.
void spendCredit(const Info& info) {
  info.GetReturnValue().Set(scheduler().spendCredit());
}

// sleep(ms)
void sleep(const Info& info) {
  double ns = numberAt(info, 0) * 1e6;
  info.GetReturnValue().Set(sched::sleepFor(scheduler(), ns < 9e18 ? static_cast<int64_t>(ns) : INT64_MAX));
}

// sleepSoftly(ms): to a microsecond.
void sleepSoftly(const Info& info) {
  double ns = numberAt(info, 0) * 1e6;
  info.GetReturnValue().Set(
      sched::sleepSoftlyFor(scheduler(), ns < 9e18 ? static_cast<int64_t>(ns) : INT64_MAX));
}

// armSoft(slot, us): makes that coroutine, which has not begun and was spawned as held, ready after that time. The number of the
// event, or a code.
void armSoft(const Info& info) {
  Runtime* runtime = Runtime::current();
  sched::Coroutine* c = scheduler().at(static_cast<uint32_t>(intAt(info, 0)));
  info.GetReturnValue().Set(scheduler().armSoft(c, static_cast<int64_t>(numberAt(info, 1) * 1e3)));
  if (!scheduler().running()) runtime->poller().arm();
  runtime->schedule();
}

// disarmSoft(number): by the coroutine that was armed, when it begins. Whether something else than the event has woken it.
void disarmSoft(const Info& info) {
  info.GetReturnValue().Set(
      scheduler().disarmSoft(static_cast<uint32_t>(intAt(info, 0)), scheduler().running()));
}

// state(slot): 0 ready, 1 running, 2 parked, 3 done.
void state(const Info& info) {
  sched::Coroutine* c = scheduler().at(static_cast<uint32_t>(intAt(info, 0)));
  info.GetReturnValue().Set(static_cast<int32_t>(c ? c->state : sched::State::kDone));
}

// parkedOn(slot): what a parked coroutine waits for.
void parkedOn(const Info& info) {
  sched::Coroutine* c = scheduler().at(static_cast<uint32_t>(intAt(info, 0)));
  if (!c || c->state != sched::State::kParked) return;
  char text[256];
  size_t length = net::describeParked(c->parkedOn(), text, sizeof text);
  info.GetReturnValue().Set(string(info.GetIsolate(), {text, length}));
}

// parkedFor(slot): milliseconds since it parked, to about 1 ms; -1 when it is not parked.
void parkedFor(const Info& info) {
  sched::Coroutine* c = scheduler().at(static_cast<uint32_t>(intAt(info, 0)));
  const bool parked = c && c->state == sched::State::kParked;
  const int64_t ns = parked ? scheduler().parkedFor(c, sched::monotonicNow()) : -1;
  info.GetReturnValue().Set(parked ? static_cast<double>(ns) / 1e6 : -1.0);
}

// census(): [["running", 1], ["parked on sleep", 20], ...], of all coroutines.
void census(const Info& info) {
  constexpr auto kKinds = static_cast<size_t>(sched::ParkKind::kCount);
  uint32_t ready = 0, running = 0, parked[kKinds] = {};
  for (uint32_t i = 0; i < scheduler().slots(); ++i) {
    const sched::Coroutine* c = scheduler().at(i);
    if (!c) continue;
    if (c->state == sched::State::kReady) ++ready;
    if (c->state == sched::State::kRunning) ++running;
    if (c->state == sched::State::kParked) ++parked[static_cast<size_t>(c->parkKind)];
  }
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Array> list = v8::Array::New(isolate);
  auto add = [&](const std::string& what, uint32_t count) {
    if (count == 0) return;
    v8::Local<v8::Value> pair[] = {string(isolate, what), v8::Integer::NewFromUnsigned(isolate, count)};
    list->Set(context, list->Length(), v8::Array::New(isolate, pair, 2)).Check();
  };
  add("ready", ready);
  add("running", running);
  for (size_t kind = 0; kind < kKinds; ++kind) {
    add(std::string("parked on ") + sched::parkKindName(static_cast<sched::ParkKind>(kind)), parked[kind]);
  }
  info.GetReturnValue().Set(list);
}

// noteAsyncIds(executionId, triggerId, resource), then confirmAsyncIds(executionId, triggerId, resource,
// executionAsyncResource) one async scope further in: finds where Node keeps its async contexts; false when it does not.
void noteAsyncIds(const Info& info) {
  Runtime* runtime = Runtime::current();
  const double ids[] = {numberAt(info, 0), numberAt(info, 1)};
  runtime->asyncIds.note(runtime->isolate, node::GetCurrentEnvironment(runtime->isolate->GetCurrentContext()),
                         ids, info[2].As<v8::Object>());
}

void confirmAsyncIds(const Info& info) {
  Runtime* runtime = Runtime::current();
  const double ids[] = {numberAt(info, 0), numberAt(info, 1)};
  bool found = runtime->asyncIds.confirm(ids, info[2].As<v8::Object>());
  if (found) {
    runtime->executionAsyncResource.Reset(runtime->isolate, info[3].As<v8::Function>());
    runtime->engine().useAsyncStack(&runtime->asyncIds);
  }
  info.GetReturnValue().Set(found);
}

// addonLoaded(): another one's scopes have to be known; see NodeApiScopes.
void addonLoaded(const Info&) {
  if (Runtime* runtime = Runtime::current()) runtime->noteAddon();
}

// watchModules(list, changed): see Runtime::watchModules.
void watchModules(const Info& info) {
  Runtime::current()->watchModules(info[0].As<v8::Array>(), info[1].As<v8::Function>());
}

// setBatchBudget(ms)
void setBatchBudget(const Info& info) {
  Runtime::current()->batchBudgetNs = static_cast<int64_t>(numberAt(info, 0) * 1e6);
}

}  // namespace

void defineCore(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "setBody", setBody);
  define(context, exports, "spawn", spawn);
  define(context, exports, "runAnother", runAnother);
  define(context, exports, "current", current);
  define(context, exports, "running", running);
  define(context, exports, "inMicrotask", inMicrotask);
  define(context, exports, "fulfilledValue", fulfilledValue);
  define(context, exports, "park", park);
  define(context, exports, "resume", resume);
  define(context, exports, "suspend", suspend);
  define(context, exports, "mayPark", mayPark);
  define(context, exports, "cannotParkReason", cannotParkReason);
  define(context, exports, "onBehalfOfOthers", onBehalfOfOthers);
  define(context, exports, "parkFor", parkFor);
  define(context, exports, "now", now);
  define(context, exports, "wake", wake);
  define(context, exports, "cancel", cancel);
  define(context, exports, "yieldNow", yieldNow);
  define(context, exports, "spendCredit", spendCredit);
  define(context, exports, "sleep", sleep);
  define(context, exports, "sleepSoftly", sleepSoftly);
  define(context, exports, "armSoft", armSoft);
  define(context, exports, "disarmSoft", disarmSoft);
  define(context, exports, "state", state);
  define(context, exports, "parkedOn", parkedOn);
  define(context, exports, "parkedFor", parkedFor);
  define(context, exports, "census", census);
  define(context, exports, "noteAsyncIds", noteAsyncIds);
  define(context, exports, "confirmAsyncIds", confirmAsyncIds);
  define(context, exports, "addonLoaded", addonLoaded);
  define(context, exports, "watchModules", watchModules);
  define(context, exports, "setBatchBudget", setBatchBudget);
}

}  // namespace stackful::binding
