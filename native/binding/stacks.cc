// Stack memory as JavaScript sees it: limits, and how much a coroutine uses of its stack.
#include "../engine/engine.h"
#include "values.h"

namespace stackful::binding {
namespace {

// setStackMemory(bytes): the process's budget.
void setStackMemory(const Info& info) {
  stack::StackBudget::setLimit(static_cast<size_t>(numberAt(info, 0)));
}

// setMaxCoroutines(count): of this thread.
void setMaxCoroutines(const Info& info) {
  const double count = numberAt(info, 0);
  Runtime::current()->maxCoroutines = count < UINT32_MAX ? static_cast<uint32_t>(count) : UINT32_MAX;
}

// allowStack(bytes): stacks of that size will be asked for.
void allowStack(const Info& info) {
  if (Runtime* runtime = Runtime::current())
    runtime->engine().allowStack(static_cast<size_t>(numberAt(info, 0)));
}

// setCleanStacks(on): coroutines begin on stacks without pages of earlier ones, so that stackUse is exact.
void setCleanStacks(const Info& info) {
  Runtime::current()->stacks.handOutClean(boolAt(info, 0));
}

// stackUse(slot): [resident bytes, high-water mark, size] of a live coroutine's stack; undefined when there is none.
void stackUse(const Info& info) {
  Runtime* runtime = Runtime::current();
  sched::Coroutine* c = runtime ? runtime->scheduler().at(static_cast<uint32_t>(intAt(info, 0))) : nullptr;
  if (!c) return;
  const stack::Stack& s = c->execution.stack;
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Value> numbers[3];
  const size_t bytes[] = {stack::residentUse(s), stack::deepestUse(s), s.size() + stack::kGuardBytes};
  for (int i = 0; i < 3; ++i) numbers[i] = v8::Number::New(isolate, static_cast<double>(bytes[i]));
  info.GetReturnValue().Set(v8::Array::New(isolate, numbers, 3));
}

}  // namespace

void defineStacks(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "setStackMemory", setStackMemory);
  define(context, exports, "setMaxCoroutines", setMaxCoroutines);
  define(context, exports, "allowStack", allowStack);
  define(context, exports, "setCleanStacks", setCleanStacks);
  define(context, exports, "stackUse", stackUse);
}

}  // namespace stackful::binding
