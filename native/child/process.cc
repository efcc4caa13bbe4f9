#include "process.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "../sched/service_thread.h"

namespace stackful::child {
namespace {

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

constexpr unsigned kToGroup = 1u << 2;  // PIDFD_SIGNAL_PROCESS_GROUP, since Linux 6.9
constexpr int kAskEveryMs = 5;
constexpr int kBatch = 64;
constexpr size_t kStackBytes = size_t{128} << 10;

class Lock {
 public:
  explicit Lock(pthread_mutex_t& mutex) noexcept : mutex_(mutex) { pthread_mutex_lock(&mutex_); }
  ~Lock() { pthread_mutex_unlock(&mutex_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  pthread_mutex_t& mutex_;
};

// Never destroyed: the thread runs until the process ends, which may happen at any moment.
//
// A pidfd is told once (EPOLLONESHOT), so that the set needs no call to forget it and can never tell of a process that is gone:
// one that leads a group keeps its pidfd, which would be told for ever.
struct Reaper {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  bool runs = false;
  int epoll = -1;
  int bell = -1;
  pool::Job* asked = nullptr;  // those without a pidfd in `epoll`; under the mutex
};

Reaper& reaper() noexcept {
  static Reaper& r = *new Reaper;
  return r;
}

// Its environment hears of it, if there still is one.
void deliver(Process* process) noexcept {
  pool::Mailbox* mailbox = process->mailbox;
  process->mailbox = nullptr;
  if (!mailbox->put(process)) process->release();
  mailbox->release();
}

bool askAll(Reaper& r) noexcept {
  pool::Job* ended = nullptr;
  bool left;
  {
    Lock lock(r.mutex);
    for (pool::Job** at = &r.asked; *at;) {
      pool::Job* job = *at;
      if (!static_cast<Process*>(job)->reap()) {
        at = &job->next;
        continue;
      }
      *at = job->next;
      job->next = ended;
      ended = job;
    }
    left = r.asked != nullptr;
  }
  while (ended) {
    pool::Job* next = ended->next;
    deliver(static_cast<Process*>(ended));
    ended = next;
  }
  return left;
}

void ask(Reaper& r, Process* process) noexcept {
  Lock lock(r.mutex);
  process->next = r.asked;
  r.asked = process;
}

int watchPidfd(Reaper& r, int change, Process* process) noexcept {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.ptr = process;
  return epoll_ctl(r.epoll, change, process->pidfd(), &event);
}

void* work(void* argument) {
  Reaper& r = *static_cast<Reaper*>(argument);
  epoll_event events[kBatch];
  bool asks = false;
  for (;;) {
    const int n = epoll_wait(r.epoll, events, kBatch, asks ? kAskEveryMs : -1);
    for (int i = 0; i < n; ++i) {
      auto* process = static_cast<Process*>(events[i].data.ptr);
      if (!process) {
        eventfd_t value;
        eventfd_read(r.bell, &value);
      } else if (process->reap()) {
        deliver(process);
      } else if (watchPidfd(r, EPOLL_CTL_MOD, process) != 0) {
        ask(r, process);
      }
    }
    asks = askAll(r);
  }
  return nullptr;
}

int start(Reaper& r) noexcept {
  r.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (r.epoll < 0) return -errno;
  r.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int error = r.bell < 0 ? -errno : 0;
  epoll_event event{};
  event.events = EPOLLIN;
  if (error == 0 && epoll_ctl(r.epoll, EPOLL_CTL_ADD, r.bell, &event) != 0) error = -errno;
  pthread_t thread;
  if (error == 0) {
    error =
        sched::startServiceThread(&thread, "stackful-child", sched::Ending::kNever, kStackBytes, work, &r);
  }
  r.runs = error == 0;
  if (r.runs) return 0;
  if (r.bell >= 0) ::close(r.bell);
  ::close(r.epoll);
  return error;
}

}  // namespace

Process::Process(const Launched& launched, pool::Mailbox* to) noexcept
    : pid_(launched.pid), pidfd_(launched.pidfd), leadsGroup_(launched.leadsGroup) {
  mailbox = to;
  mailbox->retain();
}

Process::~Process() {
  if (pidfd_ >= 0) ::close(pidfd_);
  if (mailbox) mailbox->release();
}

Process* Process::create(const Launched& launched, pool::Mailbox* mailbox) noexcept {
  return new (std::nothrow) Process(launched, mailbox);
}

void Process::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

bool Process::ended(Exit* how) noexcept {
  Lock lock(mutex_);
  if (reaped_ && how) *how = exit_;
  return reaped_;
}

int Process::signal(int number) noexcept {
  Lock lock(mutex_);
  if (reaped_) return -ESRCH;
  return ::kill(pid_, number) == 0 ? 0 : -errno;
}

int Process::signalGroup(int number) noexcept {
  Lock lock(mutex_);
  // As long as it is not reaped, its number is no one else's. Afterwards the pidfd still means this group.
  if (reaped_ && pidfd_ >= 0) {
    if (syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, kToGroup) == 0) return 0;
    if (errno == ESRCH) return -ESRCH;
  }
  return ::kill(-pid_, number) == 0 ? 0 : -errno;
}

bool Process::reap() noexcept {
  Lock lock(mutex_);
  siginfo_t about{};
  int result;
  do {
    result = waitid(P_PID, static_cast<id_t>(pid_), &about, WEXITED | WNOHANG);
  } while (result != 0 && errno == EINTR);
  if (result == 0 && about.si_pid == 0) return false;
  reaped_ = true;
  if (pidfd_ >= 0 && !leadsGroup_) {
    ::close(pidfd_);
    pidfd_ = -1;
  }
  // Otherwise other code has reaped it, or told the kernel to (SIGCHLD ignored).
  if (result == 0 && about.si_code == CLD_EXITED) exit_.code = about.si_status;
  if (result == 0 && about.si_code != CLD_EXITED) exit_.signal = about.si_status;
  return true;
}

int prepareReaper() noexcept {
  Reaper& r = reaper();
  Lock lock(r.mutex);
  return r.runs ? 0 : start(r);
}

void watch(Process* process) noexcept {
  Reaper& r = reaper();
  if (process->pidfd() >= 0 && watchPidfd(r, EPOLL_CTL_ADD, process) == 0) return;
  ask(r, process);
  eventfd_write(r.bell, 1);
}

}  // namespace stackful::child
