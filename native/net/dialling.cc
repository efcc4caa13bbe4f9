#include "dialling.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <utility>

#include "operation.h"

namespace stackful::net {
namespace {

using sched::ParkKind;

Kind kindOf(int family) {
  return family == AF_INET || family == AF_INET6 ? Kind::kTcp : Kind::kOtherSocket;
}

bool setOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

// Fails with errno set. SO_REUSEADDR: a restarted server need not wait for TIME_WAIT. IPV6_V6ONLY off, whatever the
// system's default: "::" accepts IPv4 as well. On Linux every accepted socket inherits TCP_NODELAY: no system call each.
bool prepareListener(int fd, const Address& at, const ListenOptions& options) {
  const bool ip = kindOf(at.family()) == Kind::kTcp;
  if (ip && !setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return false;
  if (ip && options.reusePort && !setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return false;
  if (at.family() == AF_INET6 && !setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0)) return false;
  if (ip && !setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1)) return false;
  if (const int error = setOptions(fd, options.options)) {
    errno = -error;
    return false;
  }
  return bind(fd, &at.any, at.length) == 0 && ::listen(fd, options.backlog) == 0;
}

}  // namespace

int listen(Poller& poller, const Address& at, const ListenOptions& options, Socket*& out) noexcept {
  const int fd = socket(at.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (!prepareListener(fd, at, options)) {
    const int error = -errno;
    ::close(fd);
    return error;
  }
  out = attach(poller, fd, kindOf(at.family()));
  if (out) return 0;
  ::close(fd);
  return -ENOMEM;
}

int adopt(Poller& poller, int fd, bool listening, Socket*& out) noexcept {
  int type = 0, family = 0, listens = 0;
  const std::pair<int, int&> asked[] = {{SO_TYPE, type}, {SO_DOMAIN, family}, {SO_ACCEPTCONN, listens}};
  for (const auto& [name, value] : asked) {
    if (const int error = getOption(fd, SOL_SOCKET, name, value)) return error;
  }
  if (type != SOCK_STREAM || (listens != 0) != listening) return -EINVAL;
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
    return -errno;
  out = attach(poller, fd, kindOf(family));
  return out ? 0 : -ENOMEM;
}

int steer(int fd, uint32_t first, uint32_t count) noexcept {
  if (count == 0) return setOption(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0) ? 0 : -errno;
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM)),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count),
      BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, first),
      BPF_STMT(BPF_RET | BPF_A, 0),
  };
  const sock_fprog program{sizeof(code) / sizeof(code[0]), code};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) == 0 ? 0 : -errno;
}

int acceptNow(Socket& listener, Socket*& out) noexcept {
  if (listener.flags & kClosed) return -EBADF;
  const Kind kind = listener.flags & kTrustShort ? Kind::kTcp : Kind::kOtherSocket;
  int fd;
  do {
    fd = accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    // The first two concern one connection that was given up before we came, not the listener.
  } while (fd < 0 && (errno == ECONNABORTED || errno == EPROTO || errno == EINTR));
  if (fd < 0) {
    if (errno == EAGAIN) listener.flags |= kDrained;
    return -errno;
  }
  // In the poller's hands before anything can park: teardown closes only what it knows.
  out = attach(*listener.poller, fd, kind);
  if (out) return 0;
  ::close(fd);
  return -ENOMEM;
}

int accept(Socket& listener, Socket*& out, Deadline deadline) noexcept {
  return static_cast<int>(
      readOperation(listener, ParkKind::kSocketAccept, deadline, [&]() noexcept -> ssize_t {
        const int result = acceptNow(listener, out);
        if (result == 0) listener.poller->scheduler().running()->accepts = true;
        return result;
      }));
}

namespace {

// A full backlog of a Unix listener gives EAGAIN, and no event announces room in it: ask again, less and less
// often.
int connectLater(Socket& s, const Address& to, Deadline deadline) noexcept {
  sched::Scheduler& scheduler = s.poller->scheduler();
  for (int64_t pause = 500'000;; pause = pause < 50'000'000 ? pause * 2 : pause) {
    const int64_t now = sched::monotonicNow();
    if (now >= deadline) return -ETIMEDOUT;
    const Deadline until = now + pause < deadline ? now + pause : deadline;
    const int32_t code = scheduler.parkUntil({ParkKind::kSocketConnect, s.fd, 0}, until);
    if (code != -ETIMEDOUT) return code;
    if (const int32_t stop = refusal(scheduler)) return stop;
    if (::connect(s.fd, &to.any, to.length) == 0) return 0;
    if (errno != EAGAIN) return -errno;
  }
}

int connectSocket(Socket& s, const Address& to, Deadline deadline) noexcept {
  if (::connect(s.fd, &to.any, to.length) == 0) return 0;
  if (errno == EAGAIN) return connectLater(s, to, deadline);
  if (errno != EINPROGRESS && errno != EINTR) return -errno;
  s.flags |= kFull;
  // Entering the epoll set may report a hang-up that was there before connect; only "writable" ends the wait.
  do {
    const int32_t code = waitOn(s, s.writers, ParkKind::kSocketConnect, deadline);
    if (code < 0) return code;
  } while (s.flags & kFull);
  int error = 0;
  socklen_t length = sizeof(error);
  if (getsockopt(s.fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return -errno;
  return -error;
}

}  // namespace

namespace {

// 0 or -errno. A port that is not chosen yet may be one that connections to other places have.
int prepareDialling(int fd, const Address& to, const ConnectOptions& options) {
  const bool ip = kindOf(to.family()) == Kind::kTcp;
  if (ip) setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (const int error = setOptions(fd, options.options)) return error;
  if (!options.from) return 0;
  if (ip && options.from->port() == 0) setOption(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  return bind(fd, &options.from->any, options.from->length) == 0 ? 0 : -errno;
}

}  // namespace

int connect(Poller& poller, const Address& to, Socket*& out, Deadline deadline) noexcept {
  return connect(poller, to, {}, out, deadline);
}

int connect(Poller& poller, const Address& to, const ConnectOptions& options, Socket*& out,
            Deadline deadline) noexcept {
  if (const int32_t code = refusal(poller.scheduler())) return code;
  const int fd = socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  Socket* s = attach(poller, fd, kindOf(to.family()));
  if (!s) {
    ::close(fd);
    return -ENOMEM;
  }
  int result = prepareDialling(fd, to, options);
  if (result == 0) {
    Hold hold(*s);
    result = connectSocket(*s, to, deadline);
  }
  if (result < 0) {
    close(s);
    return result;
  }
  out = s;
  return 0;
}

}  // namespace stackful::net
