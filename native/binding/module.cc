// The addon's entry. It registers through Node-API (node-addon-api), so that what is not hot can be written against it;
// the hot functions use V8's own API and are added to the same exports object.
#include <napi.h>
#include <node_version.h>

#include <cstring>
#include <string>

#include "doctor.h"
#include "park_samples.h"
#include "stack_trace.h"
#include "values.h"

namespace stackful::binding {

void define(v8::Local<v8::Context> context, v8::Local<v8::Object> exports, const char* name,
            void (*callback)(const Info&)) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::Local<v8::Function> function =
      v8::Function::New(context, callback, {}, 0, v8::ConstructorBehavior::kThrow).ToLocalChecked();
  v8::Local<v8::String> key = asciiString(isolate, name);
  function->SetName(key);
  exports->Set(context, key, function).Check();
}

namespace {

// What native/sched/result_code.h lists, by name.
Napi::Object resultCodes(Napi::Env env) {
  Napi::Object codes = Napi::Object::New(env);
#define STACKFUL_RESULT_CODE(name, nameInJavaScript, number) codes.Set(#nameInJavaScript, name);
  STACKFUL_RESULT_CODES(STACKFUL_RESULT_CODE)
#undef STACKFUL_RESULT_CODE
  return codes;
}

// A napi_value is a v8::Local in Node's implementation of Node-API on V8, and always has been.
v8::Local<v8::Value> local(Napi::Value value) {
  v8::Local<v8::Value> result;
  napi_value handle = value;
  static_assert(sizeof handle == sizeof result);
  memcpy(static_cast<void*>(&result), &handle, sizeof handle);
  return result;
}

// start(): makes this environment's runtime; returns undefined, or the reason why it cannot be.
// start(name, delta) makes one thing that it must know of V8 wrong first: for test/engine/calibration.test.ts.
Napi::Value start(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (Runtime::current()) return env.Undefined();
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  std::string reason;
  engine::Corruption corruption;
  if (info.Length() > 1) corruption = {info[0].ToString().Utf8Value(), info[1].ToNumber().Int64Value()};
  Runtime* runtime = Runtime::create(isolate, isolate->GetCurrentContext(), reason, env,
                                     info.Length() > 1 ? &corruption : nullptr);
  return runtime ? env.Undefined() : Napi::String::New(env, reason);
}

// Is this Node one that the addon was compiled for? Asked through Node-API, which is the same in all of them.
bool fits(Napi::Env env) {
  Napi::Object versions = env.Global().Get("process").ToObject().Get("versions").ToObject();
  const std::string abi = versions.Get("modules").ToString();
  if (abi == std::to_string(NODE_MODULE_VERSION)) return true;
  const std::string message =
      "it is for ABI " + std::to_string(NODE_MODULE_VERSION) + ", this Node's is " + abi;
  Napi::Error::New(env, message).ThrowAsJavaScriptException();
  return false;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  if (!fits(env)) return exports;
  v8::Local<v8::Context> context = v8::Isolate::GetCurrent()->GetCurrentContext();
  v8::Local<v8::Object> object = local(exports).As<v8::Object>();
  exports.Set("version", Napi::String::New(env, STACKFUL_VERSION));
  // Of Node itself: code in a vm context gets to what this thread shares, and to Node's own loader, through it.
  exports.Set("global", env.Global());
  exports.Set("resultCodes", resultCodes(env));
  exports.Set("start", Napi::Function::New(env, start, "start"));
  exports.Set("doctor", Napi::Function::New(env, doctor, "doctor"));
  exports.Set("layout", Napi::Function::New(env, layout, "layout"));
  exports.Set("stats", Napi::Function::New(env, stats, "stats"));
  defineCore(context, object);
  defineLimits(context, object);
  defineFileLock(context, object);
  definePolicy(context, object);
  defineSimulate(context, object);
  defineStacks(context, object);
  defineInterrupts(context, object);
  defineTimeSlices(context, object);
  defineAdmission(context, object);
  defineNet(context, object);
  defineFs(context, object);
  defineChannel(context, object);
  defineChild(context, object);
  defineTls(context, object);
  defineHttp(context, object);
  defineWebSocket(context, object);
  defineHttpClient(context, object);
  defineHttp2Client(context, object);
  defineStackTrace(context, object);
  defineWatch(context, object);
  defineParkSamples(context, object);
  return exports;
}

}  // namespace
}  // namespace stackful::binding

static Napi::Object initStackful(Napi::Env env, Napi::Object exports) {
  return stackful::binding::init(env, exports);
}

NODE_API_MODULE(stackful, initStackful)
