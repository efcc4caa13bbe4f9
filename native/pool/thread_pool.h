// The process-wide threads that make the system calls which may wait for a disk. Started as jobs need them,
// up to 4, or STACKFUL_THREADS (1 to 128). Never joined: process.exit may come at any moment, so they touch nothing
// that a destructor could take away.
//
// A call may wait for ever: opening a FIFO without another end, a file on a server that is gone. While there is work and
// no thread has begun a job for 20 ms, all of them are stuck, and the pool grows by one thread, again and again up to
// 128. So 127 calls that never return leave one thread for the others, and the 128th stops all file work until one returns.
// A thread costs a reservation of 1 MiB and about 16 KB of memory; those above the first 4 end when they have had nothing to
// do for 10 s.
#pragma once

#include <cstddef>

#include "job.h"

namespace stackful::pool {

// 0, or -errno when there is not one thread to run it (the job is still the caller's).
int submit(Job* job) noexcept;
// Takes back a job that was submitted. False when a thread has begun it.
bool withdraw(Job* job) noexcept;
// For tests: how long no job begins before the pool grows; -1: it never does.
void setPatience(int milliseconds) noexcept;

// For tests.
struct PoolStats {
  size_t threads = 0;
  size_t queued = 0;  // not yet begun
};
PoolStats poolStats() noexcept;

}  // namespace stackful::pool
