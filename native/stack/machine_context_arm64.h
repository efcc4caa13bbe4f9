#pragma once

#include <cstdint>

extern "C" void stackful_first_frame();

namespace stackful::stack {

// Lays out the top of a fresh stack so that the first switchStack to the returned pointer calls entry(argument).
// `top` must be 16-byte aligned. `entry` must never return.
inline void* prepareStack(char* top, void (*entry)(void*), void* argument) {
  auto* words = reinterpret_cast<uint64_t*>(top) - 4;
  words[0] =
      reinterpret_cast<uint64_t>(argument);  // where switchStack keeps x29: stackful_first_frame clears it
  words[1] = reinterpret_cast<uint64_t>(&stackful_first_frame);
  words[2] = reinterpret_cast<uint64_t>(entry);
  words[3] = 0;
  return words;
}

// Saves the current stack pointer in *save, takes `restore` for it and continues the stack it was saved on.
// Inlined, with every register declared lost, so that the compiler keeps only what it needs; and a branch through a
// register instead of a return, because after a change of stack the return predictor is wrong. x18 is one of them: on Linux
// compilers take it for any value that no call has to survive. x29 cannot be declared lost and is saved here. fpcr is not
// switched: V8 and Node run with the same one everywhere.
inline __attribute__((always_inline)) void switchStack(void** save, void* restore) {
  // Fixed registers, so that both operands survive the first instructions whatever the compiler chooses.
  register void** from asm("x0") = save;
  register void* to asm("x1") = restore;
  asm volatile(
      "adr x17, 1f\n\t"
      "stp x29, x17, [sp, #-16]!\n\t"
      "mov x16, sp\n\t"
      "str x16, [%0]\n\t"
      "mov sp, %1\n\t"
      "ldp x29, x17, [sp], #16\n\t"
      "br x17\n"
      "1:\n\t"
      : "+r"(from), "+r"(to)
      :
      : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
        "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "memory",
        "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14",
        "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28",
        "v29", "v30", "v31");
}

}  // namespace stackful::stack
