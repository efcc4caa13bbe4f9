// v8::External changed its constructor between V8 14.1 and 14.6; this is the one place that knows.
#pragma once

#include <v8.h>

namespace stackful::engine {

inline v8::Local<v8::External> external(v8::Isolate* isolate, void* value) {
#if V8_MAJOR_VERSION > 14 || (V8_MAJOR_VERSION == 14 && V8_MINOR_VERSION >= 6)
  return v8::External::New(isolate, value, v8::kExternalPointerTypeTagDefault);
#else
  return v8::External::New(isolate, value);
#endif
}

inline void* externalValue(v8::Local<v8::Value> external) {
#if V8_MAJOR_VERSION > 14 || (V8_MAJOR_VERSION == 14 && V8_MINOR_VERSION >= 6)
  return external.As<v8::External>()->Value(v8::kExternalPointerTypeTagDefault);
#else
  return external.As<v8::External>()->Value();
#endif
}

}  // namespace stackful::engine
