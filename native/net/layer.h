// What may stand between a socket and its descriptor: TLS. transport.h says what each function has to keep, and calls it
// instead of the kernel for sockets with kLayered.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>

namespace stackful::net {

struct Socket;

class Layer {
 public:
  virtual ~Layer() = default;

  virtual ssize_t receive(Socket& socket, void* to, size_t size) noexcept = 0;
  virtual ssize_t transmit(Socket& socket, const iovec* parts, int count) noexcept = 0;
  virtual ssize_t sendFile(Socket& socket, int file, off_t& at, size_t size) noexcept = 0;
  // Whether a receive would not give -EAGAIN. It may read from the descriptor.
  virtual bool isReadable(Socket& socket) noexcept = 0;
  // Bytes of a transmit that gave -EAGAIN, or counted fewer, cannot be taken back: the next transmit has to begin with them,
  // or the socket is broken.
  virtual bool owes() const noexcept = 0;
  // Announces the end of what is sent. 0, -EAGAIN when there is no room for that (again, once there is), or -errno.
  virtual int announceEnd(Socket& socket) noexcept = 0;
  // The descriptor is about to be closed: the last chance to say so, without waiting.
  virtual void leave(Socket& socket) noexcept = 0;
};

}  // namespace stackful::net
