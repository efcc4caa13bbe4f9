// UDP sockets. The rules at the top of socket.h hold, but for those about parts: a datagram is sent whole or not at all.
//
// An error that the network reported (ICMP: nobody listens there) ends the next send or receive of a connected socket,
// once: -ECONNREFUSED.
#pragma once

#include <sys/socket.h>

#include "address.h"
#include "options.h"

namespace stackful::net {

// `family`: AF_INET or AF_INET6. Not bound yet. Never parks.
int openDatagram(Poller& poller, int family, const SocketOptions& options, Socket*& out) noexcept;
int bindDatagram(Socket& socket, const Address& at) noexcept;
// Only datagrams from there are received, and send needs no address. Null: no longer.
int connectDatagram(Socket& socket, const Address* to) noexcept;

// `to` null: where it is connected. Parks while the system has no room.
ssize_t sendDatagram(Socket& socket, const void* data, size_t size, const Address* to,
                     Deadline deadline = kNoDeadline) noexcept;
// How many of `count` messages (msg_hdr filled in) are out, one at least, or the error of the first. Parks while there is no room.
ssize_t sendDatagrams(Socket& socket, mmsghdr* messages, unsigned count,
                      Deadline deadline = kNoDeadline) noexcept;

// One datagram to the Unix socket at `to`, from a socket that is closed again: 0 or -errno. Never parks: -EAGAIN when the receiver has
// no room.
int sendToPath(const Address& to, const void* data, size_t size) noexcept;

// Room for the datagrams that one system call receives.
class DatagramBatch {
 public:
  static constexpr unsigned kMost = 16;
  // More than any datagram has, so none is cut.
  static constexpr size_t kRoom = size_t{64} << 10;

  // nullptr when there is no memory. 1 MiB of addresses, of which the kernel gives the pages that are used.
  static DatagramBatch* make() noexcept;
  ~DatagramBatch();
  DatagramBatch(const DatagramBatch&) = delete;
  DatagramBatch& operator=(const DatagramBatch&) = delete;

  // What is there: how many, or -errno; sets kDrained where the result tells. Only one when others wait, who are to get theirs.
  // Never parks.
  ssize_t receive(Socket& socket) noexcept;

  const char* data(unsigned i) const noexcept { return memory_ + i * kRoom; }
  size_t size(unsigned i) const noexcept { return headers_[i].msg_len; }
  void from(unsigned i, Address& out) const noexcept;

 private:
  DatagramBatch() = default;

  char* memory_ = nullptr;
  mmsghdr headers_[kMost];
  iovec parts_[kMost];
  sockaddr_in6 from_[kMost];
};

}  // namespace stackful::net
