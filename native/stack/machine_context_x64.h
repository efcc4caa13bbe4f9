#pragma once

#include <cstdint>

extern "C" void stackful_first_frame();

namespace stackful::stack {

// Lays out the top of a fresh stack so that the first switchStack to the returned pointer calls entry(argument).
// `top` must be 16-byte aligned. `entry` must never return.
inline void* prepareStack(char* top, void (*entry)(void*), void* argument) {
  auto* words = reinterpret_cast<uint64_t*>(top) - 4;
  words[0] = reinterpret_cast<uint64_t>(&stackful_first_frame);
  words[1] = reinterpret_cast<uint64_t>(argument);
  words[2] = reinterpret_cast<uint64_t>(entry);
  words[3] = 0;
  return words;
}

// Saves the current stack pointer in *save, takes `restore` for it and continues the stack it was saved on.
// Inlined, with every register declared lost, so that the compiler keeps only what it needs; and an indirect jump
// instead of a return, because after a change of stack the return predictor is wrong (two wrong returns: 19 ns).
// Control words (mxcsr, x87) are not switched here: V8 and Node run with the same ones everywhere, and what C++ of others has
// changed the engine takes along (native/engine/foreign_state.h).
inline __attribute__((always_inline)) void switchStack(void** save, void* restore) {
  asm volatile(
      "leaq 1f(%%rip), %%rax\n\t"
      "pushq %%rbp\n\t"
      "pushq %%rax\n\t"
      "movq %%rsp, (%0)\n\t"
      "movq %1, %%rsp\n\t"
      "popq %%rax\n\t"
      "jmpq *%%rax\n"
      "1:\n\t"
      "popq %%rbp\n\t"
      : "+D"(save), "+S"(restore)
      :
      : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc",
        "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
        "xmm12", "xmm13", "xmm14", "xmm15");
}

}  // namespace stackful::stack
