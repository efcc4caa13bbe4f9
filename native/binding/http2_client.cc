// The native half of lib/http/client/http2: connections and streams, which JavaScript knows by number.
#include <algorithm>

#include "../http2/client_connection.h"
#include "buffers.h"
#include "http_payload.h"
#include "http_told.h"
#include "net.h"
#include "numbered.h"

namespace stackful::binding {
namespace {

struct Http2Clients {
  static thread_local Http2Clients* current;

  // The order matters at the end: connections give their buffers back, and let go of their streams.
  http::BufferPool wire{http2::ClientConnection::kWireBytes};
  Numbered<http2::ClientStream> streams;
  Numbered<http2::ClientConnection> connections;
};

thread_local Http2Clients* Http2Clients::current = nullptr;

http2::ClientConnection* connectionAt(const Info& info) {
  return Http2Clients::current->connections.at(intAt(info, 0));
}
http2::ClientStream* streamAt(const Info& info) {
  return Http2Clients::current->streams.at(intAt(info, 0));
}

void forget(http2::ClientStream& stream) {
  Http2Clients::current->streams.remove(static_cast<uint32_t>(stream.number));
}

// A call that may park. The record stays valid until it is over.
class ConnectionCall {
 public:
  ConnectionCall(http2::ClientConnection& c, int32_t number) : connection_(c), number_(number) { ++c.calls; }
  ~ConnectionCall() {
    if (--connection_.calls == 0 && connection_.closed())
      Http2Clients::current->connections.remove(static_cast<uint32_t>(number_));
  }
  ConnectionCall(const ConnectionCall&) = delete;
  ConnectionCall& operator=(const ConnectionCall&) = delete;

 private:
  http2::ClientConnection& connection_;
  const int32_t number_;
};

// The same for a stream.
class StreamCall {
 public:
  explicit StreamCall(http2::ClientStream& s) noexcept : stream_(s) { ++s.calls; }
  ~StreamCall() {
    if (--stream_.calls == 0 && stream_.released() && !stream_.connection) forget(stream_);
  }
  StreamCall(const StreamCall&) = delete;
  StreamCall& operator=(const StreamCall&) = delete;

