// One environment's access to the thread pool. See file.h for the operations.
#pragma once

#include <cerrno>
#include <cstdint>
#include <new>
#include <utility>

#include "../sched/scheduler.h"
#include "job.h"

namespace stackful::disk {

// What the cancellation of the coroutine does to a task on the pool.
enum class Cancelled : uint8_t {
  // Nothing: the call returns when the task is done. For what changes something, or uses the caller's
  // descriptor: the number could name another file by the time a thread gets to it.
  kWaits,
  // The call returns at once and nobody gets the result. For what may wait for ever (a FIFO).
  kAbandons,
};

class Disk {
 public:
  explicit Disk(sched::Scheduler& scheduler) noexcept;
  // As shutdown().
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // `bell` is an eventfd (Poller::signalFd()); when it rings, drain must be called
  // (Poller::addDrain(Disk::drain, d)). 0 or -errno.
  int open(int bell) noexcept;
  // Wakes the coroutines whose jobs are done.
  static void drain(void* disk) noexcept;
  // Teardown, when no coroutine runs any more: what is done is discarded, what is not yet done will be, by
  // the thread that does it.
  void shutdown() noexcept;

  // Parks. Runs `task` on the pool. Task is movable, has `int64_t run()`, called on a pool thread, and `void
  // undo(int64_t result)`, called on any thread when a result finds nobody who waits for it. Memory that
  // run() uses must belong to the task. `task` itself is moved from, and back unless it was abandoned.
  template <class Task>
  int64_t run(Task& task, sched::Reason reason, Cancelled cancelled) noexcept {
    struct TaskJob final : Job {
      Task task;
      explicit TaskJob(Task&& t) noexcept : task(std::move(t)) {}
    };
    if (const int32_t code = refusal()) return code;
    auto* job = new (std::nothrow) TaskJob(std::move(task));
    if (!job) return -ENOMEM;
    job->run = [](Job* j) { return static_cast<TaskJob*>(j)->task.run(); };
    job->discard = [](Job* j) {
      auto* self = static_cast<TaskJob*>(j);
      if (self->ran) self->task.undo(self->result);
      delete self;
    };
    int64_t result;
    if (!runJob(job, reason, cancelled, result)) return result;
    task = std::move(job->task);
    delete job;
    return result;
  }

  // Why a call must not even begin, or 0.
  int32_t refusal() const noexcept;
  sched::Scheduler& scheduler() noexcept { return scheduler_; }
  uint32_t inFlight() const noexcept { return inFlight_; }

 private:
  // True when the job is the caller's again.
  bool runJob(Job* job, sched::Reason reason, Cancelled cancelled, int64_t& result) noexcept;
  void collect() noexcept;

  sched::Scheduler& scheduler_;
  Mailbox* mailbox_ = nullptr;
  Job* collected_ = nullptr;  // done, but their coroutines have not run yet
  uint32_t inFlight_ = 0;
};

}  // namespace stackful::disk
