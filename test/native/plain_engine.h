// The test-only side of the engine without V8.
#pragma once

namespace stackful::engine {

// The answer of mayPark on this thread.
extern thread_local bool plainMayPark;

}  // namespace stackful::engine
