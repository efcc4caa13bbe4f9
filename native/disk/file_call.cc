#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>

#include "file.h"

namespace stackful::disk {
namespace {

using sched::ParkKind;

// As fs.constants.COPYFILE_* has them.
constexpr int kExclusive = 1, kClone = 2, kCloneOnly = 4;

int64_t resultOf(int result) {
  return result < 0 ? -errno : 0;
}

int64_t readLink(std::string& path) {
  char text[PATH_MAX];
  const ssize_t length = ::readlink(path.c_str(), text, sizeof text);
  if (length < 0) return -errno;
  path.assign(text, static_cast<size_t>(length));
  return 0;
}

int64_t makeDirectory(std::string& prefix) {
  prefix += "XXXXXX";
  return mkdtemp(prefix.data()) ? 0 : -errno;
}

// A file that is open for as long as a copy lasts.
struct Open {
  int fd;
  ~Open() {
    if (fd >= 0) ::close(fd);
  }
};

int64_t copyBytes(int from, int to, off_t size) {
  for (off_t done = 0; done < size;) {
    constexpr size_t kMost = size_t{1} << 30;
    const auto left = static_cast<size_t>(size - done);
    const size_t want = left < kMost ? left : kMost;
    ssize_t n = copy_file_range(from, nullptr, to, nullptr, want, 0);
    // Between file systems, from /proc, or in an old container.
    if (n < 0 &&
        (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM))
      n = ::sendfile(to, from, nullptr, want);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    if (n == 0) break;
    done += n;
  }
  return 0;
}

// The copy, once both are open: its mode, its size and its bytes.
int64_t fill(int from, int to, const struct stat& about, int flags) {
  if (::fchmod(to, about.st_mode & 07777) != 0 && errno != EPERM) return -errno;
  if (flags & (kClone | kCloneOnly)) {
    if (ioctl(to, FICLONE, from) == 0) return 0;
    if (flags & kCloneOnly) return errno == ENOTTY || errno == EXDEV ? -ENOTSUP : -errno;
  }
  return copyBytes(from, to, about.st_size);
}

// open(2), again when a signal came in between.
int openFile(const char* path, int flags, mode_t mode) {
  int fd;
  do {
    fd = ::open(path, flags, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// As uv_fs_copyfile, except that the other end of a FIFO is not waited for, because that could not be ended.
int64_t copy(const char* path, const char* other, int flags) {
  const Open from{openFile(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)};
  if (from.fd < 0) return -errno;
  struct stat about;
  if (::fstat(from.fd, &about) != 0) return -errno;
  const int exclusive = flags & kExclusive ? O_EXCL : 0;
  const Open to{openFile(other, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | exclusive, about.st_mode)};
  if (to.fd < 0) return -errno;
  struct stat there;
  if (::fstat(to.fd, &there) != 0) return -errno;
  // On itself: truncating it would lose it.
  if (about.st_dev == there.st_dev && about.st_ino == there.st_ino) return 0;
  int64_t result = resultOf(::ftruncate(to.fd, 0));
  if (result == -EINVAL) result = 0;  // a device
  if (result == 0) result = fill(from.fd, to.fd, about, flags);
  if (result < 0) ::unlink(other);
  return result;
}

Interrupted interruptedOf(CallKind kind) {
  switch (kind) {
    case CallKind::kAccess:
    case CallKind::kReadlink:
    case CallKind::kMkdtemp:
      return Interrupted::kAbandons;
    default:
      return Interrupted::kWaits;
  }
}

}  // namespace

int64_t Call::run() {
  const char* const where = path.c_str();
  const auto mode = static_cast<mode_t>(number);
  switch (kind) {
    case CallKind::kAccess:
      return resultOf(::access(where, static_cast<int>(number)));
    case CallKind::kRename:
      return resultOf(::rename(where, other.c_str()));
    case CallKind::kLink:
      return resultOf(::link(where, other.c_str()));
    case CallKind::kSymlink:
      return resultOf(::symlink(where, other.c_str()));
    case CallKind::kUnlink:
      return resultOf(::unlink(where));
    case CallKind::kRmdir:
      return resultOf(::rmdir(where));
    case CallKind::kMkdir:
      return resultOf(::mkdir(where, mode));
    case CallKind::kChmod:
      return resultOf(::chmod(where, mode));
    case CallKind::kFchmod:
      return resultOf(::fchmod(fd, mode));
    case CallKind::kFtruncate:
      return resultOf(::ftruncate(fd, number));
    case CallKind::kCopy:
      return copy(where, other.c_str(), static_cast<int>(number));
    case CallKind::kReadlink:
      return readLink(path);
    case CallKind::kMkdtemp:
      return makeDirectory(path);
  }
  return -ENOSYS;
}

void Call::undo(int64_t result) {
  if (kind == CallKind::kMkdtemp && result == 0) ::rmdir(path.c_str());
}

int run(Pool& pool, Call& call) noexcept {
  const ParkKind park = call.kind == CallKind::kAccess ? ParkKind::kFileStat : ParkKind::kFileOther;
  const Interrupted interrupted = interruptedOf(call.kind);
  return static_cast<int>(pool.run(call, {park, call.fd, 0}, interrupted));
}

}  // namespace stackful::disk
