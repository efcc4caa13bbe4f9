// What the engine found and how it does: for `stackful doctor`, and numbers for stats().
#pragma once

#include <napi.h>

namespace stackful::binding {

// doctor(): { ok, reason, findings: [name, value][] }, with the engine's thorough self-test run now.
Napi::Value doctor(const Napi::CallbackInfo& info);
// layout(): the constants of v8_layout.h, [name, number] each. layout(name, delta, ...): looks for V8's private state
// with those of them changed, and keeps nothing of what it finds: [whether all was located, why that was not believed].
Napi::Value layout(const Napi::CallbackInfo& info);
// stats(): the runtime's counters as one object.
Napi::Value stats(const Napi::CallbackInfo& info);

}  // namespace stackful::binding
