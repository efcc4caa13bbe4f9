// Where an interrupt of V8 finds JavaScript, and whether other JavaScript may run there.
#pragma once

#include "../engine/interrupt_site.h"
#include "../runtime/runtime.h"

namespace stackful::binding {

// In a callback of Isolate::RequestInterrupt. At kEntry and kOpen any JavaScript may run: interrupt_site.h has what V8
// allows, and code of Node's or of this library is kElsewhere here, wherever it is. Needs runtime.sites.
engine::InterruptSites::Place interruptedAt(runtime::Runtime& runtime);

// V8 may replace a function by an optimised one in the middle of its loop, at every back-edge, but only looks for
// interrupts about once a millisecond there: what was thrown away would be back before the next one. So it does not, in
// the whole process, because the flag is the process's, from a keepFromOptimising until each has had its letOptimise.
void keepFromOptimising() noexcept;
void letOptimise() noexcept;

}  // namespace stackful::binding
