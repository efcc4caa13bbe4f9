#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "child_harness.h"
#include "disk_harness.h"

// ThreadSanitizer takes the child, which shares this process's memory until it runs its program, for the thread that made it.
#ifndef __SANITIZE_THREAD__

using namespace stackful;
using namespace stackful::child;
using test::ChildEnvironment;
using test::descriptorsOpen;
using test::exists;
using test::readAll;
using test::shell;

namespace {

const std::vector<StdioPlan> kNoPipes{{}, {}, {}};
const std::vector<StdioPlan> kOutput{{}, {Stdio::kPipe}, {}};
const std::vector<StdioPlan> kBoth{{Stdio::kPipe}, {Stdio::kPipe}, {}};

bool noChild() {
  siginfo_t about;
  return waitid(P_ALL, 0, &about, WEXITED | WNOHANG | WNOWAIT) == -1 && errno == ECHILD;
}

Exit exitOf(const Child& child) {
  Exit how;
  CHECK(child.process->ended(&how));
  return how;
}

}  // namespace

TEST_CASE("a program runs, and its end is known with its exit code or signal") {
  ChildEnvironment e;
  e.go([&] {
    Child* child = nullptr;
    std::vector<net::Socket*> ends;
    CHECK(e.start(shell("exit 7"), kNoPipes, child, ends) == 0);
    CHECK(ends == std::vector<net::Socket*>(3, nullptr));
    CHECK(e.children.wait(*child) == 0);
    CHECK(exitOf(*child).code == 7);
    CHECK(e.children.wait(*child) == 0);
    CHECK(child->process->signal(SIGKILL) == -ESRCH);
    e.children.drop(child);
    CHECK(e.start(shell("kill -9 $$"), kNoPipes, child, ends) == 0);
    CHECK(e.children.wait(*child) == 0);
    CHECK(exitOf(*child).signal == SIGKILL);
    e.children.drop(child);
  });
  CHECK(e.run());
}

