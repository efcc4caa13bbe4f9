// Timeouts, signals, shields and atomic sections: the scopes a coroutine is in, as numbers. Whoever opens one in
// JavaScript leaves it in a `finally`, so they nest; see native/sched/scope.h.
#include "values.h"

namespace stackful::binding {
namespace {

sched::Scheduler& scheduler() {
  return Runtime::current()->scheduler();
}

// The number of the scope that was entered, or a code.
int32_t enter(int32_t code, sched::Deadline deadline) {
  Runtime* runtime = Runtime::current();
  if (!runtime || !runtime->scheduler().running()) return sched::kNotInCoroutine;
  sched::Scope* scope = runtime->scheduler().scopePool().take();
  if (!scope) return -ENOMEM;
  scope->code = code;
  runtime->scheduler().enter(*scope, deadline);
  return static_cast<int32_t>(scope->index);
}

// timeoutEnter(ms): a scope that ends what parks in it after that time.
void timeoutEnter(const Info& info) {
  info.GetReturnValue().Set(enter(sched::kScopeTimedOut, deadlineAfter(numberAt(info, 0))));
}

// signalEnter(): a scope that scopeFire ends.
void signalEnter(const Info& info) {
  info.GetReturnValue().Set(enter(sched::kScopeAborted, sched::kNoDeadline));
}

// shieldEnter(): a scope that keeps out cancellation and the scopes around it.
void shieldEnter(const Info& info) {
  info.GetReturnValue().Set(enter(0, sched::kNoDeadline));
}

// scopeLeave(): leaves the innermost scope.
void scopeLeave(const Info& info) {
  sched::Scope* scope = scheduler().running()->scopes;
  scheduler().leave(*scope);
  scheduler().scopePool().give(scope);
}

// scopeFire(scope), of an open one: what parks in it ends from now on.
void scopeFire(const Info& info) {
  Runtime* runtime = Runtime::current();
  if (!runtime) return;
  runtime->scheduler().fire(*runtime->scheduler().scopePool().at(static_cast<uint32_t>(intAt(info, 0))));
  runtime->schedule();
}

// firedScope(): the scope that has just ended a call of the running coroutine; -1 when it was left since.
void firedScope(const Info& info) {
  const sched::Scope* scope = scheduler().firedScope();
  info.GetReturnValue().Set(scope ? static_cast<int32_t>(scope->index) : -1);
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

void defineScopes(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "timeoutEnter", timeoutEnter);
  define(context, exports, "signalEnter", signalEnter);
  define(context, exports, "shieldEnter", shieldEnter);
  define(context, exports, "scopeLeave", scopeLeave);
  define(context, exports, "scopeFire", scopeFire);
  define(context, exports, "firedScope", firedScope);
  define(context, exports, "atomicEnter", atomicEnter);
  define(context, exports, "atomicLeave", atomicLeave);
}

}  // namespace stackful::binding
