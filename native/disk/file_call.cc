#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "descriptor.h"
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

// A file that is open until a copy is done, or has failed.
struct Open {
  int fd;
  ~Open() {
    if (fd >= 0) ::close(fd);
  }
};

// Between file systems, from /proc, to a device, or in an old container.
bool isUnable(int error) {
  return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EPERM;
}

ssize_t copyByHand(int from, int to, size_t most) {
  char bytes[size_t{32} << 10];
  const ssize_t size = ::read(from, bytes, most < sizeof bytes ? most : sizeof bytes);
  for (ssize_t done = 0; done < size;) {
    const ssize_t n = ::write(to, bytes + done, static_cast<size_t>(size - done));
    if (n < 0 && errno != EINTR) return n;
    if (n > 0) done += n;
  }
  return size;
}

int64_t copyBytes(int from, int to, off_t size) {
  for (off_t done = 0; done < size;) {
    constexpr size_t kMost = size_t{1} << 30;
    const auto left = static_cast<size_t>(size - done);
    const size_t want = left < kMost ? left : kMost;
    ssize_t n = copy_file_range(from, nullptr, to, nullptr, want, 0);
    if (n < 0 && isUnable(errno)) n = ::sendfile(to, from, nullptr, want);
    if (n < 0 && isUnable(errno)) n = copyByHand(from, to, want);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    if (n == 0) break;
    done += n;
  }
  return 0;
}

// The copy, once both are open: its bytes, its size and its mode. What cannot be copied, or not by the cloning that alone is
// wanted, is refused first: the file that was there stays as it is.
int64_t fill(int from, int to, const struct stat& about, int flags) {
  if (S_ISDIR(about.st_mode)) return -EISDIR;
  const bool cloned = flags & (kClone | kCloneOnly) && ioctl(to, FICLONE, from) == 0;
  if (!cloned && flags & kCloneOnly) return errno == ENOTTY || errno == EXDEV ? -ENOTSUP : -errno;
  // A device has no length (EINVAL).
  if (::ftruncate(to, cloned ? about.st_size : 0) != 0 && errno != EINVAL) return -errno;
  if (::fchmod(to, about.st_mode & 07777) != 0 && errno != EPERM) return -errno;
  return cloned ? 0 : copyBytes(from, to, about.st_size);
}

// As uv_fs_copyfile, with two differences. The other end of a FIFO is not waited for, because that could not be ended. And a copy
// that fails removes only what it has made: uv_fs_copyfile removes a file, a FIFO or a device that was there before, too.
int64_t copy(const char* path, const char* other, int flags) {
  const Open from{openFile(path, O_RDONLY | O_NONBLOCK)};
  if (from.fd < 0) return from.fd;
  struct stat about;
  if (::fstat(from.fd, &about) != 0) return -errno;
  struct stat there;
  constexpr int kCreate = O_WRONLY | O_CREAT;
  Open to{openToWrite(other, kCreate | O_EXCL, about.st_mode, there)};
  const bool made = to.fd >= 0;
  if (to.fd == -EEXIST && !(flags & kExclusive)) to.fd = openToWrite(other, kCreate, about.st_mode, there);
  if (to.fd < 0) return to.fd;
  // On itself: truncating it would lose it.
  if (about.st_dev == there.st_dev && about.st_ino == there.st_ino) return 0;
  int64_t result = fill(from.fd, to.fd, about, flags);
  // A file system on the network, or one with quotas, may say only here that the disk is full.
  const int closed = closeFile(std::exchange(to.fd, -1));
  if (result == 0) result = closed;
  if (result < 0 && made) ::unlink(other);
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