TEST_CASE("bytes go through the child's pipes, and nothing stays open") {
  const int before = descriptorsOpen();
  {
    ChildEnvironment e;
    e.go([&] {
      Child* child = nullptr;
      std::vector<net::Socket*> ends;
      CHECK(e.start(shell("cat"), kBoth, child, ends) == 0);
      const std::string text(300'000, 'x');
      e.go([&, in = ends[0]] {
        CHECK(net::writeAll(*in, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        net::close(in);
      });
      CHECK(readAll(*ends[1]) == text);
      net::close(ends[1]);
      CHECK(e.children.wait(*child) == 0);
      CHECK(exitOf(*child).code == 0);
      e.children.drop(child);
    });
    CHECK(e.run());
  }
  // The reaper has two of its own from the first child on.
  CHECK(test::eventually([&] { return descriptorsOpen() <= before + 2; }));
}

TEST_CASE("a start that fails returns the error, and leaves neither process nor descriptor") {
  ChildEnvironment e;
  Launch missing;
  missing.file = "no-such-program";
  missing.arguments = std::string("x\0", 2);
  missing.environment = std::string("PATH=/bin:/usr/bin\0", 19);
  e.go([&] {
    Child* child = nullptr;
    std::vector<net::Socket*> ends;
    CHECK(e.start(missing, kBoth, child, ends) == -ENOENT);
    const int before = descriptorsOpen();
    CHECK(e.start(missing, kBoth, child, ends) == -ENOENT);
    Launch elsewhere = shell("true");
    elsewhere.directory = "/no/such/folder";
    CHECK(e.start(elsewhere, kBoth, child, ends) == -ENOENT);
    CHECK(e.start(shell("true"), {{Stdio::kDescriptor, 9999}}, child, ends) == -EBADF);
    CHECK(descriptorsOpen() == before);
    CHECK(child == nullptr);
  });
  CHECK(e.run());
  CHECK(test::eventually(noChild));
}

TEST_CASE("the child has none of this process's descriptors, dispositions and blocked signals") {
  ChildEnvironment e;
  const int inherited = ::open("/dev/null", O_RDONLY);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGUSR1, SIG_IGN);
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  std::string text;
  e.go([&] {
    Child* child = nullptr;
    std::vector<net::Socket*> ends;
    CHECK(e.start(shell("ls /proc/self/fd; grep -E 'SigIgn|SigBlk' /proc/self/status"), kOutput, child,
                  ends) == 0);
    text = readAll(*ends[1]);
    net::close(ends[1]);
    e.children.drop(child);
  });
  CHECK(e.run());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGUSR1, SIG_DFL);
  ::close(inherited);
  // 3 is the directory that ls reads.
  CHECK(text == "0\n1\n2\n3\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE("descriptors that change places get to theirs") {
  ChildEnvironment e;
  int one[2], two[2];
  REQUIRE(pipe2(one, O_CLOEXEC) == 0);
  REQUIRE(pipe2(two, O_CLOEXEC) == 0);
  e.go([&] {
    Child* child = nullptr;
    std::vector<net::Socket*> ends;
    std::vector<StdioPlan> plan(12);
    // Each where the other was, in a list that covers both.
    const size_t a = static_cast<size_t>(one[1]), b = static_cast<size_t>(two[1]);
    plan.resize(std::max({a, b, size_t{12}}) + 1);
    plan[a] = {Stdio::kDescriptor, two[1]};
    plan[b] = {Stdio::kDescriptor, one[1]};
    const std::string command = "echo a >&" + std::to_string(a) + "; echo b >&" + std::to_string(b);
    Launch launch = shell(command.c_str());
    launch.file = "/bin/bash";  // whose redirections know two digits
    CHECK(e.start(launch, plan, child, ends) == 0);
    CHECK(e.children.wait(*child) == 0);
    e.children.drop(child);
  });
  CHECK(e.run());
  char text[3] = {};
  CHECK(::read(two[0], text, 2) == 2);
  CHECK(std::string(text) == "a\n");
  CHECK(::read(one[0], text, 2) == 2);
  CHECK(std::string(text) == "b\n");
  for (int fd : {one[0], one[1], two[0], two[1]}) ::close(fd);
}

TEST_CASE("several coroutines wait for one child, and one of them is cancelled") {
  ChildEnvironment e;
  int ended = 0, cancelled = 0;
  e.go([&] {
    Child* child = nullptr;
    std::vector<net::Socket*> ends;
    CHECK(e.start(shell("read x"), {{Stdio::kPipe}, {}, {}}, child, ends) == 0);
    sched::Coroutine* last = nullptr;
    for (int i = 0; i < 3; ++i) {
      last = e.go([&, child] {
        const int code = e.children.wait(*child);
        ended += code == 0;
        cancelled += code == -ECANCELED;
      });
    }
    e.scheduler.yieldNow();
    e.scheduler.cancel(last);
    CHECK(e.children.wait(*child, test::in(5)) == -ETIMEDOUT);
    net::close(ends[0]);
    CHECK(e.children.wait(*child) == 0);
    // The others are still to run: the record stays until they have left.
    e.children.drop(child);
  });
  CHECK(e.run());
  CHECK(ended == 2);
  CHECK(cancelled == 1);
}

TEST_CASE("a child is reaped though nobody waits, and though its environment has gone") {
  std::vector<pid_t> pids;
  {
    ChildEnvironment e;
    e.go([&] {
      for (const char* command : {"true", "sleep 0.05", "sleep 0.05"}) {
        Child* child = nullptr;
        std::vector<net::Socket*> ends;
        CHECK(e.start(shell(command), kNoPipes, child, ends) == 0);
        pids.push_back(child->process->pid());
        e.children.drop(child);
      }
    });
    CHECK(e.run());
  }
  CHECK(pids.size() == 3);
  for (pid_t pid : pids) CHECK(test::eventually([&] { return !exists(pid); }));
}

TEST_CASE("a start that is cancelled leaves no process") {
  for (int turns = 0; turns < 6; ++turns) {
    ChildEnvironment e;
    sched::Coroutine* starter = e.go([&] {
      Child* child = nullptr;
      std::vector<net::Socket*> ends;
      const int code = e.start(shell("sleep 1000"), kBoth, child, ends);
      CHECK((code == -ECANCELED || code == 0));
      if (code != 0) return;
      for (net::Socket* socket : ends) {
        if (socket) net::close(socket);
      }
      child->process->signal(SIGKILL);
      e.children.drop(child);
    });
    e.go([&] {
      sched::sleepFor(e.scheduler, turns * 200'000);
      e.scheduler.cancel(starter);
    });
    CHECK(e.run());
    // Those that had begun are killed by the drain, or by the pool's thread.
    CHECK(test::eventually([&] {
      e.turn(0);
      return e.pool.inFlight() == 0;
    }));
  }
  CHECK(test::eventually(noChild));
}

TEST_CASE("a group is reached as a whole, also when its leader has ended") {
  ChildEnvironment e;
  e.go([&] {
    Child* child = nullptr;
    std::vector<net::Socket*> ends;
    Launch launch = shell("sleep 1000 & echo $!; exit 0");
    launch.group = Group::kSession;
    CHECK(e.start(launch, kOutput, child, ends) == 0);
    CHECK(child->process->leadsGroup());
    char text[16] = {};
    CHECK(net::read(*ends[1], text, sizeof text - 1) > 0);
    CHECK(e.children.wait(*child) == 0);
    CHECK(child->process->signalGroup(0) == 0);
    CHECK(child->process->signalGroup(SIGKILL) == 0);
    // It had the pipe.
    CHECK(readAll(*ends[1]).empty());
    net::close(ends[1]);
    e.children.drop(child);
  });
  CHECK(e.run());
}

#endif