 private:
  http2::ClientStream& stream_;
};

// http2ClientOpen(socket, stream window, head bytes, silent ms, secure): the number of a connection, or a code.
void open(const Info& info) {
  net::Socket* socket = socketAt(info);
  if (!socket) return returnInt(info, -EBADF);
  http2::ClientSettings settings;
  settings.streamWindow = static_cast<uint32_t>(intAt(info, 1));
  settings.headBytes = static_cast<uint32_t>(intAt(info, 2));
  settings.silenceMs = static_cast<uint32_t>(intAt(info, 3));
  settings.secure = boolAt(info, 4);
  // Requests that wait keep the process alive, and what reads for them does not.
  net::setKeepAlive(*socket, false);
  auto c = std::make_unique<http2::ClientConnection>(Http2Clients::current->wire, *socket, settings, forget);
  if (const int code = c->open()) return returnInt(info, code);
  returnInt(info, static_cast<int32_t>(Http2Clients::current->connections.add(c.release())));
}

// http2ClientNext(connection, to): what has happened, as a ClientConnection::Event. `to`, an Int32Array, gets how many streams the
// server takes or -1, whether it takes no further ones, and at the end why: a Failure, and a code of the system. Parks.
void next(const Info& info) {
  using Event = http2::ClientConnection::Event;
  http2::ClientConnection* c = connectionAt(info);
  Event event = Event::kOver;
  if (c) {
    ConnectionCall call(*c, intAt(info, 0));
    event = c->next();
    if (!c->closed()) {
      int32_t* to = reinterpret_cast<int32_t*>(bytesAt(info, 1).data);
      to[0] = c->most();
      to[1] = c->closing();
      to[2] = static_cast<int32_t>(c->failure());
      to[3] = c->code();
    }
  }
  returnInt(info, static_cast<int>(event));
}

// http2ClientSendRest(connection): what the kernel has not taken at once. Parks.
void sendRest(const Info& info) {
  http2::ClientConnection* c = connectionAt(info);
  if (!c) return;
  ConnectionCall call(*c, intAt(info, 0));
  c->sendRest();
}

// http2ClientReason(connection): what was said about its end, or "".
void reason(const Info& info) {
  const http2::ClientConnection* c = connectionAt(info);
  if (c) info.GetReturnValue().Set(asciiString(info.GetIsolate(), c->reason()));
}

// http2ClientClose(connection): its socket is not used any more.
void close(const Info& info) {
  http2::ClientConnection* c = connectionAt(info);
  if (!c || c->closed()) return;
  ConnectionCall call(*c, intAt(info, 0));
  c->close();
}

// http2ClientRequest(connection, head, body, ended, most head bytes): a stream's number, or a code.
void request(const Info& info) {
  http2::ClientConnection* c = connectionAt(info);
  if (!c) return returnInt(info, -EPIPE);
  constexpr size_t kHalf = Buffers::kScratch / 2;
  char* const scratch = Buffers::current()->scratch();
  Payload head;
  Payload body;
  if (!head.loadFields(info.GetIsolate(), info[1], scratch, kHalf) ||
      !body.load(info.GetIsolate(), info[2], scratch + kHalf, kHalf))
    return returnInt(info, -ENOMEM);
  auto stream = std::make_unique<http2::ClientStream>(*c, static_cast<size_t>(numberAt(info, 4)));
  if (const int code = c->request(*stream, head.bytes(), body.bytes(), boolAt(info, 3)); code < 0)
    return returnInt(info, code);
  http2::ClientStream& kept = *stream.release();
  kept.number = static_cast<int32_t>(Http2Clients::current->streams.add(&kept));
  returnInt(info, kept.number);
}

v8::Local<v8::Value> taken(v8::Isolate* isolate, http2::ByteQueue& queue) {
  Buffers& buffers = *Buffers::current();
  const size_t n = queue.size();
  if (n > Buffers::kMostShared && queue.untouched()) return buffers.adopt(isolate, queue.release(), n);
  const v8::Local<v8::Value> copy = buffers.copy(isolate, queue.data(), n);
  queue.remove(n);
  return copy;
}

// http2ClientRead(stream, ms, told, most bytes, most fields): bytes of the answer as of HTTP/1.1, 0 behind its end, or a code. Tells
// of the head that the bytes begin with, if there is one; told[5]: nothing comes behind them. Parks.
void read(const Info& info) {
  http2::ClientStream* stream = streamAt(info);
  if (!stream) return returnInt(info, -EBADF);
  StreamCall call(*stream);
  const int32_t code = stream->await(deadlineAfter(numberAt(info, 1)));
  if (code <= 0) return returnInt(info, code);
  // A body that is longer is worth a Buffer of its own.
  constexpr size_t kMostBehindHead = 16 << 10;
  http2::ByteQueue& heads = stream->heads();
  http2::ByteQueue& body = stream->body();
  const size_t n = body.size();
  Told told(info, 2);
  v8::Local<v8::Value> bytes;
  if (heads.size() > 0) {
    if (n > 0 && n <= kMostBehindHead && heads.append(body.data(), n)) {
      body.remove(n);
      stream->consumed(n);
    }
    tellHead({heads.data(), heads.size()}, numberAt(info, 3), numberAt(info, 4), told);
    bytes = taken(info.GetIsolate(), heads);
  } else {
    bytes = taken(info.GetIsolate(), body);
    stream->consumed(n);
  }
  told[5] = stream->complete() && body.size() == 0;
  info.GetReturnValue().Set(bytes);
}

// http2ClientWrite(stream, data): 0 or a code. Parks.
void write(const Info& info) {
  http2::ClientStream* stream = streamAt(info);
  if (!stream) return returnInt(info, -EBADF);
  StreamCall call(*stream);
  // What has room is copied before this can park. UTF-8 takes three bytes a character at most.
  constexpr size_t kSmall = 16 << 10;
  const bool room = stream->hasRoom(3 * kSmall);
  Payload data;
  if (!data.load(info.GetIsolate(), info[1], Buffers::current()->scratch(), room ? kSmall : 0))
    return returnInt(info, -ENOMEM);
  returnInt(info, stream->write(data.bytes().data(), data.bytes().size()));
}

// http2ClientFinish(stream, trailers): the request is whole. `trailers`: whole lines, or "". 0 or a code.
void finish(const Info& info) {
  http2::ClientStream* stream = streamAt(info);
  if (!stream) return returnInt(info, -EBADF);
  Payload trailers;
  if (!trailers.loadFields(info.GetIsolate(), info[1], nullptr, 0)) return returnInt(info, -ENOMEM);
  returnInt(info, stream->finish(trailers.bytes()));
}

// http2ClientTrailers(stream): their lines, or undefined where there are none.
void trailers(const Info& info) {
  const http2::ClientStream* stream = streamAt(info);
  if (!stream || stream->trailers().empty()) return;
  const std::string& lines = stream->trailers();
  info.GetReturnValue().Set(Buffers::current()->copy(info.GetIsolate(), lines.data(), lines.size()));
}

// http2ClientFate(stream, told): how it has ended: an End, the error of a RST_STREAM, and of its connection a Failure and a code.
void fate(const Info& info) {
  const http2::ClientStream* stream = streamAt(info);
  if (!stream) return;
  Told told(info, 1);
  told[0] = static_cast<double>(stream->end());
  told[1] = stream->error();
  told[2] = static_cast<double>(stream->failure());
  told[3] = stream->code();
}

// http2ClientRelease(stream): its number is free for another one. What is under way is cancelled.
void release(const Info& info) {
  http2::ClientStream* stream = streamAt(info);
  if (!stream || stream->released()) return;
  if (stream->release()) forget(*stream);
}

}  // namespace

void defineHttp2Client(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  // As in http.cc: sockets and coroutines have gone before these records.
  if (!Http2Clients::current) {
    Http2Clients::current = new Http2Clients;
    node::AddEnvironmentCleanupHook(
        v8::Isolate::GetCurrent(),
        [](void*) {
          for (http2::ClientConnection* c : Http2Clients::current->connections.all()) {
            if (c) c->forgetTimers();
          }
          delete Http2Clients::current;
          Http2Clients::current = nullptr;
        },
        nullptr);
  }
  define(context, exports, "http2ClientOpen", open);
  define(context, exports, "http2ClientNext", next);
  define(context, exports, "http2ClientSendRest", sendRest);
  define(context, exports, "http2ClientReason", reason);
  define(context, exports, "http2ClientClose", close);
  define(context, exports, "http2ClientRequest", request);
  define(context, exports, "http2ClientRead", read);
  define(context, exports, "http2ClientWrite", write);
  define(context, exports, "http2ClientFinish", finish);
  define(context, exports, "http2ClientTrailers", trailers);
  define(context, exports, "http2ClientFate", fate);
  define(context, exports, "http2ClientRelease", release);
}

}  // namespace stackful::binding
