#include <fcntl.h>
#include <unistd.h>

#include "cached.h"
#include "file.h"

namespace stackful::disk {
namespace {

using sched::ParkKind;

struct OpenTask {
  std::string path;
  int flags;
  mode_t mode;
  int64_t run() {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    return fd >= 0 ? fd : -errno;
  }
  void undo(int64_t fd) {
    if (fd >= 0) ::close(static_cast<int>(fd));
  }
};

int closeNow(int fd) {
  // Linux has let go of the descriptor even when it says EINTR.
  return ::close(fd) == 0 || errno == EINTR ? 0 : -errno;
}

struct CloseTask {
  int fd;
  int64_t run() { return closeNow(fd); }
  void undo(int64_t) {}
};

}  // namespace

int open(Disk& disk, const char* path, int flags, mode_t mode) noexcept {
  if (const int32_t code = disk.refusal()) return code;
  const int fd = openCached(path, flags, false, nullptr);
  if (fd != kNotCached) {
    disk.scheduler().chargeIo();
    return fd;
  }
  OpenTask task{path, flags, mode};
  return static_cast<int>(disk.run(task, {ParkKind::kFileOpen, -1, 0}, Cancelled::kAbandons));
}

int close(Disk& disk, int fd) noexcept {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH)) return closeNow(fd);
  CloseTask task{fd};
  const int64_t result = disk.run(task, {ParkKind::kFileClose, fd, 0}, Cancelled::kWaits);
  // A coroutine that is being cancelled, or is none, must still be able to clean up.
  const bool refused =
      result == sched::kNotInCoroutine || result == sched::kCannotPark || result == -ECANCELED;
  return refused ? closeNow(fd) : static_cast<int>(result);
}

}  // namespace stackful::disk
