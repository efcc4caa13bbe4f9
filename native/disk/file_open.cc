#include <cerrno>
#include <utility>

#include "cached.h"
#include "descriptor.h"
#include "file.h"

namespace stackful::disk {
namespace {

using sched::ParkKind;

struct OpenTask {
  std::string path;
  int flags;
  mode_t mode;
  int64_t run() { return openFile(path.c_str(), flags, mode); }
  void undo(int64_t fd) {
    if (fd >= 0) ::close(static_cast<int>(fd));
  }
};

// Closes its descriptor whatever becomes of it.
struct CloseTask {
  int fd;
  explicit CloseTask(int open) noexcept : fd(open) {}
  CloseTask(CloseTask&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  CloseTask& operator=(CloseTask&& other) noexcept {
    std::swap(fd, other.fd);
    return *this;
  }
  ~CloseTask() {
    if (fd >= 0) closeFile(fd);
  }
  int64_t run() { return closeFile(std::exchange(fd, -1)); }
  void undo(int64_t) {}
};

}  // namespace

int open(Pool& pool, const char* path, int flags, mode_t mode) noexcept {
  if (const int32_t code = pool.refusal()) return code;
  const int fd = openCached(path, flags);
  if (fd != kNotCached) {
    pool.scheduler().charge();
    return fd;
  }
  OpenTask task{path, flags, mode};
  return static_cast<int>(pool.run(task, {ParkKind::kFileOpen, -1, 0}, Interrupted::kAbandons));
}

int close(Pool& pool, int fd) noexcept {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH)) return closeFile(fd);
  CloseTask task{fd};
  const int64_t result = pool.run(task, {ParkKind::kFileClose, fd, 0}, Interrupted::kLeaves);
  // A coroutine that is being cancelled, whose time is up, or that is none, must still be able to clean up.
  return static_cast<int>(task.fd >= 0 ? task.run() : result);
}

}  // namespace stackful::disk
