#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "cached.h"
#include "file.h"
#include "recent.h"

namespace stackful::disk {
namespace {

using sched::ParkKind;

struct StatTask {
  std::string path;
  int fd;  // with an empty path
  bool followLink;
  struct statx about;
  int64_t run() { return ask(path.c_str(), about); }
  int64_t ask(const char* where, struct statx& out) const {
    const int flags = (fd >= 0 ? AT_EMPTY_PATH : 0) | (followLink ? 0 : AT_SYMLINK_NOFOLLOW);
    const int at = fd >= 0 ? fd : AT_FDCWD;
    return ::statx(at, where, flags, STATX_BASIC_STATS | STATX_BTIME, &out) == 0 ? 0 : -errno;
  }
  void undo(int64_t) {}
};

int statOnPool(Pool& pool, StatTask& task, Interrupted interrupted, struct statx& out) {
  const int64_t result = pool.run(task, {ParkKind::kFileStat, task.fd, 0}, interrupted);
  if (result == 0) out = task.about;
  return static_cast<int>(result);
}

int statPath(Pool& pool, const char* path, bool followLink, struct statx& out) {
  if (const int32_t code = pool.refusal()) return code;
  const Found what = followLink ? Found::kTarget : Found::kLink;
  StatTask task{{}, -1, followLink, {}};
  int64_t result;
  if (wasCached(path, what)) {
    result = task.ask(path, out);
  } else {
    result = statCached(path, followLink, out);
    if (result == kNotCached) {
      task.path = path;
      return statOnPool(pool, task, Interrupted::kAbandons, out);
    }
    if (result == 0) noteCached(path, what);
  }
  pool.scheduler().charge();
  return static_cast<int>(result);
}

struct DirectoryTask {
  std::string path;
  Listing found;

  DirectoryTask() = default;
  int64_t run() { return list(path.c_str()); }
  void undo(int64_t) {}

  int64_t list(const char* where) {
    DIR* directory;
    do {
      directory = opendir(where);
    } while (!directory && errno == EINTR);
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
      found.add(entry->d_name, type);
    }
    const int error = errno;
    const bool soonAgain = error == 0 && found.entries.size() <= kMostInline && isLocal(dirfd(directory));
    closedir(directory);
    found.sort();
    if (soonAgain) noteCached(where, Found::kNames);
    return -error;
  }

 private:
  // 60 us; larger directories are read while other coroutines run.
  static constexpr size_t kMostInline = 512;
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

int stat(Pool& pool, const char* path, struct statx& out) noexcept {
  return statPath(pool, path, true, out);
}

int lstat(Pool& pool, const char* path, struct statx& out) noexcept {
  return statPath(pool, path, false, out);
}

int fstat(Pool& pool, int fd, struct statx& out) noexcept {
  if (const int32_t code = pool.refusal()) return code;
  const int result = statCached(fd, out);
  if (result != kNotCached) {
    pool.scheduler().charge();
    return result;
  }
  StatTask task{{}, fd, true, {}};
  return statOnPool(pool, task, Interrupted::kWaits, out);
}

int exists(Pool& pool, const char* path) noexcept {
  if (const int32_t code = pool.refusal()) return code;
  int64_t result;
  if (wasCached(path, Found::kTarget)) {
    result = ::access(path, F_OK) == 0 ? 0 : -errno;
  } else {
    struct statx about;
    result = statCached(path, true, about);
    if (result == kNotCached) {
      Call call{CallKind::kAccess, path, {}, -1, F_OK};
      return run(pool, call);
    }
    if (result == 0) noteCached(path, Found::kTarget);
  }
  pool.scheduler().charge();
  return static_cast<int>(result);
}

void Listing::add(const char* name, uint8_t type) {
  const size_t length = strlen(name);
  entries.push_back({static_cast<uint32_t>(names.size()), static_cast<uint16_t>(length), type});
  names.append(name, length);
}

void Listing::sort() {
  std::sort(entries.begin(), entries.end(),
            [this](const Entry& a, const Entry& b) { return name(a) < name(b); });
}

int readdir(Pool& pool, const char* path, Listing& out) noexcept {
  if (const int32_t code = pool.refusal()) return code;
  DirectoryTask task;
  int64_t result;
  // A thread that changes the directory holds its lock, perhaps through a wait for the disk: not while a job of ours might.
  if (pool.inFlight() == 0 && wasCached(path, Found::kNames)) {
    result = task.list(path);
    pool.scheduler().charge();
  } else {
    task.path = path;
    result = pool.run(task, {ParkKind::kFileDirectory, -1, 0}, Interrupted::kAbandons);
  }
  if (result == 0) out = std::move(task.found);
  return static_cast<int>(result);
}

int realpath(Pool& pool, const char* path, std::string& out) noexcept {
  RealpathTask task{path};
  const int64_t result = pool.run(task, {ParkKind::kFileOther, -1, 0}, Interrupted::kAbandons);
  if (result == 0) out = std::move(task.path);
  return static_cast<int>(result);
}

}  // namespace stackful::disk
