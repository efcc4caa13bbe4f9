// Does the engine work on this very V8? Run once per environment, before the first coroutine.
#pragma once

#include <string>

#include "discovery.h"
#include "engine.h"

namespace stackful::engine {

// JavaScript frames, handles, exceptions and stack overflow on two coroutines resumed out of order; `thorough` adds
// full garbage collections while they are parked. On failure `reason` says what went wrong and nothing of V8's state
// has been left changed.
bool selfTest(v8::Isolate* isolate, const Discovery& found, Engine& engine, bool thorough,
              std::string& reason);

}  // namespace stackful::engine
