// What V8's archive of a thread looks like, told by V8 itself.
#pragma once

#include "discovery.h"
#include "v8_layout.h"

namespace stackful::engine {

// A second operating system thread takes the isolate for a moment (through v8::Unlocker and v8::Locker), which makes
// V8 archive the calling thread: that shows whether our layout of the archive is right. The new thread's own untouched
// state becomes found.pristine, from which every coroutine starts.
// Returns null, or what did not fit.
const char* captureTemplate(v8::Isolate* isolate, Discovery& found, const Layout& layout);

}  // namespace stackful::engine
