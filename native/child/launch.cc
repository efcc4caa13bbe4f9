#include "launch.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace stackful::child {
namespace {

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

constexpr unsigned kCloseOnExec = 1u << 2;  // CLOSE_RANGE_CLOEXEC
constexpr int kSignals = 64;
constexpr size_t kKernelSetBytes = 8;
constexpr size_t kStackBytes = size_t{32} << 10;

// rt_sigaction's; the fields have this order on both machines.
struct KernelAction {
  void* handler;
  unsigned long flags;
  void* restorer;
  uint64_t mask;
};

// Everything that the child needs, made before it exists.
struct Plan {
  const Launch* launch;
  std::vector<std::string> paths;  // to be tried in this order
  std::vector<char*> arguments, environment;
  std::vector<char*>
      script;  // for a file without an interpreter line: the shell, the file, the arguments but the first
  std::vector<int> sources;
  bool ownGroup = false;
  int report = -1;
};

std::vector<char*> pointersTo(const std::string& strings) {
  std::vector<char*> out;
  for (size_t at = 0; at < strings.size(); at = strings.find('\0', at) + 1) {
    out.push_back(const_cast<char*>(strings.data() + at));
  }
  out.push_back(nullptr);
  return out;
}

// As execvp does.
std::vector<std::string> pathsOf(const std::string& file, const std::vector<char*>& environment) {
  if (file.find('/') != std::string::npos) return {file};
  const char* list = "/bin:/usr/bin";
  for (const char* one : environment) {
    if (one && strncmp(one, "PATH=", 5) == 0) {
      list = one + 5;
      break;
    }
  }
  std::vector<std::string> out;
  for (;;) {
    const char* end = strchrnul(list, ':');
    std::string path(list, end);
    if (!path.empty()) path += '/';
    out.push_back(path + file);
    if (!*end) return out;
    list = end + 1;
  }
}

// From here on the child. Its memory is the parent's, and its thread as far as libc can tell, too.
#define STACKFUL_IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined"))) inline

[[noreturn]] STACKFUL_IN_CHILD void fail(int report, int error) {
  for (int i = 0; i < 3 && syscall(SYS_write, report, &error, sizeof error) < 0; ++i) {
  }
  for (;;) syscall(SYS_exit_group, 127);
}

// For kernels before 5.11.
STACKFUL_IN_CHILD void closeOnExecOneByOne() {
  const int directory =
      static_cast<int>(syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  if (directory < 0) return;
  alignas(8) char entries[2048];
  for (;;) {
    const long n = syscall(SYS_getdents64, directory, entries, sizeof entries);
    if (n <= 0) break;
    for (long at = 0; at < n;) {
      // d_ino, d_off: 16 bytes; d_reclen: 2; d_type: 1; d_name
      uint16_t length;
      __builtin_memcpy(&length, entries + at + 16, sizeof length);
      int fd = 0;
      for (const char* c = entries + at + 19; *c; ++c)
        fd = *c >= '0' && *c <= '9' ? fd * 10 + (*c - '0') : -1;
      if (fd > 2) syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
      at += length;
    }
  }
  syscall(SYS_close, directory);
}

STACKFUL_IN_CHILD void arrangeDescriptors(Plan& plan) {
  const int count = static_cast<int>(plan.sources.size());
  if (syscall(SYS_close_range, 3u, ~0u, kCloseOnExec) != 0) closeOnExecOneByOne();
  // Out of the way of those that get their numbers.
  if (plan.report < count) {
    const long moved = syscall(SYS_fcntl, plan.report, F_DUPFD_CLOEXEC, count);
    if (moved < 0) fail(plan.report, errno);
    plan.report = static_cast<int>(moved);
  }
  for (int i = 0; i < count; ++i) {
    int& source = plan.sources[static_cast<size_t>(i)];
    if (source < 0 || source >= count || source == i) continue;
    source = static_cast<int>(syscall(SYS_fcntl, source, F_DUPFD_CLOEXEC, count));
    if (source < 0) fail(plan.report, errno);
  }
  for (int i = 0; i < count; ++i) {
    const int source = plan.sources[static_cast<size_t>(i)];
    if (source < 0) {
      syscall(SYS_close, i);
      continue;
    }
    const long done = source == i ? syscall(SYS_fcntl, i, F_SETFD, 0) : syscall(SYS_dup3, source, i, 0);
    if (done < 0) fail(plan.report, errno);
    if (!plan.launch->descriptors[static_cast<size_t>(i)].makeBlocking) continue;
    const long flags = syscall(SYS_fcntl, i, F_GETFL);
    if (flags >= 0) syscall(SYS_fcntl, i, F_SETFL, flags & ~O_NONBLOCK);
  }
}

STACKFUL_IN_CHILD void becomeUser(const Plan& plan) {
  const Launch& l = *plan.launch;
  if (l.uid < 0 && l.gid < 0) return;
  // Fails where this is not root, and then the two below do as well, if they have to.
  syscall(SYS_setgroups, 0, nullptr);
  // Bare: libc's would tell every thread of the parent to do the same.
  if (l.gid >= 0 && syscall(SYS_setgid, static_cast<gid_t>(l.gid)) != 0) fail(plan.report, errno);
  if (l.uid >= 0 && syscall(SYS_setuid, static_cast<uid_t>(l.uid)) != 0) fail(plan.report, errno);
}

// Before any signal is let through: the parent's handlers would run on its memory.
STACKFUL_IN_CHILD void resetSignals() {
  const KernelAction usual{};
  for (int n = 1; n <= kSignals; ++n) {
    if (n != SIGKILL && n != SIGSTOP) syscall(SYS_rt_sigaction, n, &usual, nullptr, kKernelSetBytes);
  }
  const uint64_t none = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kKernelSetBytes);
}

// Returns only with an error.
STACKFUL_IN_CHILD int executeFile(Plan& plan) {
  bool refused = false;
  int error = ENOENT;
  for (std::string& path : plan.paths) {
    syscall(SYS_execve, path.c_str(), plan.arguments.data(), plan.environment.data());
    error = errno;
    if (error == ENOEXEC) {
      plan.script[1] = path.data();
      syscall(SYS_execve, plan.script[0], plan.script.data(), plan.environment.data());
      error = errno;
    }
    if (error == EACCES) {
      refused = true;
    } else if (error != ENOENT && error != ESTALE && error != ENOTDIR && error != ENODEV &&
               error != ETIMEDOUT) {
      return error;
    }
  }
  return refused ? EACCES : error;
}

__attribute__((no_sanitize("address", "thread", "undefined"))) int runChild(void* argument) {
  Plan& plan = *static_cast<Plan*>(argument);
  const Launch& l = *plan.launch;
  if (l.group == Group::kSession) syscall(SYS_setsid);
  if (plan.ownGroup) syscall(SYS_setpgid, 0, 0);
  arrangeDescriptors(plan);
  if (!l.directory.empty() && syscall(SYS_chdir, l.directory.c_str()) != 0) fail(plan.report, errno);
  becomeUser(plan);
  resetSignals();
  fail(plan.report, executeFile(plan));
}

// And from here on the parent again.

bool hasTerminal() {
  int fd;
  do {
    fd = ::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

pid_t cloneChild(Plan& plan, int& pidfd) {
  alignas(16) char stack[kStackBytes];
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  constexpr int kFlags = CLONE_VM | CLONE_VFORK | SIGCHLD;
  pid_t pid = clone(runChild, stack + kStackBytes, kFlags | CLONE_PIDFD, &plan, &pidfd);
  // An emulator that does not know it.
  if (pid < 0 && errno == EINVAL) pid = clone(runChild, stack + kStackBytes, kFlags, &plan);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

// 0 when the pipe was closed by the execution of the program, or what the child or the read says.
int readReport(int fd) {
  int error = 0;
  ssize_t n;
  do {
    n = ::read(fd, &error, sizeof error);
  } while (n < 0 && errno == EINTR);
  return n < 0 ? errno : n == sizeof error ? error : 0;
}

}  // namespace

void endUnwatched(const Launched& process) noexcept {
  ::kill(process.pid, SIGKILL);
  while (waitpid(process.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (process.pidfd >= 0) ::close(process.pidfd);
}

int launch(const Launch& launch, Launched& out) noexcept {
  Plan plan;
  plan.launch = &launch;
  plan.arguments = pointersTo(launch.arguments);
  plan.environment = pointersTo(launch.environment);
  plan.paths = pathsOf(launch.file, plan.environment);
  plan.script = {const_cast<char*>("/bin/sh"), nullptr};
  for (size_t i = 1; i < plan.arguments.size(); ++i) plan.script.push_back(plan.arguments[i]);
  if (plan.arguments.size() == 1) plan.script.push_back(nullptr);
  for (const Launch::Descriptor& one : launch.descriptors) plan.sources.push_back(one.fd);
  plan.ownGroup = launch.group == Group::kOwnUnlessTerminal && !hasTerminal();

  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return -errno;
  plan.report = report[1];
  Launched process;
  process.pid = cloneChild(plan, process.pidfd);
  int error = process.pid < 0 ? errno : 0;
  ::close(report[1]);
  if (error == 0) {
    error = readReport(report[0]);
    if (error != 0) endUnwatched(process);
  }
  ::close(report[0]);
  if (error != 0) return -error;
  process.leadsGroup = plan.ownGroup || launch.group == Group::kSession;
  out = process;
  return 0;
}

}  // namespace stackful::child
