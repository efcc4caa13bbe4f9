// Is told of parks: which code runs between two of them and for how long, and what a coroutine waits for in each.
#pragma once

#include <cstdint>

#include "coroutine.h"

namespace stackful::sched {

class ParkObserver {
 public:
  virtual ~ParkObserver() = default;
  // On the stack of `c`, the running coroutine, right before it parks for `reason`. Must not park or run JavaScript. Returns
  // what `resumed` gets when `c` runs again; 0: it need not be told.
  virtual uint64_t parks(const Coroutine& c, Reason reason) noexcept = 0;
  virtual void resumed(const Coroutine& c, uint64_t ticket) noexcept = 0;
};

}  // namespace stackful::sched
