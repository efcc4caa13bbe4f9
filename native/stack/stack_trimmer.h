// Gives back to the kernel the pages of stacks that were deep once and have not been for a while, parked and pooled ones,
// in small steps off the hot path.
//
// A pass looks at every stack (mincore, ResidentPages). Where pages are resident below the part in use, it leaves marks
// in the uppermost of them; a later pass that finds the same marks knows that the stack was not used that deep in
// between, and gives the pages back, many stacks in one process_madvise. The marks are the whole price: nothing is
// recorded when a coroutine runs or parks.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

#include "resident_pages.h"
#include "stack_memory.h"

namespace stackful::stack {

class StackTrimmer {
 public:
  // The stack pointer of what was handed the stack with this record, while it is not running.
  using StackPointer = const char* (*)(const char* record);
  StackTrimmer(StackPool& pool, StackPointer stackPointer) noexcept
      : pool_(pool), stackPointer_(stackPointer) {}
  StackTrimmer(const StackTrimmer&) = delete;
  StackTrimmer& operator=(const StackTrimmer&) = delete;

  // One step of a pass: looks at about kStepPages pages, 0.1 to 1 ms. True when it was the last one of the pass. No stack of
  // the pool may be running.
  bool step() noexcept;

  // Stacks of the last pass whose pages the next one will give back, unless they are used until then.
  size_t candidates() const noexcept { return candidates_; }

  // Looks at all stacks now, and gives back everything but what is in use: 170 ns a stack, and about 60 ns a page. A
  // stack may be running: the one that holds the caller's frame is only looked at. Does nothing when the last time was
  // less than twenty times as long ago as it took of the CPU's time.
  void relieve() noexcept;

  static constexpr size_t kStepPages = 8192;

 private:
  enum class Mode { kIdle, kEverything };
  struct Place {
    int sizeClass = 0;
    size_t arena = 0;
    size_t slot = 0;
  };

  // Looks at the stacks from `place_` on, at most `pages` of them; true at the end.
  bool walk(Mode mode, size_t pages) noexcept;
  void consider(const Stack& stack, size_t firstPage, Mode mode) noexcept;
  void giveBack(char* from, char* to) noexcept;
  void flush() noexcept;

  StackPool& pool_;
  const StackPointer stackPointer_;
  Place place_;
  ResidentPages pages_;
  size_t candidates_ = 0;
  size_t found_ = 0;  // candidates of the pass under way
  int64_t relieveAgain_ = 0;
  static constexpr size_t kBatch = 128;
  iovec ranges_[kBatch];
  size_t rangeCount_ = 0;
};

}  // namespace stackful::stack
