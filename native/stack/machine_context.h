// The machine's half of a coroutine switch: one stack pointer for another.
// Each architecture brings one header with `switchStack` and one .S file with the first frame of a new stack.
#pragma once

#if defined(__x86_64__)
#include "machine_context_x64.h"
#elif defined(__aarch64__)
#include "machine_context_arm64.h"
#else
#error \
    "stackful: no machine context for this architecture yet; add machine_context_<arch>.h and machine_entry_<arch>.S"
#endif
