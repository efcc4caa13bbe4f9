#include "datagram.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <new>

#include "operation.h"

namespace stackful::net {

int openDatagram(Poller& poller, int family, const SocketOptions& options, Socket*& out) noexcept {
  const int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int error = setOptions(fd, options);
  if (error == 0) {
    out = attach(poller, fd, Kind::kDatagram);
    if (out) {
      if (family == AF_INET6) out->flags |= kIpv6;
      return 0;
    }
    error = -ENOMEM;
  }
  ::close(fd);
  return error;
}

int bindDatagram(Socket& s, const Address& at) noexcept {
  return ::bind(s.fd, &at.any, at.length) == 0 ? 0 : -errno;
}

int connectDatagram(Socket& s, const Address* to) noexcept {
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNSPEC;
  const int result = to ? ::connect(s.fd, &to->any, to->length) : ::connect(s.fd, &nowhere, sizeof(nowhere));
  return result == 0 ? 0 : -errno;
}

ssize_t sendDatagram(Socket& s, const void* data, size_t size, const Address* to,
                     Deadline deadline) noexcept {
  return writeOperation(
      s, deadline,
      [&]() noexcept -> ssize_t {
        const ssize_t n = kernel::transmitTo(s.fd, data, size, to ? &to->any : nullptr, to ? to->length : 0);
        if (n == -EAGAIN) s.flags |= kFull;
        return n;
      },
      []() noexcept { return false; }, sched::ParkKind::kDatagramSend);
}

ssize_t sendDatagrams(Socket& s, mmsghdr* messages, unsigned count, Deadline deadline) noexcept {
  unsigned done = 0;
  const ssize_t result = writeOperation(
      s, deadline,
      [&]() noexcept -> ssize_t {
        const ssize_t n = kernel::untilNoSignal(
            [&] { return ::sendmmsg(s.fd, messages + done, count - done, MSG_NOSIGNAL); });
        if (n == -EAGAIN) s.flags |= kFull;
        if (n > 0) done += static_cast<unsigned>(n);
        return n;
      },
      [&]() noexcept { return done < count; }, sched::ParkKind::kDatagramSend);
  if (done == 0) return result;
  // A message that is not sent is no half of one.
  s.flags &= ~kBroken;
  return done;
}

int sendToPath(const Address& to, const void* data, size_t size) noexcept {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const ssize_t n = kernel::transmitTo(fd, data, size, &to.any, to.length);
  ::close(fd);
  return n < 0 ? static_cast<int>(n) : 0;
}

DatagramBatch* DatagramBatch::make() noexcept {
  auto* batch = new (std::nothrow) DatagramBatch;
  if (!batch) return nullptr;
  void* memory = mmap(nullptr, kMost * kRoom, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    delete batch;
    return nullptr;
  }
  batch->memory_ = static_cast<char*>(memory);
  memset(batch->headers_, 0, sizeof(batch->headers_));
  for (unsigned i = 0; i < kMost; ++i) {
    batch->parts_[i] = {batch->memory_ + i * kRoom, kRoom};
    msghdr& header = batch->headers_[i].msg_hdr;
    header.msg_name = &batch->from_[i];
    header.msg_iov = &batch->parts_[i];
    header.msg_iovlen = 1;
  }
  return batch;
}

DatagramBatch::~DatagramBatch() {
  if (memory_) munmap(memory_, kMost * kRoom);
}

ssize_t DatagramBatch::receive(Socket& s) noexcept {
  const unsigned most = s.parked == 0 ? kMost : 1;
  for (unsigned i = 0; i < most; ++i) headers_[i].msg_hdr.msg_namelen = sizeof(from_[i]);
  const ssize_t n = kernel::untilNoSignal([&] { return ::recvmmsg(s.fd, headers_, most, 0, nullptr); });
  // Fewer: there were no more, or the rest begins with an error, which is announced by an edge of its own. That edge takes
  // kTrustShort, as those of a TCP connection do, so it is not missed if it came before this call.
  if (n == -EAGAIN || (n > 0 && n < most && (s.flags & kTrustShort))) s.flags |= kDrained;
  return n;
}

void DatagramBatch::from(unsigned i, Address& out) const noexcept {
  out.v6 = from_[i];
  out.length = headers_[i].msg_hdr.msg_namelen;
}

}  // namespace stackful::net
