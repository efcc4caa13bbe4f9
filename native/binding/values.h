// Getting at the arguments of native functions, and making results. Functions marked hot call V8 directly; their
// TypeScript callers have checked the arguments, so what is wrong here is a bug of ours and not a user's.
#pragma once

#include <node_buffer.h>
#include <v8.h>

#include <cstring>
#include <string_view>
#include <vector>

#include "../engine/handles.h"
#include "../runtime/runtime.h"

namespace stackful::binding {

using runtime::Runtime;

using Info = v8::FunctionCallbackInfo<v8::Value>;

using engine::isSmallInteger;

inline int32_t intAt(const Info& info, int i) {
  int32_t small;
  return isSmallInteger(info[i], small) ? small : info[i].As<v8::Int32>()->Value();
}

inline double numberAt(const Info& info, int i) {
  int32_t small;
  return isSmallInteger(info[i], small) ? small : info[i].As<v8::Number>()->Value();
}

inline bool boolAt(const Info& info, int i) {
  return info[i]->IsTrue();
}

// Bytes of a Uint8Array (or any other view); valid while the view is alive and nothing detaches it.
struct Bytes {
  char* data = nullptr;
  size_t size = 0;
};

inline Bytes bytesAt(const Info& info, int i) {
  return {node::Buffer::Data(info[i]), node::Buffer::Length(info[i])};
}

// A deadline `ms` from now; a negative number or anything that is not finite means none.
inline sched::Deadline deadlineAfter(double ms) {
  if (!(ms >= 0) || ms > 9e9) return sched::kNoDeadline;
  return Runtime::current()->scheduler().now() + static_cast<int64_t>(ms * 1e6);
}

inline v8::Local<v8::String> string(v8::Isolate* isolate, std::string_view text) {
  return v8::String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kNormal,
                                 static_cast<int>(text.size()))
      .ToLocalChecked();
}

inline v8::Local<v8::String> asciiString(v8::Isolate* isolate, std::string_view text) {
  return v8::String::NewFromOneByte(isolate, reinterpret_cast<const uint8_t*>(text.data()),
                                    v8::NewStringType::kNormal, static_cast<int>(text.size()))
      .ToLocalChecked();
}

inline void returnInt(const Info& info, int64_t value) {
  if (value >= INT32_MIN && value <= INT32_MAX) {
    info.GetReturnValue().Set(static_cast<int32_t>(value));
  } else {
    info.GetReturnValue().Set(static_cast<double>(value));
  }
}

// As a Float64Array.
inline void returnNumbers(const Info& info, const std::vector<double>& numbers) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::ArrayBuffer> memory = v8::ArrayBuffer::New(isolate, numbers.size() * sizeof(double));
  if (!numbers.empty()) memcpy(memory->Data(), numbers.data(), numbers.size() * sizeof(double));
  info.GetReturnValue().Set(v8::Float64Array::New(memory, 0, numbers.size()));
}

// Adds a function without a prototype to the module's exports.
void define(v8::Local<v8::Context> context, v8::Local<v8::Object> exports, const char* name,
            void (*callback)(const Info&));

// What each file of this folder exports.
void defineCore(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineFileLock(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineLimits(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void definePolicy(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineSimulate(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineStacks(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineInterrupts(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineTimeSlices(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineAdmission(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineNet(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineFs(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineChannel(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineChild(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineFsNames(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineWatch(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineTls(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineHttp(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineWebSocket(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineHttpClient(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineHttp2Client(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);

}  // namespace stackful::binding
