#include "children.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <new>

namespace stackful::child {
namespace {

using sched::ParkKind;

// Descriptors that are closed unless they are taken.
class Descriptors {
 public:
  Descriptors() = default;
  Descriptors(Descriptors&& other) noexcept : all_(std::move(other.all_)) { other.all_.clear(); }
  Descriptors& operator=(Descriptors&& other) noexcept {
    all_.swap(other.all_);
    return *this;
  }
  ~Descriptors() { closeAll(); }

  void add(int fd) { all_.push_back(fd); }
  void closeAll() {
    for (int fd : all_) {
      if (fd >= 0) ::close(fd);
    }
    all_.clear();
  }
  std::vector<int> take() {
    std::vector<int> taken;
    taken.swap(all_);
    return taken;
  }

 private:
  std::vector<int> all_;
};

void doNotBlock(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

// Our end does not block, the child's does: the two ends are two open files.
int makePipe(size_t number, int& childs, int& ours) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
  childs = number == 0 ? ends[0] : ends[1];
  ours = number == 0 ? ends[1] : ends[0];
  doNotBlock(ours);
  return 0;
}

int makePair(int& childs, int& ours) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
  ours = ends[0];
  childs = ends[1];
  doNotBlock(ours);
  return 0;
}

struct LetGo {
  void operator()(pool::Mailbox* mailbox) const noexcept { mailbox->release(); }
};

struct StartTask {
  Launch launch;
  std::vector<StdioPlan> stdio;
  std::unique_ptr<pool::Mailbox, LetGo> mailbox;  // held: its environment may end before the program runs
  Descriptors given;
  Descriptors ours;  // one for each of the child's, -1 where there is none
  Process* process = nullptr;

  int64_t run() {
    Descriptors childs;
    if (const int error = openAll(childs)) return error;
    // Here, not before: the pool has seen to it that the code of its threads stays loaded.
    if (const int error = prepareReaper()) return error;
    Launched launched;
    if (const int error = child::launch(launch, launched)) return error;
    process = Process::create(launched, mailbox.get());
    if (!process) {
      endUnwatched(launched);
      return -ENOMEM;
    }
    process->retain();
    watch(process);
    return 0;
  }

  void undo(int64_t result) {
    if (result != 0) return;
    if (process->leadsGroup()) process->signalGroup(SIGKILL);
    process->signal(SIGKILL);
    process->release();
  }

  int openAll(Descriptors& childs) {
    int ignored = -1;
    launch.descriptors.clear();
    for (size_t i = 0; i < stdio.size(); ++i) {
      const StdioPlan& plan = stdio[i];
      int fd = -1, end = -1, error = 0;
      if (plan.kind == Stdio::kDescriptor) {
        fd = plan.fd;
      } else if (plan.kind == Stdio::kIgnore) {
        if (ignored < 0) {
          do {
            ignored = ::open("/dev/null", O_RDWR | O_CLOEXEC);
          } while (ignored < 0 && errno == EINTR);
          if (ignored < 0) return -errno;
          childs.add(ignored);
        }
        fd = ignored;
      } else {
        error = plan.kind == Stdio::kPipe ? makePipe(i, fd, end) : makePair(fd, end);
        if (error) return error;
        childs.add(fd);
      }
      ours.add(end);
      launch.descriptors.push_back({fd, plan.makeBlocking});
    }
    return 0;
  }
};

}  // namespace

Children::~Children() {
  if (!mailbox_) return;
  for (pool::Job* job = mailbox_->close(); job;) {
    pool::Job* next = job->next;
    static_cast<Process*>(job)->release();
    job = next;
  }
  mailbox_->release();
}

int Children::open() noexcept {
  if (mailbox_) return 0;
  mailbox_ = pool::Mailbox::create(poller_.signalFd());
  return mailbox_ ? 0 : -errno;
}

void Children::drain() noexcept {
  if (!mailbox_) return;
  for (pool::Job* job = mailbox_->take(); job;) {
    pool::Job* next = job->next;
    auto* process = static_cast<Process*>(job);
    if (auto* child = static_cast<Child*>(process->owner)) {
      net::wakeAll(poller_.scheduler(), child->waiters, 0);
    }
    process->release();
    job = next;
  }
}

int Children::start(Launch& launch, const std::vector<StdioPlan>& stdio, Child*& out,
                    std::vector<net::Socket*>& ends) noexcept {
  StartTask task;
  task.stdio = stdio;
  for (const StdioPlan& plan : task.stdio) {
    if (plan.given) task.given.add(plan.fd);
  }
  for (const StdioPlan& plan : task.stdio) {
    if (plan.kind == Stdio::kDescriptor && plan.fd < 0) return plan.fd;
  }
  if (const int32_t code = pool_.refusal()) return code;
  if (const int error = open()) return error;
  // Copies: once this parks the others may be closed, and their numbers be other files', before the thread has looked at them.
  for (StdioPlan& plan : task.stdio) {
    if (plan.kind != Stdio::kDescriptor || plan.given) continue;
    plan.fd = fcntl(plan.fd, F_DUPFD_CLOEXEC, 0);
    if (plan.fd < 0) return -errno;
    task.given.add(plan.fd);
  }
  task.launch = std::move(launch);
  mailbox_->retain();
  task.mailbox.reset(mailbox_);
  // Not abandoned once a thread has begun it: only the child could be ended then, and not what it has started meanwhile.
  const int64_t result = pool_.run(task, {ParkKind::kChildStart, -1, 0}, pool::Interrupted::kWaits);
  if (result < 0) return static_cast<int>(result);
  auto* child = new (std::nothrow) Child;
  bool complete = child != nullptr;
  const std::vector<int> ours = task.ours.take();
  for (size_t i = 0; i < ours.size(); ++i) {
    net::Socket* socket = nullptr;
    if (ours[i] >= 0) {
      const bool pair = stdio[i].kind == Stdio::kBothWays;
      socket = net::attach(poller_, ours[i], pair ? net::Kind::kOtherSocket : net::Kind::kPipe);
      if (!socket) ::close(ours[i]);
      complete = complete && socket;
    }
    ends.push_back(socket);
  }
  if (!complete) {
    for (net::Socket* socket : ends) {
      if (socket) net::close(socket);
    }
    ends.clear();
    delete child;
    task.undo(0);
    return -ENOMEM;
  }
  child->process = task.process;
  child->process->owner = child;
  out = child;
  return 0;
}

int Children::wait(Child& child, sched::Deadline deadline) noexcept {
  return waitWith(child, nullptr, 0, deadline);
}

int Children::waitWith(Child& child, net::Side* sides, size_t count, sched::Deadline deadline) noexcept {
  sched::Scheduler& scheduler = poller_.scheduler();
  if (const int32_t code = net::refusal(scheduler)) return code;
  if (child.process->ended()) {
    scheduler.charge();
    return 0;
  }
  net::Waiter waiter;
  waiter.coroutine = scheduler.running();
  child.waiters.pushBack(waiter);
  ++child.holds;
  const sched::Reason reason{ParkKind::kChild, -1, child.process->pid()};
  const int32_t code = count > 0 ? net::waitForAny(scheduler, sides, count, deadline, reason)
                                 : scheduler.parkUntil(reason, deadline);
  child.waiters.remove(waiter);
  if (--child.holds == 0 && child.dropped) leave(child);
  return code;
}

void Children::drop(Child* child) noexcept {
  child->dropped = true;
  if (child->holds == 0) leave(*child);
}

void Children::leave(Child& child) noexcept {
  child.process->owner = nullptr;
  child.process->release();
  delete &child;
}

}  // namespace stackful::child
