// Making connections: listening, accepting, connecting. The rules at the top of socket.h hold.
#pragma once

#include "address.h"
#include "options.h"
#include "socket.h"

namespace stackful::net {

struct ListenOptions {
  int backlog = 511;       // Node's own default
  bool reusePort = false;  // several sockets share the port, the kernel spreads connections over them
  SocketOptions options;  // set before bind, behind what listen sets by itself; accepted sockets inherit them
};

// 0 and the listener in `out`, or -errno. Never parks.
int listen(Poller& poller, const Address& at, const ListenOptions& options, Socket*& out) noexcept;

// 0 and the new connection in `out`. -EMFILE, -ENFILE, -ENOBUFS and -ENOMEM leave the connection in the
// backlog: the next accept tries again at once, so the caller should pause.
int accept(Socket& listener, Socket*& out, Deadline deadline = kNoDeadline) noexcept;

// Without waiting: -EAGAIN when there is none.
int acceptNow(Socket& listener, Socket*& out) noexcept;

// Of all sockets that listen on the port of `fd` (SO_REUSEPORT), new connections go to `count` of them, from number
// `first` on in the order of their coming; with a count of 0 to all again. 0 or -errno.
int steer(int fd, uint32_t first, uint32_t count) noexcept;

// 0 and the socket in `out`, for the descriptor of a stream socket, which it takes over: one that listens already, or else a connection.
// -EINVAL for another socket, -ENOTSOCK.
int adopt(Poller& poller, int fd, bool listening, Socket*& out) noexcept;

// 0 and the connected socket in `out`.
int connect(Poller& poller, const Address& to, Socket*& out, Deadline deadline = kNoDeadline) noexcept;

struct ConnectOptions {
  const Address* from = nullptr;  // this end
  SocketOptions options;          // set first
};
int connect(Poller& poller, const Address& to, const ConnectOptions& options, Socket*& out,
            Deadline deadline = kNoDeadline) noexcept;

}  // namespace stackful::net
