// The addon's entry. It registers through Node-API (node-addon-api), so that what is not hot can be written against it;
// the hot functions use V8's own API and are added to the same exports object.
#include <napi.h>

#include <cstring>

#include "doctor.h"
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

// A napi_value is a v8::Local in Node's implementation of Node-API on V8, and always has been.
v8::Local<v8::Value> local(Napi::Value value) {
  v8::Local<v8::Value> result;
  napi_value handle = value;
  static_assert(sizeof handle == sizeof result);
  memcpy(static_cast<void*>(&result), &handle, sizeof handle);
  return result;
}

// start(body): makes this environment's runtime; returns undefined, or the reason why it cannot be.
// start(body, name, delta) makes one thing that it must know of V8 wrong first: for test/engine/calibration.test.ts.
Napi::Value start(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (Runtime::current()) return env.Undefined();
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  std::string reason;
  engine::Corruption corruption;
  if (info.Length() > 2) corruption = {info[1].ToString().Utf8Value(), info[2].ToNumber().Int64Value()};
  Runtime* runtime = Runtime::create(isolate, isolate->GetCurrentContext(), reason,
                                     info.Length() > 2 ? &corruption : nullptr);
  if (!runtime) return Napi::String::New(env, reason);
  runtime->env = env;
  runtime->body.Reset(isolate, local(info[0]).As<v8::Function>());
  return env.Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  v8::Local<v8::Context> context = v8::Isolate::GetCurrent()->GetCurrentContext();
  v8::Local<v8::Object> object = local(exports).As<v8::Object>();
  exports.Set("version", Napi::String::New(env, STACKFUL_VERSION));
  exports.Set("start", Napi::Function::New(env, start, "start"));
  exports.Set("doctor", Napi::Function::New(env, doctor, "doctor"));
  exports.Set("stats", Napi::Function::New(env, stats, "stats"));
  defineCore(context, object);
  defineScopes(context, object);
  definePolicy(context, object);
  defineSimulate(context, object);
  defineStacks(context, object);
  defineTimeSlices(context, object);
  defineNet(context, object);
  defineFs(context, object);
  defineHttp(context, object);
  defineStackTrace(context, object);
  defineWatch(context, object);
  return exports;
}

}  // namespace
}  // namespace stackful::binding

static Napi::Object initStackful(Napi::Env env, Napi::Object exports) {
  return stackful::binding::init(env, exports);
}

NODE_API_MODULE(stackful, initStackful)
