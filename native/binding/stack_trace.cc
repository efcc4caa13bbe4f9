#include "stack_trace.h"

namespace stackful::binding {

namespace {

// "name (script:line:column)"
std::string describe(v8::Isolate* isolate, v8::Local<v8::StackFrame> frame) {
  v8::String::Utf8Value function(isolate, frame->GetFunctionName());
  v8::String::Utf8Value script(isolate, frame->GetScriptNameOrSourceURL());
  std::string where = std::string(*script ? *script : "<anonymous>") + ":" +
                      std::to_string(frame->GetLineNumber()) + ":" + std::to_string(frame->GetColumn());
  return function.length() > 0 ? std::string(*function) + " (" + where + ")" : where;
}

}  // namespace

std::string currentStack(v8::Isolate* isolate) {
  v8::HandleScope scope(isolate);
  v8::Local<v8::StackTrace> trace = v8::StackTrace::CurrentStackTrace(isolate, kFrames);
  std::string text;
  for (int i = 0; i < trace->GetFrameCount(); ++i) {
    text += text.empty() ? "    at " : "\n    at ";
    text += describe(isolate, trace->GetFrame(isolate, static_cast<uint32_t>(i)));
  }
  return text;
}

namespace {

// How far out to look for a caller that is not the library itself.
constexpr int kSiteFrames = 12;

// callSite(library): the innermost frame whose script's name does not contain `library`, or the outermost that was looked
// at.
void callSite(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::String::Utf8Value library(isolate, info[0]);
  v8::Local<v8::StackTrace> trace = v8::StackTrace::CurrentStackTrace(isolate, kSiteFrames);
  for (int i = 0; i < trace->GetFrameCount(); ++i) {
    v8::Local<v8::StackFrame> frame = trace->GetFrame(isolate, static_cast<uint32_t>(i));
    v8::String::Utf8Value script(isolate, frame->GetScriptNameOrSourceURL());
    const bool own = *script && std::string_view(*script).find(*library) != std::string_view::npos;
    if (own && i + 1 < trace->GetFrameCount()) continue;
    info.GetReturnValue().Set(string(isolate, describe(isolate, frame)));
    return;
  }
}

struct Trace {
  v8::Isolate* isolate;
  std::string text;
};

// Runs on the parked coroutine's own stack.
void takeTrace(void* data) {
  auto* trace = static_cast<Trace*>(data);
  trace->text = currentStack(trace->isolate);
}

// stack(slot): the JavaScript frames of a coroutine that is parked or waits for its turn; "" when it has not run yet.
void stack(const Info& info) {
  Runtime* runtime = Runtime::current();
  v8::Isolate* isolate = info.GetIsolate();
  sched::Coroutine* c = runtime->scheduler().at(static_cast<uint32_t>(intAt(info, 0)));
  sched::Coroutine* self = runtime->scheduler().running();
  Trace trace{isolate, {}};
  if (c && c == self) {
    takeTrace(&trace);
  } else if (c && c->execution.node && c->execution.resourceSlot) {  // it has begun
    engine::Execution& from = self ? self->execution : runtime->engine().main();
    // The main stack has a handle of its own for its async context only while a batch runs.
    engine::ContextHandles kept(isolate, from);
    runtime->engine().visit(from, c->execution, takeTrace, &trace);
  }
  info.GetReturnValue().Set(string(isolate, trace.text));
}

}  // namespace

void defineStackTrace(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "stack", stack);
  define(context, exports, "callSite", callSite);
}

}  // namespace stackful::binding
