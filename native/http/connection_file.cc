// Connection's part that sends files, from the page cache to the socket.
#include <optional>

#include "../net/poller.h"
#include "connection.h"
#include "send_patience.h"

namespace stackful::http {
namespace {

// About what the kernel sends over loopback; only the order of files matters to the policy, and how they compare with handlers.
constexpr int64_t kBytesPerNs = 4;

}  // namespace

int Connection::sendFile(int file, int64_t offset, int64_t length, CachedFrom cachedFrom,
                         void* context) noexcept {
  if (const int code = refusalOutside(Stage::kStreaming)) return code;
  if (framing_ == Framing::kNone) return 0;
  if (framing_ != Framing::kLength || length > toWrite_) return -EMSGSIZE;
  if (const int result = flush(); result < 0) return result;
  const int64_t end = offset + length;
  std::optional<SendPatience> patience;  // as soon as something does not fit at once
  while (offset < end) {
    socket_.poller->scheduler().expectWork((end - offset) / kBytesPerNs, true);
    const int64_t cached = cachedFrom(context, offset);
    if (cached < 0) return static_cast<int>(cached);
    const net::Deadline deadline = patience ? patience->deadline() : kAtOnce;
    const ssize_t sent = net::sendFileSome(socket_, file, offset, static_cast<size_t>(cached), deadline);
    if (sent == 0) return 0;  // the file has become shorter than it was
    if (sent < 0 && (sent != -ETIMEDOUT || (patience && !patience->renew()))) return static_cast<int>(sent);
    if (!patience) {
      patience.emplace(server_.limits, socket_);
    } else if (sent > 0) {
      patience->wrote(sent);
    }
    if (sent < 0) continue;
    toWrite_ -= sent;
    server_.bytesSent += static_cast<uint64_t>(sent);
    ++moves_;
    offset += sent;
  }
  return 0;
}

}  // namespace stackful::http
