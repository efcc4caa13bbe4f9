// Whether Node's event loop is being run by what lies on the running stack.
#pragma once

#include <cstdint>

namespace stackful::engine {

// Native code may call uv_run, as deasync does, inside a coroutine: libuv's loop is then in the middle of a turn there, and
// must not begin another before that has ended, so none of its callbacks may leave the stack. `start` is where the running
// stack starts. Walks its frames, 3 ns each.
bool insideHostLoop(uint64_t start) noexcept;

}  // namespace stackful::engine
