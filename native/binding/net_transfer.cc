// Reading and writing. One native call each, which parks in the middle if it has to.
#include <vector>

#include "../disk/file.h"
#include "../net/operation.h"
#include "../net/transport.h"
#include "buffers.h"
#include "net.h"

namespace stackful::binding {
namespace {

sched::Scheduler& scheduler() {
  return Runtime::current()->scheduler();
}

}  // namespace

void writeWhole(const Info& info, net::Socket* s, const char* data, size_t size, bool more) {
  if (!more) {
    const bool behind = s->flags & net::kBuffered;
    return returnWritten(info, s,
                         behind ? net::writeBehindBuffered(*s, data, size) : net::writeAll(*s, data, size));
  }
  if (const int32_t code = net::refusal(scheduler())) return returnInt(info, code);
  if (!net::buffer(*s, data, size)) return returnWritten(info, s, net::writeAll(*s, data, size));
  scheduler().charge();
  returnInt(info, static_cast<int64_t>(size));
}

namespace {

// netRead(socket, max): a Buffer, 0 at the end of the stream, or a code. Parks.
void read(const Info& info) {
  // The yield that is due after so many reads comes first: between the system call and the copy out of the
  // scratch area no other coroutine may run.
  scheduler().chargeAhead();
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  Buffers& buffers = *Buffers::current();
  const size_t max = std::min(static_cast<size_t>(numberAt(info, 1)), Buffers::kScratch);
  const ssize_t n = net::readOperation(*s, sched::ParkKind::kSocketRead, net::kNoDeadline,
                                       [&]() noexcept { return net::receive(*s, buffers.scratch(), max); });
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
        return to.size < offset + length ? -EFAULT : net::receive(*s, to.data + offset, length);
      });
  returnResult(info, n);
}

// netWrite(socket, string or view, more): bytes sent, all there are, or a code. Parks. `more`: they may wait for those of the
// next write.
void write(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  const bool more = boolAt(info, 2);
  if (info[1]->IsString()) {
    const Text text(info.GetIsolate(), info[1].As<v8::String>());
    if (!text) return returnInt(info, -ENOMEM);
    return writeWhole(info, s, text.data(), text.size(), more);
  }
  const PinnedBytes bytes(info[1]);
  writeWhole(info, s, bytes.data(), bytes.size(), more);
}

// netLookAgain(socket): bytes are left in JavaScript, where one of the coroutines that wait for some is to look: its call returns
// -EAGAIN.
void lookAgain(const Info& info) {
  if (net::Socket* s = socketAt(info)) net::letReaderLook(*s);
}

// netFlush(socket): sends what writes have put off. 0 or a code. Parks.
void flush(const Info& info) {
  net::Socket* s = socketAt(info);
  returnResult(info, s ? net::flush(*s) : -EBADF);
}

// netBuffered(socket): the bytes that writes have put off.
void buffered(const Info& info) {
  net::Socket* s = socketAt(info);
  returnInt(info, s ? static_cast<int64_t>(net::buffered(*s)) : 0);
}

// netFlushError(socket): why putting off failed (-errno), told once.
void flushError(const Info& info) {
  net::Socket* s = socketAt(info);
  returnInt(info, s ? net::takeFlushError(*s) : -EBADF);
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

// netBreak(socket): a write was given up in the middle.
void breakOff(const Info& info) {
  if (net::Socket* s = socketAt(info)) s->flags |= net::kBroken;
}

// netSendFile(socket, fd, offset, length): bytes sent, fewer when the file ends before, or a code. Parks.
void sendFile(const Info& info) {
  const int file = intAt(info, 1);
  auto at = static_cast<off_t>(numberAt(info, 2));
  const off_t end = at + static_cast<off_t>(numberAt(info, 3));
  disk::CachedPieces pieces(Runtime::current()->pool(), file, at, end);
  if (!socketAt(info)) return returnInt(info, -EBADF);
  if (const int64_t code = pieces.from(at); code < 0) return returnInt(info, code);
  // Only now: it may have been closed while this was parked.
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  auto attempt = [&]() noexcept -> ssize_t {
    // Never parks in the first attempt, so it does that as the owner of the write side.
    const int64_t cached = pieces.from(at);
    if (cached < 0) return cached;
    if (s->closed()) return -EBADF;
    const ssize_t n = net::sendFile(*s, file, at, static_cast<size_t>(cached));
    if (n == 0) at = end;  // the file has become shorter
    return n;
  };
  returnWritten(info, s,
                net::writeOperation(*s, net::kNoDeadline, attempt, [&]() noexcept { return at != end; }));
}

// netEnd(socket): sends the end of the stream, behind what other coroutines are writing and what was put off. 0 or a code. May
// park.
void end(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  const int result = net::finishWriting(*s);
  // Not connected any more: the peer has reset it, which the next read or write tells.
  returnResult(info, result == -ENOTCONN ? 0 : result);
}

}  // namespace

void defineNetTransfer(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "netRead", read);
  define(context, exports, "netReadInto", readInto);
  define(context, exports, "netWrite", write);
  define(context, exports, "netWritev", writev);
  define(context, exports, "netLookAgain", lookAgain);
  define(context, exports, "netFlush", flush);
  define(context, exports, "netBuffered", buffered);
  define(context, exports, "netFlushError", flushError);
  define(context, exports, "netBreak", breakOff);
  define(context, exports, "netSendFile", sendFile);
  define(context, exports, "netEnd", end);
}

}  // namespace stackful::binding
