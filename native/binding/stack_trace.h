// JavaScript stacks as text, one line a frame, as Error.stack writes them.
#pragma once

#include "values.h"

namespace stackful::binding {

inline constexpr int kFrames = 64;  // the innermost

// The stack of the code that runs now.
std::string currentStack(v8::Isolate* isolate);

void defineStackTrace(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);

}  // namespace stackful::binding
