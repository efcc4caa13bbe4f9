// Reading and writing. One native call each, which parks in the middle if it has to.
#include <sys/sendfile.h>
#include <unistd.h>

#include <vector>

#include "../net/operation.h"
#include "../net/system_calls.h"
#include "buffers.h"
#include "net.h"

namespace stackful::binding {
namespace {

sched::Scheduler& scheduler() {
  return Runtime::current()->scheduler();
}

ssize_t receive(net::Socket& s, char* to, size_t size) noexcept {
  const ssize_t n = net::receive(s.fd, to, size);
  if (n < 0) return n;
  if (static_cast<size_t>(n) < size && n > 0 && (s.flags & net::kTrustShort)) s.flags |= net::kDrained;
  return n;
}

// netRead(socket, max): a Buffer, 0 at the end of the stream, or a code. Parks.
void read(const Info& info) {
  // The yield that is due after so many reads comes first: between the system call and the copy out of the
  // scratch area no other coroutine may run.
  sched::Scheduler& sched = scheduler();
  const sched::Coroutine* self = sched.running();
  if (self && self->ioCharge >= sched::Scheduler::kIoBudget - 1) sched.yieldNow();
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  Buffers& buffers = *Buffers::current();
  const size_t max = std::min(static_cast<size_t>(numberAt(info, 1)), Buffers::kScratch);
  const ssize_t n = net::readOperation(*s, sched::ParkKind::kSocketRead, net::kNoDeadline,
                                       [&]() noexcept { return receive(*s, buffers.scratch(), max); });
  if (n <= 0) return returnResult(info, n);
  info.GetReturnValue().Set(buffers.fromScratch(info.GetIsolate(), static_cast<size_t>(n)));
}

// netReadInto(socket, view, offset, length): bytes put there, 0 at the end of the stream, or a code. Parks.
void readInto(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  const auto offset = static_cast<size_t>(numberAt(info, 2));
  const auto length = static_cast<size_t>(numberAt(info, 3));
  const ssize_t n =
      net::readOperation(*s, sched::ParkKind::kSocketRead, net::kNoDeadline, [&]() noexcept -> ssize_t {
        // Looked up each time: while this was parked the memory may have gone to a worker. Bytes put there would
        // be lost.
        const Bytes to = bytesAt(info, 1);
        return to.size < offset + length ? -EFAULT : receive(*s, to.data + offset, length);
      });
  returnResult(info, n);
}

// After a write: the socket still exists when the result is EPIPE, because nothing has run since.
void returnWritten(const Info& info, net::Socket* s, ssize_t result) {
  if (result == -EPIPE && s->broken()) result = kSocketBroken;
  returnResult(info, result);
}

// netWrite(socket, string or view): bytes sent, all there are, or a code. Parks.
void write(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  if (info[1]->IsString()) {
    const Text text(info.GetIsolate(), info[1].As<v8::String>());
    if (!text) return returnInt(info, -ENOMEM);
    return returnWritten(info, s, net::writeAll(*s, text.data(), text.size()));
  }
  const PinnedBytes bytes(info[1]);
  returnWritten(info, s, net::writeAll(*s, bytes.data(), bytes.size()));
}

// netWritev(socket, array of strings and views): as netWrite.
void writev(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  auto list = info[1].As<v8::Array>();
  const uint32_t count = list->Length();
  std::vector<iovec> parts;
  std::vector<std::unique_ptr<Text>> texts;
  std::vector<PinnedBytes> views;
  parts.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    v8::Local<v8::Value> part;
    if (!list->Get(context, i).ToLocal(&part)) return;
    if (part->IsString()) {
      const Text& text = *texts.emplace_back(std::make_unique<Text>(isolate, part.As<v8::String>()));
      if (!text) return returnInt(info, -ENOMEM);
      parts.push_back({const_cast<char*>(text.data()), text.size()});
    } else {
      const PinnedBytes& view = views.emplace_back(part);
      parts.push_back({const_cast<char*>(view.data()), view.size()});
    }
  }
  returnWritten(info, s, net::writeAll(*s, parts.data(), static_cast<int>(parts.size())));
}

// netSendFile(socket, fd, offset, length): bytes sent, fewer when the file ends before, or a code. Parks.
void sendFile(const Info& info) {
  // A piece at a time is brought into the page cache, so that sendfile(2) does not wait for the disk.
  constexpr off_t kPiece = off_t{512} << 10;
  disk::Disk& disk = Runtime::current()->disk();
  const int file = intAt(info, 1);
  auto at = static_cast<off_t>(numberAt(info, 2));
  const off_t end = at + static_cast<off_t>(numberAt(info, 3));
  off_t cached = std::min(at + kPiece, end);
  if (!socketAt(info)) return returnInt(info, -EBADF);
  if (const int code = disk::ensureCached(disk, file, at, static_cast<size_t>(cached - at))) {
    return returnInt(info, code);
  }
  // Only now: it may have been closed while this was parked.
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  auto attempt = [&]() noexcept -> ssize_t {
    // Never in the first attempt, so this parks as the owner of the write side.
    if (at == cached) {
      cached = std::min(at + kPiece, end);
      const int code = disk::ensureCached(disk, file, at, static_cast<size_t>(cached - at));
      if (code < 0) return code;
      if (s->closed()) return -EBADF;
    }
    ssize_t n;
    do {
      n = ::sendfile(s->fd, file, &at, static_cast<size_t>(cached - at));
    } while (n < 0 && errno == EINTR);
    if (n == 0) at = end;  // the file has become shorter
    return n < 0 ? -errno : n;
  };
  returnWritten(info, s,
                net::writeOperation(*s, net::kNoDeadline, attempt, [&]() noexcept { return at != end; }));
}

// netEnd(socket): sends the end of the stream, behind what other coroutines are writing. 0 or a code. May
// park.
void end(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  ssize_t result = 0;
  if ((s->flags & net::kWriteOwned) && scheduler().running()) {
    net::Hold hold(*s);
    if (!net::ownWriteSide(*s, net::kNoDeadline, result)) return returnResult(info, result);
    result = net::shutdownWrite(*s);
    net::disownWriteSide(*s);
  } else {
    result = net::shutdownWrite(*s);
  }
  // Not connected any more: the peer has reset it, which the next read or write tells.
  returnResult(info, result == -ENOTCONN ? 0 : result);
}

}  // namespace

void defineNetTransfer(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "netRead", read);
  define(context, exports, "netReadInto", readInto);
  define(context, exports, "netWrite", write);
  define(context, exports, "netWritev", writev);
  define(context, exports, "netSendFile", sendFile);
  define(context, exports, "netEnd", end);
}

}  // namespace stackful::binding
