// System calls that fail when a test says so. The linker sends the calls of native/ here (--wrap in CMakeLists.txt).
#pragma once

#include <cstddef>

namespace stackful::faults {

struct Call {
  const char* name;
  const int* errors;  // those that the kernel may give it here, the last one 0
};

// Every call that can be made to fail.
extern const Call calls[];
extern const size_t callCount;

// From now on the `nth` (from 1) call of calls[index] in this process fails with `error`; nth 0 only counts.
void arm(size_t index, unsigned nth, int error);
void disarm();
// How often calls[index] was made while armed.
unsigned made(size_t index);
bool fired();

// A kernel without the newer calls, so that what the page cache answers goes to the pool, too.
void beOldKernel();

// Calls that the test itself makes on this thread meanwhile are neither counted nor made to fail.
struct Calm {
  Calm();
  ~Calm();
};

}  // namespace stackful::faults
