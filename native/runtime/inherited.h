// What a coroutine has from the code that spawned it.
#pragma once

#include <v8.h>

#include "../sched/coroutine.h"

namespace stackful::runtime {

#if V8_MAJOR_VERSION >= 14
using ContextFrame = v8::Data;
#else
using ContextFrame = v8::Value;
#endif

// Its async context: until it begins or, when hooks have been told of it or it keeps its context, until it ends. The usual
// case, no store and no hooks, has none.
struct Inherited {
  v8::Global<ContextFrame> frame;
  v8::Global<v8::Object> resource;  // hooks have been told of it
};

inline Inherited* inheritedBy(const sched::Coroutine* c) {
  return static_cast<Inherited*>(c->owner);
}

}  // namespace stackful::runtime
