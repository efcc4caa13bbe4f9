// Files for the tests of disk/.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "../../native/disk/file.h"
#include "../../native/pool/thread_pool.h"
#include "environment.h"

namespace stackful::test {

// A directory of its own, removed with what was made in it.
struct Directory {
  std::string path;
  Directory() {
    char name[] = "/tmp/stackful-test-XXXXXX";
    path = mkdtemp(name);
  }
  ~Directory() { (void)!system(("rm -rf " + path).c_str()); }
  std::string operator/(const std::string& name) const { return path + "/" + name; }
};

inline std::string pattern(size_t size) {
  std::string s(size, 0);
  for (size_t i = 0; i < size; ++i) s[i] = static_cast<char>('a' + (i + i / 4096) % 26);
  return s;
}

inline void writeWhole(const std::string& path, const std::string& content) {
  const int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
  CHECK(::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  fsync(fd);
  ::close(fd);
}

// Makes the next read of the file wait for the disk (where the file system is one with a page cache).
inline void evict(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  ::close(fd);
}

inline int openDescriptors() {
  int n = 0;
  for (int fd = 0; fd < 4096; ++fd) n += fcntl(fd, F_GETFD) >= 0;
  return n;
}

inline constexpr sched::Reason kReason{sched::ParkKind::kFileOther, -1, 0};

// A task whose thread waits until it is let go, and that counts what happens to it.
struct Gate {
  std::atomic<bool> open{false};
  std::atomic<int> began{0}, undone{0}, destroyed{0};
  void let() {
    open = true;
    open.notify_all();
  }
  void awaitBegin() {
    while (began == 0) usleep(100);
  }
};

struct GateTask {
  std::shared_ptr<Gate> gate;
  int64_t value = 0;
  int64_t run() {
    ++gate->began;
    gate->open.wait(false);
    return value;
  }
  void undo(int64_t) { ++gate->undone; }
  GateTask(std::shared_ptr<Gate> g, int64_t v) : gate(std::move(g)), value(v) {}
  GateTask(GateTask&&) = default;
  GateTask& operator=(GateTask&&) = default;
  ~GateTask() {
    if (gate) ++gate->destroyed;
  }
};

inline bool eventually(const std::function<bool()>& what) {
  for (int i = 0; i < 20'000; ++i) {
    if (what()) return true;
    usleep(1000);
  }
  return false;
}

// Keeps the pool at its usual size, however stuck it is.
struct NoGrowth {
  NoGrowth() { pool::setPatience(-1); }
  ~NoGrowth() { pool::setPatience(20); }
};

// Keeps all the usual threads busy.
inline void fill(Environment& e, const std::shared_ptr<Gate>& busy) {
  constexpr int kThreads = 4;
  for (int i = 0; i < kThreads; ++i) {
    e.go([&e, busy] {
      GateTask task(busy, 0);
      e.pool.run(task, kReason, pool::Interrupted::kWaits);
    });
  }
  e.turn(0);
  while (busy->began < kThreads) usleep(100);
}

}  // namespace stackful::test
