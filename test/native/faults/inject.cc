#include "inject.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdlib>
#include <new>

namespace stackful::faults {
namespace {

// The calls, and with what each may fail: out of descriptors or memory, the peer or the disk gone, a signal in between. Not
// EAGAIN: for what is ready the kernel does not say so, and no event would tell when it is.
#define STACKFUL_FAULTS(X)                             \
  X(socket, EMFILE, ENOBUFS)                           \
  X(bind, EADDRINUSE, EACCES)                          \
  X(listen, EADDRINUSE)                                \
  X(accept4, EMFILE, ECONNABORTED, EINTR)              \
  X(connect, ECONNREFUSED, EADDRNOTAVAIL, ENETUNREACH) \
  X(getsockname, ENOBUFS)                              \
  X(getsockopt, ENOBUFS)                               \
  X(setsockopt, ENOPROTOOPT)                           \
  X(recv, ECONNRESET, ETIMEDOUT, EINTR)                \
  X(send, EPIPE, ECONNRESET, EINTR)                    \
  X(sendmsg, EPIPE, ENOBUFS, EINTR)                    \
  X(recvmsg, ECONNRESET, ENOMEM, EINTR)                \
  X(sendto, ENOBUFS, ENETUNREACH, EPERM, EINTR)        \
  X(sendmmsg, ENOBUFS, EPERM, EINTR)                   \
  X(recvmmsg, ECONNREFUSED, ENOMEM, EINTR)             \
  X(splice, ENOMEM, EPIPE, ECONNRESET, EINTR)          \
  X(sendfile, EIO, ECONNRESET, EINTR)                  \
  X(socketpair, EMFILE, ENOBUFS)                       \
  X(pipe2, EMFILE, ENFILE)                             \
  X(clone, EAGAIN, ENOMEM, EPERM)                      \
  X(waitid, EINTR)                                     \
  X(shutdown, ENOTCONN)                                \
  X(epoll_create1, EMFILE, ENOMEM)                     \
  X(epoll_ctl, ENOMEM, ENOSPC)                         \
  X(epoll_wait, EINTR)                                 \
  X(eventfd, EMFILE)                                   \
  X(timerfd_create, EMFILE, ENOMEM)                    \
  X(fcntl, EMFILE)                                     \
  X(open, EMFILE, EACCES, EINTR)                       \
  X(close, EIO, EINTR)                                 \
  X(read, EIO, EINTR)                                  \
  X(write, ENOSPC, EIO, EINTR)                         \
  X(writev, EIO, EINTR)                                \
  X(pread, EIO, EINTR)                                 \
  X(pwrite, ENOSPC, EIO, EINTR)                        \
  X(fstat, ENOMEM)                                     \
  X(statx, ENOMEM, EACCES)                             \
  X(lseek, EINVAL)                                     \
  X(access, EACCES)                                    \
  X(rename, EACCES, ENOSPC)                            \
  X(link, EMLINK, ENOSPC)                              \
  X(symlink, ENOSPC)                                   \
  X(unlink, EACCES, EROFS)                             \
  X(rmdir, EBUSY)                                      \
  X(mkdir, ENOSPC)                                     \
  X(chmod, EPERM)                                      \
  X(fchmod, EPERM, EIO)                                \
  X(ftruncate, EIO, EINVAL)                            \
  X(readlink, EACCES)                                  \
  X(copy_file_range, ENOSPC, EXDEV, EINTR)             \
  X(opendir, EMFILE, EACCES, EINTR)                    \
  X(mmap, ENOMEM)                                      \
  X(mprotect, ENOMEM)                                  \
  X(madvise, EAGAIN, EINVAL)                           \
  X(pthread_create, EAGAIN)                            \
  X(malloc, ENOMEM)                                    \
  X(realloc, ENOMEM)                                   \
  X(_ZnwmRKSt9nothrow_t, ENOMEM)                       \
  X(_ZnamRKSt9nothrow_t, ENOMEM)                       \
  X(syscall, ENOSYS, EMFILE, ENOMEM)

#define STACKFUL_ERRORS(name, ...) const int name##Errors[] = {__VA_ARGS__, 0};
STACKFUL_FAULTS(STACKFUL_ERRORS)
#define STACKFUL_INDEX(name, ...) k_##name,
enum Index { STACKFUL_FAULTS(STACKFUL_INDEX) kCount };

std::atomic<bool> armed{false};
std::atomic<unsigned> counts[kCount];
std::atomic<bool> hasFired{false};
size_t wanted = 0;
unsigned wantedNth = 0;
int wantedError = 0;
thread_local int calm = 0;
std::atomic<bool> oldKernel{false};

// The error that this call is to fail with, or 0.
int due(Index index) {
  if (!armed.load() || calm > 0) return 0;
  const unsigned n = counts[index].fetch_add(1) + 1;
  if (index != wanted || n != wantedNth) return 0;
  hasFired = true;
  return wantedError;
}

}  // namespace

#define STACKFUL_CALL(name, ...) {#name, name##Errors},
const Call calls[] = {STACKFUL_FAULTS(STACKFUL_CALL)};
const size_t callCount = kCount;

void arm(size_t index, unsigned nth, int error) {
  wanted = index;
  wantedNth = nth;
  wantedError = error;
  for (auto& count : counts) count = 0;
  hasFired = false;
  armed = true;
}
void disarm() {
  armed = false;
}
unsigned made(size_t index) {
  return counts[index];
}
bool fired() {
  return hasFired;
}
void beOldKernel() {
  oldKernel = true;
}
Calm::Calm() {
  ++calm;
}
Calm::~Calm() {
  --calm;
}

#define STACKFUL_WRAP(result, name, parameters, arguments) \
  extern "C" result __real_##name parameters;              \
  extern "C" result __wrap_##name parameters {             \
    if (const int error = due(k_##name)) {                 \
      errno = error;                                       \
      return static_cast<result>(-1);                      \
    }                                                      \
    return __real_##name arguments;                        \
  }

STACKFUL_WRAP(int, socket, (int a, int b, int c), (a, b, c))
STACKFUL_WRAP(int, bind, (int a, const sockaddr* b, socklen_t c), (a, b, c))
STACKFUL_WRAP(int, listen, (int a, int b), (a, b))
STACKFUL_WRAP(int, accept4, (int a, sockaddr* b, socklen_t* c, int d), (a, b, c, d))
STACKFUL_WRAP(int, connect, (int a, const sockaddr* b, socklen_t c), (a, b, c))
STACKFUL_WRAP(int, getsockname, (int a, sockaddr* b, socklen_t* c), (a, b, c))
STACKFUL_WRAP(int, getsockopt, (int a, int b, int c, void* d, socklen_t* e), (a, b, c, d, e))
STACKFUL_WRAP(int, setsockopt, (int a, int b, int c, const void* d, socklen_t e), (a, b, c, d, e))
STACKFUL_WRAP(ssize_t, recv, (int a, void* b, size_t c, int d), (a, b, c, d))
STACKFUL_WRAP(ssize_t, send, (int a, const void* b, size_t c, int d), (a, b, c, d))
STACKFUL_WRAP(ssize_t, sendmsg, (int a, const msghdr* b, int c), (a, b, c))
STACKFUL_WRAP(ssize_t, recvmsg, (int a, msghdr* b, int c), (a, b, c))
STACKFUL_WRAP(ssize_t, sendto, (int a, const void* b, size_t c, int d, const sockaddr* e, socklen_t f),
              (a, b, c, d, e, f))
STACKFUL_WRAP(int, sendmmsg, (int a, mmsghdr* b, unsigned c, int d), (a, b, c, d))
STACKFUL_WRAP(int, recvmmsg, (int a, mmsghdr* b, unsigned c, int d, timespec* e), (a, b, c, d, e))
STACKFUL_WRAP(ssize_t, splice, (int a, off64_t* b, int c, off64_t* d, size_t e, unsigned f),
              (a, b, c, d, e, f))
STACKFUL_WRAP(ssize_t, sendfile, (int a, int b, off_t* c, size_t d), (a, b, c, d))
STACKFUL_WRAP(int, shutdown, (int a, int b), (a, b))
STACKFUL_WRAP(int, epoll_create1, (int a), (a))
STACKFUL_WRAP(int, epoll_ctl, (int a, int b, int c, epoll_event* d), (a, b, c, d))
STACKFUL_WRAP(int, epoll_wait, (int a, epoll_event* b, int c, int d), (a, b, c, d))
STACKFUL_WRAP(int, eventfd, (unsigned a, int b), (a, b))
STACKFUL_WRAP(int, timerfd_create, (int a, int b), (a, b))
STACKFUL_WRAP(ssize_t, read, (int a, void* b, size_t c), (a, b, c))
STACKFUL_WRAP(ssize_t, write, (int a, const void* b, size_t c), (a, b, c))
STACKFUL_WRAP(ssize_t, writev, (int a, const iovec* b, int c), (a, b, c))
STACKFUL_WRAP(ssize_t, pread, (int a, void* b, size_t c, off_t d), (a, b, c, d))
STACKFUL_WRAP(ssize_t, pwrite, (int a, const void* b, size_t c, off_t d), (a, b, c, d))
STACKFUL_WRAP(int, fstat, (int a, struct stat* b), (a, b))
STACKFUL_WRAP(int, statx, (int a, const char* b, int c, unsigned d, struct statx* e), (a, b, c, d, e))
STACKFUL_WRAP(off_t, lseek, (int a, off_t b, int c), (a, b, c))
STACKFUL_WRAP(int, socketpair, (int a, int b, int c, int* d), (a, b, c, d))
STACKFUL_WRAP(int, pipe2, (int* a, int b), (a, b))
STACKFUL_WRAP(int, waitid, (idtype_t a, id_t b, siginfo_t* c, int d), (a, b, c, d))
STACKFUL_WRAP(int, access, (const char* a, int b), (a, b))
STACKFUL_WRAP(int, rename, (const char* a, const char* b), (a, b))
STACKFUL_WRAP(int, link, (const char* a, const char* b), (a, b))
STACKFUL_WRAP(int, symlink, (const char* a, const char* b), (a, b))
STACKFUL_WRAP(int, unlink, (const char* a), (a))
STACKFUL_WRAP(int, rmdir, (const char* a), (a))
STACKFUL_WRAP(int, mkdir, (const char* a, mode_t b), (a, b))
STACKFUL_WRAP(int, chmod, (const char* a, mode_t b), (a, b))
STACKFUL_WRAP(int, fchmod, (int a, mode_t b), (a, b))
STACKFUL_WRAP(int, ftruncate, (int a, off_t b), (a, b))
STACKFUL_WRAP(ssize_t, readlink, (const char* a, char* b, size_t c), (a, b, c))
STACKFUL_WRAP(ssize_t, copy_file_range, (int a, off64_t* b, int c, off64_t* d, size_t e, unsigned f),
              (a, b, c, d, e, f))
STACKFUL_WRAP(int, mprotect, (void* a, size_t b, int c), (a, b, c))
STACKFUL_WRAP(int, madvise, (void* a, size_t b, int c), (a, b, c))

extern "C" void* __real_mmap(void*, size_t, int, int, int, off_t);
extern "C" void* __wrap_mmap(void* a, size_t b, int c, int d, int e, off_t f) {
  if (const int error = due(k_mmap)) return errno = error, MAP_FAILED;
  return __real_mmap(a, b, c, d, e, f);
}
// Allocations that may fail (new with std::nothrow). A failure of plain new ends the process, as in V8.
#define STACKFUL_WRAP_MEMORY(name, parameters, arguments)               \
  extern "C" void* __real_##name parameters;                            \
  extern "C" void* __wrap_##name parameters {                           \
    if (const int error = due(k_##name)) return errno = error, nullptr; \
    return __real_##name arguments;                                     \
  }

STACKFUL_WRAP_MEMORY(malloc, (size_t a), (a))
STACKFUL_WRAP_MEMORY(realloc, (void* a, size_t b), (a, b))
STACKFUL_WRAP_MEMORY(_ZnwmRKSt9nothrow_t, (size_t a, const std::nothrow_t& b), (a, b))
STACKFUL_WRAP_MEMORY(_ZnamRKSt9nothrow_t, (size_t a, const std::nothrow_t& b), (a, b))

extern "C" DIR* __real_opendir(const char*);
extern "C" DIR* __wrap_opendir(const char* path) {
  if (const int error = due(k_opendir)) return errno = error, nullptr;
  return __real_opendir(path);
}
// The descriptor is gone all the same, as with Linux.
extern "C" int __real_close(int);
extern "C" int __wrap_close(int fd) {
  const int error = due(k_close), result = __real_close(fd);
  if (!error) return result;
  errno = error;
  return -1;
}
extern "C" int __real_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
extern "C" int __wrap_pthread_create(pthread_t* a, const pthread_attr_t* b, void* (*c)(void*), void* d) {
  if (const int error = due(k_pthread_create)) return error;
  return __real_pthread_create(a, b, c, d);
}
extern "C" int __real_open(const char*, int, ...);
extern "C" int __wrap_open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  if (const int error = due(k_open)) return errno = error, -1;
  return __real_open(path, flags, mode);
}
extern "C" int __real_fcntl(int, int, ...);
extern "C" int __wrap_fcntl(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void* argument = va_arg(rest, void*);
  va_end(rest);
  // The other commands fail only for numbers that are no descriptors.
  const int error = command == F_DUPFD_CLOEXEC ? due(k_fcntl) : 0;
  if (error) return errno = error, -1;
  return __real_fcntl(fd, command, argument);
}
extern "C" int __real_clone(int (*)(void*), void*, int, void*, ...);
extern "C" int __wrap_clone(int (*run)(void*), void* stack, int flags, void* argument, ...) {
  va_list rest;
  va_start(rest, argument);
  void* pidfd = va_arg(rest, void*);
  va_end(rest);
  if (const int error = due(k_clone)) return errno = error, -1;
  return __real_clone(run, stack, oldKernel ? flags & ~CLONE_PIDFD : flags, argument, pidfd);
}
extern "C" long __real_syscall(long, ...);
// It always reads six arguments, even where the caller passes fewer.
extern "C" __attribute__((no_sanitize("address"))) long __wrap_syscall(long number, ...) {
  va_list rest;
  va_start(rest, number);
  long a[6];
  for (long& one : a) one = va_arg(rest, long);
  va_end(rest);
  // Linux 5.0; the calls since have the same numbers on all machines.
  const bool unknown = number >= SYS_pidfd_send_signal || number == SYS_preadv2;
  if (const int error = oldKernel && unknown ? ENOSYS : due(k_syscall)) return errno = error, -1;
  return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

}  // namespace stackful::faults
