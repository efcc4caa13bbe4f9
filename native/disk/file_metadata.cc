#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <cstring>

#include "cached.h"
#include "file.h"

namespace stackful::disk {
namespace {

using sched::ParkKind;

struct StatTask {
  std::string path;
  int fd;  // with an empty path
  bool followLink;
  struct statx about;
  int64_t run() {
    const int flags = (path.empty() && fd >= 0 ? AT_EMPTY_PATH : 0) | (followLink ? 0 : AT_SYMLINK_NOFOLLOW);
    const int at = fd >= 0 ? fd : AT_FDCWD;
    return ::statx(at, path.c_str(), flags, STATX_BASIC_STATS | STATX_BTIME, &about) == 0 ? 0 : -errno;
  }
  void undo(int64_t) {}
};

int statOnPool(Disk& disk, StatTask& task, Cancelled cancelled, struct statx& out) {
  const int64_t result = disk.run(task, {ParkKind::kFileStat, task.fd, 0}, cancelled);
  if (result == 0) out = task.about;
  return static_cast<int>(result);
}

int statPath(Disk& disk, const char* path, bool followLink, struct statx& out) {
  if (const int32_t code = disk.refusal()) return code;
  if (statCached(path, followLink, out) == 0) {
    disk.scheduler().chargeIo();
    return 0;
  }
  StatTask task{path, -1, followLink, {}};
  return statOnPool(disk, task, Cancelled::kAbandons, out);
}

struct DirectoryTask {
  std::string path;
  std::vector<DirectoryEntry> entries;
  int64_t run() {
    DIR* directory = opendir(path.c_str());
    if (!directory) return -errno;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(directory);
      if (!entry) break;
      if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
      uint8_t type = entry->d_type;
      struct stat about;
      // Some file systems leave it to us.
      if (type == DT_UNKNOWN && fstatat(dirfd(directory), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0) {
        type = IFTODT(about.st_mode);
      }
      entries.push_back({entry->d_name, type});
    }
    const int error = errno;
    closedir(directory);
    return -error;
  }
  void undo(int64_t) {}
};

struct RealpathTask {
  std::string path;
  int64_t run() {
    char* resolved = ::realpath(path.c_str(), nullptr);
    if (!resolved) return -errno;
    path = resolved;
    free(resolved);
    return 0;
  }
  void undo(int64_t) {}
};

}  // namespace

int stat(Disk& disk, const char* path, struct statx& out) noexcept {
  return statPath(disk, path, true, out);
}

int lstat(Disk& disk, const char* path, struct statx& out) noexcept {
  return statPath(disk, path, false, out);
}

int fstat(Disk& disk, int fd, struct statx& out) noexcept {
  if (const int32_t code = disk.refusal()) return code;
  const int result = statCached(fd, out);
  if (result != kNotCached) {
    disk.scheduler().chargeIo();
    return result;
  }
  StatTask task{{}, fd, true, {}};
  return statOnPool(disk, task, Cancelled::kWaits, out);
}

int readdir(Disk& disk, const char* path, std::vector<DirectoryEntry>& out) noexcept {
  DirectoryTask task{path, {}};
  const int64_t result = disk.run(task, {ParkKind::kFileDirectory, -1, 0}, Cancelled::kAbandons);
  if (result == 0) out = std::move(task.entries);
  return static_cast<int>(result);
}

int realpath(Disk& disk, const char* path, std::string& out) noexcept {
  RealpathTask task{path};
  const int64_t result = disk.run(task, {ParkKind::kFileOther, -1, 0}, Cancelled::kAbandons);
  if (result == 0) out = std::move(task.path);
  return static_cast<int>(result);
}

}  // namespace stackful::disk
