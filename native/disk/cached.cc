#include "cached.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "recent.h"

#ifndef SYS_cachestat
#define SYS_cachestat 451  // Linux 6.5
#endif
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xFE534D42
#endif
#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xFF534D42
#endif
#ifndef CEPH_SUPER_MAGIC
#define CEPH_SUPER_MAGIC 0x00c36400
#endif
#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

namespace stackful::disk {
namespace {

constexpr unsigned kStatMask = STATX_BASIC_STATS | STATX_BTIME;

int openat2(const char* path, uint64_t flags) {
  open_how how{};
  how.flags = flags;
  how.resolve = RESOLVE_CACHED;
  return static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
}

// Linux 5.12 and no seccomp filter in the way (old container runtimes answer EPERM). Asked once.
bool canOpenCached() {
  static const bool can = [] {
    const int fd = openat2("/", O_PATH | O_CLOEXEC);
    if (fd >= 0) ::close(fd);
    return fd >= 0 || errno == EAGAIN;
  }();
  return can;
}

bool isPlain(const struct stat& about) {
  return S_ISREG(about.st_mode) || S_ISDIR(about.st_mode);
}

// Looked at before it is opened: opening a FIFO wakes a waiting writer, which finds no reader if it is closed again.
bool looksPlain(const char* path, int flags) {
  const int look = openat2(path, O_PATH | O_CLOEXEC | (flags & O_NOFOLLOW));
  if (look < 0) return false;
  struct stat about;
  const bool plain = ::fstat(look, &about) == 0 && isPlain(about);
  ::close(look);
  return plain;
}

bool asksServer(const struct statfs& fs) {
  switch (static_cast<uint32_t>(fs.f_type)) {
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
    case CEPH_SUPER_MAGIC:
    case FUSE_SUPER_MAGIC:
    case V9FS_MAGIC:
    case AFS_FS_MAGIC:
    case AFS_SUPER_MAGIC:
    case CODA_SUPER_MAGIC:
      return true;
    default:
      return false;
  }
}

// Attributes taken without asking a server are the truth where there is no server. File systems on a block
// device have a device number; for the others (tmpfs, overlayfs, btrfs, and the networked ones) the answer is
// remembered by number. One word per entry, because every environment's thread comes here: minor number << 2
// | known << 1 | server.
std::atomic<uint64_t> answers[64];

bool isLocal(int fd, const struct statx& about) {
  if (about.stx_dev_major != 0) return true;
  const uint64_t minor = about.stx_dev_minor;
  std::atomic<uint64_t>& entry = answers[minor % 64];
  const uint64_t known = entry.load(std::memory_order_relaxed);
  if (known >> 1 == (minor << 1 | 1)) return !(known & 1);
  struct statfs fs;
  if (fstatfs(fd, &fs) != 0) return false;
  const bool server = asksServer(fs);
  entry.store(minor << 2 | 2 | server, std::memory_order_relaxed);
  return !server;
}

}  // namespace

int openCached(const char* path, int flags) noexcept {
  // Opening to write may read quota files; creation and truncation are never cached; O_PATH refuses most
  // other flags.
  constexpr int kNever = O_ACCMODE | O_CREAT | O_TRUNC | O_PATH | (O_TMPFILE & ~O_DIRECTORY);
  if ((flags & kNever) || !canOpenCached() || !looksPlain(path, flags)) return kNotCached;
  const int fd = openat2(path, static_cast<uint32_t>(flags) | O_CLOEXEC | O_NONBLOCK);
  // Whatever the error, the pool's open gives the true one: a name that is not there is not "cached" either.
  if (fd < 0) return kNotCached;
  struct stat about;
  if (::fstat(fd, &about) != 0 || !isPlain(about)) {
    ::close(fd);
    return kNotCached;
  }
  if (!(flags & O_NONBLOCK)) fcntl(fd, F_SETFL, flags & ~O_CLOEXEC);
  return fd;
}

int openCachedToRead(const char* path, struct stat& about) noexcept {
  if (!canOpenCached()) return kNotCached;
  const bool known = wasCached(path, Found::kPlain);
  if (!known && !looksPlain(path, 0)) return kNotCached;
  const int fd = openat2(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return kNotCached;
  if (::fstat(fd, &about) != 0) {
    ::close(fd);
    return kNotCached;
  }
  if (!known && isPlain(about)) noteCached(path, Found::kPlain);
  return fd;
}

int statCached(const char* path, bool followLink, struct statx& out) noexcept {
  if (!canOpenCached()) return kNotCached;
  // O_PATH opens nothing: no FIFO waits, no device is touched.
  const int fd = openat2(path, O_PATH | O_CLOEXEC | (followLink ? 0 : O_NOFOLLOW));
  // The kernel remembers what is not there, too.
  if (fd < 0) return errno == ENOENT ? -ENOENT : kNotCached;
  const int result = statCached(fd, out);
  ::close(fd);
  return result;
}

int statCached(int fd, struct statx& out) noexcept {
  if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kStatMask, &out) != 0) {
    return errno == EBADF ? -EBADF : kNotCached;
  }
  return isLocal(fd, out) ? 0 : kNotCached;
}

bool isLocal(int fd) noexcept {
  struct statx about;
  return ::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &about) == 0 && isLocal(fd, about);
}

ssize_t readCached(int fd, void* buffer, size_t size, int64_t offset) noexcept {
  const iovec part{buffer, size};
  for (;;) {
    // Not through the C library, whose preadv2 is a point where threads are cancelled: two locked instructions, which
    // wait for every cache line on its way.
    const ssize_t n = syscall(SYS_preadv2, fd, &part, 1, offset, 0, RWF_NOWAIT);
    if (n >= 0) return n;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EOPNOTSUPP || errno == ENOSYS ? kNotCached : -errno;
  }
}

bool isCached(int fd, int64_t offset, size_t length) noexcept {
  struct {
    uint64_t offset, length;
  } range{static_cast<uint64_t>(offset), length};
  struct {
    uint64_t cached, dirty, writeback, evicted, recentlyEvicted;
  } found{};
  if (length == 0) return true;
  if (syscall(SYS_cachestat, fd, &range, &found, 0) != 0) return false;
  constexpr uint64_t kPage = 4096;
  const uint64_t first = range.offset / kPage;
  const uint64_t last = (range.offset + length - 1) / kPage;
  return found.cached >= last - first + 1;
}

}  // namespace stackful::disk
