// Timeouts, signals, shields and atomic sections: the limits a coroutine is in, as numbers. JavaScript leaves
// each in a `finally`, so they nest; see native/sched/limit.h.
#include "values.h"

namespace stackful::binding {
namespace {

sched::Scheduler& scheduler() {
  return Runtime::current()->scheduler();
}

// The number of the limit that was entered, or a code.
int32_t enter(int32_t code, sched::Deadline deadline) {
  Runtime* runtime = Runtime::current();
  if (!runtime || !runtime->scheduler().running()) return kNotInCoroutine;
  sched::Limit* limit = runtime->scheduler().limitPool().take();
  if (!limit) return -ENOMEM;
  limit->code = code;
  runtime->scheduler().enterLimit(*limit, deadline);
  return static_cast<int32_t>(limit->index);
}

// timeoutEnter(ms): a limit that ends what parks in it after that time.
void timeoutEnter(const Info& info) {
  info.GetReturnValue().Set(enter(kLimitTimedOut, deadlineAfter(numberAt(info, 0))));
}

// signalEnter(): a limit that limitFire ends.
void signalEnter(const Info& info) {
  info.GetReturnValue().Set(enter(kLimitAborted, sched::kNoDeadline));
}

// shieldEnter(): a limit that keeps out cancellation and the limits around it.
void shieldEnter(const Info& info) {
  info.GetReturnValue().Set(enter(0, sched::kNoDeadline));
}

// limitLeave(): leaves the innermost limit.
void limitLeave(const Info& info) {
  sched::Limit* limit = scheduler().running()->limits;
  scheduler().leaveLimit(*limit);
  scheduler().limitPool().give(limit);
}

// limitFire(limit), of an open one: what parks in it ends from now on.
void limitFire(const Info& info) {
  Runtime* runtime = Runtime::current();
  if (!runtime) return;
  runtime->scheduler().fire(*runtime->scheduler().limitPool().at(static_cast<uint32_t>(intAt(info, 0))));
  runtime->schedule();
}

// firedLimit(): the limit that has just ended a call of the running coroutine; -1 when it was left since.
void firedLimit(const Info& info) {
  const sched::Limit* limit = scheduler().firedLimit();
  info.GetReturnValue().Set(limit ? static_cast<int32_t>(limit->index) : -1);
}

// openLimits(): the limits the running coroutine is in, the innermost first. Of a shield: -1 less its number.
void openLimits(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Array> list = v8::Array::New(isolate);
  uint32_t length = 0;
  for (const sched::Limit* s = scheduler().running()->limits; s; s = s->outer) {
    const auto index = static_cast<int32_t>(s->index);
    list->Set(context, length++, v8::Integer::New(isolate, s->code == 0 ? -1 - index : index)).Check();
  }
  info.GetReturnValue().Set(list);
}

// atomicEnter(): false on the main stack, where there is nothing to hold off.
void atomicEnter(const Info& info) {
  Runtime* runtime = Runtime::current();
  const bool inside = runtime && runtime->scheduler().running();
  if (inside) runtime->scheduler().enterAtomic();
  info.GetReturnValue().Set(inside);
}

void atomicLeave(const Info& info) {
  scheduler().leaveAtomic();
}

}  // namespace

void defineLimits(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "timeoutEnter", timeoutEnter);
  define(context, exports, "signalEnter", signalEnter);
  define(context, exports, "shieldEnter", shieldEnter);
  define(context, exports, "limitLeave", limitLeave);
  define(context, exports, "limitFire", limitFire);
  define(context, exports, "firedLimit", firedLimit);
  define(context, exports, "openLimits", openLimits);
  define(context, exports, "atomicEnter", atomicEnter);
  define(context, exports, "atomicLeave", atomicLeave);
}

}  // namespace stackful::binding
