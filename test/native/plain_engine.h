// The test-only side of the engine without V8.
#pragma once

namespace stackful::engine {

// What mayPark answers on this thread.
extern thread_local bool plainMayPark;

}  // namespace stackful::engine
