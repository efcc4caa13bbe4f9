// One environment's access to the thread pool: a coroutine waits for a task that runs there. disk/file.h has tasks for files.
#pragma once

#include <cerrno>
#include <cstdint>
#include <new>
#include <utility>

#include "../sched/scheduler.h"
#include "job.h"

namespace stackful::pool {

// What becomes of a task when the coroutine's call is ended early (cancelled, its time is up, its signal aborted). One that
// no thread has begun is withdrawn: it is not done, and the call returns at once. These tell what happens otherwise.
enum class Interrupted : uint8_t {
  // The call returns when the task is done. For what changes something, or uses the caller's descriptor: the
  // number could name another file before the thread is done with it.
  kWaits,
  // The call returns at once and the result is discarded. For what may wait for ever (a FIFO).
  kAbandons,
  // As kAbandons, and it is not withdrawn either: it will be done in any case. For what gives something back.
  kLeaves,
};

// What jobs have waited for a thread, and kept one, while they were metered; nanoseconds.
struct Metered {
  uint64_t jobs = 0;
  int64_t waited = 0;
  int64_t served = 0;
};

class Pool {
 public:
  explicit Pool(sched::Scheduler& scheduler) noexcept;
  // As shutdown().
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // `bell` is an eventfd (Poller::signalFd()); when it rings, drain must be called
  // (Poller::addDrain(Pool::drain, d)). 0 or -errno.
  int open(int bell) noexcept;
  // Wakes the coroutines whose jobs are done.
  static void drain(void* pool) noexcept;
  // Teardown, when no coroutine runs any more: what is done is discarded, what is not yet done will be, by
  // the thread that does it.
  void shutdown() noexcept;

  // Parks. Runs `task` on the pool. Task is movable, has `int64_t run()`, called on a pool thread, and `void
  // undo(int64_t result)`, called on any thread when no coroutine waits for the result any more. It may have `void stop()`,
  // called on this thread, perhaps while run() runs, when the call is ended early: run() returns soon after that, with
  // what it has done so far, or kStopped for nothing. Memory that run() uses must belong to the task. `task` itself is
  // moved from, and back unless it was abandoned. A task that was withdrawn, or could not be submitted, comes back as it
  // was.
  template <class Task>
  int64_t run(Task& task, sched::Reason reason, Interrupted interrupted) noexcept {
    struct TaskJob final : Job {
      Task task;
      explicit TaskJob(Task&& t) noexcept : task(std::move(t)) {}
    };
    if (const int32_t code = refusal()) return code;
    auto* job = new (std::nothrow) TaskJob(std::move(task));
    if (!job) return -ENOMEM;
    job->run = [](Job* j) { return static_cast<TaskJob*>(j)->task.run(); };
    if constexpr (requires { task.stop(); })
      job->stop = [](Job* j) { static_cast<TaskJob*>(j)->task.stop(); };
    job->discard = [](Job* j) {
      auto* self = static_cast<TaskJob*>(j);
      if (self->ran) self->task.undo(self->result);
      delete self;
    };
    int64_t result;
    if (!runJob(job, reason, interrupted, result)) return result;
    task = std::move(job->task);
    delete job;
    return result;
  }

  // A descriptor that JavaScript has to close: a thread that ends while a coroutine is parked runs no `finally`. When no job of
  // this environment is left, whatever is still owned is closed.
  void own(int fd) noexcept {
    if (mailbox_) mailbox_->own(fd);
  }
  void disown(int fd) noexcept {
    if (mailbox_ && fd >= 0) mailbox_->disown(fd);
  }

  // Why a call must not even begin, or 0.
  int32_t refusal() const noexcept;
  // Whether `result` of a call says that it was ended early, or did not begin; if not, the kernel has answered.
  static bool isInterruption(int64_t result) noexcept {
    return result == -ECANCELED || result <= kNotInCoroutine;
  }
  sched::Scheduler& scheduler() noexcept { return scheduler_; }
  uint32_t inFlight() const noexcept { return inFlight_; }
  // From now on jobs are metered, each for the edge (below kEdges) that its coroutine has by `edgeOf`, which holds `slots` of them
  // by slot; other coroutines have 0. Null: no longer. Costs a job three looks at the clock.
  static constexpr size_t kEdges = 65;
  void meter(const int32_t* edgeOf, size_t slots) noexcept {
    edgeOf_ = edgeOf;
    slots_ = slots;
  }
  const Metered& metered(size_t edge) const noexcept { return metered_[edge]; }

 private:
  // True when the job is the caller's again.
  bool runJob(Job* job, sched::Reason reason, Interrupted interrupted, int64_t& result) noexcept;
  int32_t parkFor(const Job* job, sched::Reason reason) noexcept;
  void collect() noexcept;
  void beginMetering(Job* job) noexcept;

  sched::Scheduler& scheduler_;
  Mailbox* mailbox_ = nullptr;
  Job* collected_ = nullptr;  // done, but their coroutines have not run yet
  uint32_t inFlight_ = 0;
  const int32_t* edgeOf_ = nullptr;
  size_t slots_ = 0;
  Metered metered_[kEdges];
};

}  // namespace stackful::pool
