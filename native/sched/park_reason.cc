#include "park_reason.h"

#include <cinttypes>
#include <cstdio>

namespace stackful::sched {
namespace {

constexpr const char* kNames[] = {
    "",
    "yield",
    "sleep",
    "join",
    "promise",
    "channel.send",
    "channel.receive",
    "select",
    "mutex.lock",
    "semaphore.acquire",
    "readWriteLock.read",
    "readWriteLock.write",
    "condition.wait",
    "event.wait",
    "waitGroup.wait",
    "barrier.wait",
    "scope",
    "offload",
    "socket.read",
    "socket.write",
    "socket.accept",
    "socket.connect",
    "socket.readable",
    "socket.writable",
    "file.open",
    "file.read",
    "file.write",
    "file.close",
    "file.stat",
    "file.directory",
    "file",
    "dns.lookup",
    "child.wait",
    "worker",
    "fiber.yield",
    "wait",
    "file.sync",
    "require",
    "child.start",
    "tls.handshake",
    "socket.pipe",
    "udp.receive",
    "udp.send",
    "soft timer",
};
static_assert(sizeof(kNames) / sizeof(kNames[0]) == static_cast<size_t>(ParkKind::kCount));

}  // namespace

const char* parkKindName(ParkKind kind) noexcept {
  return kind < ParkKind::kCount ? kNames[static_cast<size_t>(kind)] : "";
}

size_t describe(const Reason& reason, char* out, size_t size) noexcept {
  if (size == 0) return 0;
  const char* name = parkKindName(reason.kind);
  int length;
  if (reason.kind == ParkKind::kSleep && reason.number > 0) {
    length = snprintf(out, size, "%s %.6gms", name, static_cast<double>(reason.number) / 1e6);
  } else if (reason.kind == ParkKind::kSoftTimer) {
    length = snprintf(out, size, "%s %.6gus", name, static_cast<double>(reason.number) / 1e3);
  } else if (reason.fd >= 0) {
    length = snprintf(out, size, "%s fd=%d", name, reason.fd);
  } else if (reason.number != 0) {
    length = snprintf(out, size, "%s #%" PRId64, name, reason.number);
  } else {
    length = snprintf(out, size, "%s", name);
  }
  if (length < 0) length = 0;
  return static_cast<size_t>(length) < size ? static_cast<size_t>(length) : size - 1;
}

}  // namespace stackful::sched
