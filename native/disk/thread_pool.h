// The process-wide threads that make the system calls which may wait for a disk. Started as jobs need them,
// up to 4, or STACKFUL_THREADS (1 to 128). Never joined and never stopped: process.exit may come at any
// moment, so they touch nothing that a destructor could take away.
#pragma once

#include <cstddef>

#include "job.h"

namespace stackful::disk {

// 0, or -errno when there is not one thread to run it (the job is still the caller's).
int submit(Job* job) noexcept;

struct PoolStats {
  size_t threads = 0;
  size_t queued = 0;  // not yet begun
};
PoolStats poolStats() noexcept;

}  // namespace stackful::disk
