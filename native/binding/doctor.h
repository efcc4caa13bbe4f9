// What the engine found and how it does: for `stackful doctor`, and numbers for stats().
#pragma once

#include <napi.h>

namespace stackful::binding {

// doctor(): { ok, reason, findings: [name, value][] }, with the engine's thorough self-test run now.
Napi::Value doctor(const Napi::CallbackInfo& info);
// stats(): the runtime's counters as one object.
Napi::Value stats(const Napi::CallbackInfo& info);

}  // namespace stackful::binding
