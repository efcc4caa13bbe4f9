// The child processes of one environment: starting them on the pool, and waiting for their ends.
//
// Rules of use:
//  1. start() and the waits park; the others never do. They return >= 0 or a negative number, as sockets do (net/socket.h).
//  2. A Child is the caller's until drop(); the process goes on without it, and is reaped all the same.
//  3. An early end of start() leaves no process: one that has begun is killed, with its group.
#pragma once

#include <cerrno>
#include <cstdint>
#include <vector>

#include "../net/readiness.h"
#include "../pool/pool.h"
#include "process.h"

namespace stackful::child {

// What the child has as one of its descriptors.
enum class Stdio : uint8_t {
  kIgnore,      // /dev/null
  kPipe,        // 0: it reads what we write; others: it writes what we read
  kBothWays,    // a pair of Unix sockets
  kDescriptor,  // one of ours
};

struct StdioPlan {
  Stdio kind = Stdio::kIgnore;
  int fd = -EBADF;            // kDescriptor; or the error why there is none
  bool makeBlocking = false;  // kDescriptor: for a program that knows nothing of O_NONBLOCK
  bool given = false;         // kDescriptor: start() closes it, whatever comes of it; others it copies
};

struct Child {
  Process* process = nullptr;
  net::WaiterList waiters;
  uint32_t holds = 0;  // calls that wait
  bool dropped = false;
};

class Children {
 public:
  Children(net::Poller& poller, pool::Pool& pool) noexcept : poller_(poller), pool_(pool) {}
  // Coroutines may still be parked: they are forgotten. Processes go on.
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  // To be called by a drain of the poller's (Poller::addDrain): wakes those who wait for what has ended.
  void drain() noexcept;

  // 0, the child, and for each of its descriptors our end of the pipe or nullptr. `launch.descriptors` is filled here. Parks.
  int start(Launch& launch, const std::vector<StdioPlan>& stdio, Child*& out,
            std::vector<net::Socket*>& ends) noexcept;
  // 0 when it has ended. Parks.
  int wait(Child& child, sched::Deadline deadline = sched::kNoDeadline) noexcept;
  // The same, or when one of the sides may be ready. Parks.
  int waitWith(Child& child, net::Side* sides, size_t count, sched::Deadline deadline) noexcept;
  void drop(Child* child) noexcept;

 private:
  int open() noexcept;
  void leave(Child& child) noexcept;

  net::Poller& poller_;
  pool::Pool& pool_;
  pool::Mailbox* mailbox_ = nullptr;  // from the first start on
};

}  // namespace stackful::child
