// A process begins: from the descriptors and the strings it is to have, to its first instruction or the error that kept it
// from that.
//
// The child shares this process's memory until it executes its program (CLONE_VM and CLONE_VFORK), so its start costs the
// same in a process of any size. The calling thread stands still meanwhile, 0.3 to 1 ms: that is why Children starts on the
// pool. What runs in the child makes bare system calls only: no lock, no allocation, nothing of libc that thinks it is alone.
// The child tells an error through a pipe, because under emulators (qemu-user, valgrind) it does not share the memory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace stackful::child {

// Which signals reach the child together with others.
enum class Group : uint8_t {
  kOurs,     // it is in this process's group, as a child of node:child_process is
  kSession,  // it leads a session, and with it a group, of its own
  // It leads a group of its own, so that whatever it starts can be ended with it. But not where this process has a
  // controlling terminal: there Ctrl-C and Ctrl-Z have to reach the child, and a background group could not ask for a password.
  kOwnUnlessTerminal,
};

struct Launch {
  std::string file;  // looked for in the PATH of `environment`, unless there is a slash in it
  std::string arguments, environment;  // strings, each with a zero behind it
  std::string directory;               // empty: this process's
  int64_t uid = -1, gid = -1;          // -1: this process's
  Group group = Group::kOurs;
  struct Descriptor {
    int fd = -1;  // of this process; -1: the child has none there
    bool makeBlocking = false;
  };
  std::vector<Descriptor> descriptors;  // what the child has as 0, 1, 2, ... It inherits no other.
};

struct Launched {
  pid_t pid = -1;
  int pidfd = -1;  // -1: this kernel has none (before 5.2)
  bool leadsGroup = false;
};

// 0 when the program runs, or -errno; then there is no process. Any thread.
int launch(const Launch& launch, Launched& out) noexcept;

// Ends one that nothing waits for, and reaps it. Any thread.
void endUnwatched(const Launched& process) noexcept;

}  // namespace stackful::child
