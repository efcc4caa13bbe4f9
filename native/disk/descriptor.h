// Opening and closing on a thread that may wait, as every task of disk/ does it.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace stackful::disk {

// The descriptor, or -errno. A signal does not end it: EINTR comes from a FIFO, or from a file system on the network.
inline int openFile(const char* path, int flags, mode_t mode = 0) noexcept {
  int fd;
  do {
    fd = ::open(path, flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd < 0 ? -errno : fd;
}

// Opens for writing, and does not wait for the other end of a FIFO (-ENXIO), because that could not be ended. What is written
// then does wait, also to a pipe that is full, unless the caller's own flags have O_NONBLOCK. The descriptor, and `about` it; or
// -errno.
inline int openToWrite(const char* path, int flags, mode_t mode, struct stat& about) noexcept {
  const int fd = openFile(path, flags | O_NONBLOCK, mode);
  if (fd < 0) return fd;
  const bool known = ::fstat(fd, &about) == 0;
  if (known && (S_ISREG(about.st_mode) || flags & O_NONBLOCK)) return fd;
  if (known && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0) return fd;
  const int error = errno;
  ::close(fd);
  return -error;
}

// The kind of file, with its permissions; 0 when it is not open.
inline mode_t modeOf(int fd) noexcept {
  struct stat about;
  return ::fstat(fd, &about) == 0 ? about.st_mode : 0;
}

// 0 or -errno. Linux has let go of the descriptor even when it says EINTR.
inline int closeFile(int fd) noexcept {
  return ::close(fd) == 0 || errno == EINTR ? 0 : -errno;
}

}  // namespace stackful::disk
