// System calls that signals do not end, and recv and send without libc in between, for transport.h. In a process with threads,
// which every Node is, libc's are cancellation points: two locked instructions before the kernel and two after it, 30 to 40 ns
// a call and 1 % of a small HTTP request.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <cstddef>

// Sanitizers see memory that the kernel writes only through libc.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACKFUL_CALLS_THROUGH_LIBC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define STACKFUL_CALLS_THROUGH_LIBC 1
#endif
#endif

#if defined(__x86_64__) && !defined(STACKFUL_CALLS_THROUGH_LIBC)
#include <sys/syscall.h>
#endif

namespace stackful::net::kernel {

// `call()` makes a system call through libc: its result or -errno. It is made again when a signal comes in between.
template <class Call>
inline ssize_t untilNoSignal(Call call) noexcept {
  ssize_t n;
  do {
    n = call();
  } while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : n;
}

#if defined(__x86_64__) && !defined(STACKFUL_CALLS_THROUGH_LIBC)

namespace detail {

// `e` and `f`: an address and its length; by default none.
inline long systemCall(long number, long a, long b, long c, long d, long e = 0, long f = 0) noexcept {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

}  // namespace detail

// Bytes, 0 at the end of the stream, or -errno. Tried again when a signal comes in between.
inline ssize_t receive(int fd, void* to, size_t size) noexcept {
  long n;
  do {
    n = detail::systemCall(SYS_recvfrom, fd, reinterpret_cast<long>(to), static_cast<long>(size), 0);
  } while (n == -EINTR);
  return n;
}

inline ssize_t transmit(int fd, const void* data, size_t size) noexcept {
  long n;
  do {
    n = detail::systemCall(SYS_sendto, fd, reinterpret_cast<long>(data), static_cast<long>(size),
                           MSG_NOSIGNAL);
  } while (n == -EINTR);
  return n;
}

// The same to an address: for datagrams. Null: where the socket is connected.
inline ssize_t transmitTo(int fd, const void* data, size_t size, const sockaddr* to,
                          socklen_t length) noexcept {
  long n;
  do {
    n = detail::systemCall(SYS_sendto, fd, reinterpret_cast<long>(data), static_cast<long>(size),
                           MSG_NOSIGNAL, reinterpret_cast<long>(to), static_cast<long>(length));
  } while (n == -EINTR);
  return n;
}

#else

inline ssize_t receive(int fd, void* to, size_t size) noexcept {
  return untilNoSignal([&] { return ::recv(fd, to, size, 0); });
}

inline ssize_t transmit(int fd, const void* data, size_t size) noexcept {
  return untilNoSignal([&] { return ::send(fd, data, size, MSG_NOSIGNAL); });
}

inline ssize_t transmitTo(int fd, const void* data, size_t size, const sockaddr* to,
                          socklen_t length) noexcept {
  return untilNoSignal([&] { return ::sendto(fd, data, size, MSG_NOSIGNAL, to, length); });
}

#endif

}  // namespace stackful::net::kernel
