// A child process from its start until it has been reaped, and the thread that reaps.
//
// One thread of the whole process waits for all children, on their pidfds, because a child outlives what started it: the
// coroutine that is cancelled, the object that is dropped, the worker that ends. So each is reaped as soon as it ends, no
// zombie stays, and nobody needs SIGCHLD, which is libuv's. It waits for each child by its number, never for any child:
// those of node:child_process are not touched. A wake of that thread and of the environment's is 10 us of the 700 that a
// child takes. Without pidfds (before Linux 5.2) the thread asks for each child every few milliseconds.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <atomic>

#include "../pool/job.h"
#include "launch.h"

namespace stackful::child {

struct Exit {
  int code = -1;   // -1: ended by a signal, or unknown: other code has reaped it
  int signal = 0;  // 0: none
};

// Counted: the reaper holds it until the process has ended, then the mailbox until it is taken; the environment's record of it
// as long as that is needed.
class Process : public pool::Job {
 public:
  // Takes the pidfd over; nullptr without memory. `mailbox` gets it when it has ended.
  static Process* create(const Launched& launched, pool::Mailbox* mailbox) noexcept;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept;

  pid_t pid() const noexcept { return pid_; }
  // The reaper's; closed when it is reaped, unless it leads a group, which is reached by it later on.
  int pidfd() const noexcept { return pidfd_; }
  bool leadsGroup() const noexcept { return leadsGroup_; }

  // Whether it has ended, and how. Any thread.
  bool ended(Exit* how = nullptr) noexcept;
  // 0 or -errno; -ESRCH when it has been reaped, so that the number may be another's. Any thread.
  int signal(int number) noexcept;
  // To all that are in the group that it leads, also when it has ended itself.
  int signalGroup(int number) noexcept;

  // The reaper's: whether it has ended, which it finds out and remembers.
  bool reap() noexcept;

  void* owner = nullptr;  // the environment's record, on its thread

 private:
  Process(const Launched& launched, pool::Mailbox* mailbox) noexcept;
  ~Process();

  const pid_t pid_;
  int pidfd_;
  const bool leadsGroup_;
  std::atomic<uint32_t> references_{1};
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  bool reaped_ = false;
  Exit exit_;
};

// Starts the reaper, unless it runs. 0 or -errno. To be called before a process is started, which could not be reaped
// otherwise.
int prepareReaper() noexcept;
// Gives it a process, and the caller's reference; after prepareReaper(). Any thread.
void watch(Process* process) noexcept;

}  // namespace stackful::child
