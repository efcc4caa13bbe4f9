// Child processes for the tests of child/.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "../../native/child/children.h"
#include "environment.h"

namespace stackful::test {

struct ChildEnvironment : Environment {
  child::Children children{poller, pool};

  ChildEnvironment() {
    opened =
        opened && poller.addDrain([](void* all) { static_cast<child::Children*>(all)->drain(); }, &children);
  }

  int start(child::Launch launch, const std::vector<child::StdioPlan>& stdio, child::Child*& out,
            std::vector<net::Socket*>& ends) {
    ends.clear();
    return children.start(launch, stdio, out, ends);
  }
};

inline child::Launch shell(const char* command) {
  child::Launch launch;
  launch.file = "/bin/sh";
  launch.arguments = std::string("sh\0-c\0", 6) + command + '\0';
  launch.environment = std::string("PATH=/bin:/usr/bin\0", 19);
  return launch;
}

inline std::string readAll(net::Socket& socket) {
  std::string all;
  char buffer[16384];
  ssize_t n;
  while ((n = net::read(socket, buffer, sizeof buffer)) > 0) all.append(buffer, static_cast<size_t>(n));
  return all;
}

inline int descriptorsOpen() {
  int n = 0;
  for (int fd = 0; fd < 1024; ++fd) n += fcntl(fd, F_GETFD) >= 0;
  return n;
}

inline bool exists(pid_t pid) {
  return kill(pid, 0) == 0;
}

}  // namespace stackful::test
