// Threads of our own that run beside the ones that hold coroutines.
#pragma once

#include <pthread.h>

#include <cstddef>

namespace stackful::sched {

enum class Ending { kJoined, kNever };  // kNever: it ends with the process

// Starts `run(context)` on a thread that takes no signals: those are for the threads that were there before. `name` has
// at most 15 characters. 0, or -errno when the system has no thread to give.
int startServiceThread(pthread_t* thread, const char* name, Ending ending, size_t stackBytes,
                       void* (*run)(void*), void* context) noexcept;

}  // namespace stackful::sched
