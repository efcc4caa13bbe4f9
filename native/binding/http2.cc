// HTTP/2: a connection's loop, and what requests and responses of HTTP/1 have for a stream, under the same names.
#include "../disk/file.h"
#include "buffers.h"
#include "http_payload.h"
#include "http_records.h"

namespace stackful::binding {
namespace {

constexpr std::string_view kTextFields = "content-type: text/plain; charset=utf-8\r\n";

void forget(http2::Stream& stream) {
  if (stream.number >= 0) {
    Http::current->streams.remove(static_cast<uint32_t>(stream.number));
  } else {
    delete &stream;
  }
}

// http2Missing(): what this Node lacks for it, or undefined.
void missing(const Info& info) {
  if (const char* name = http2::missing()) info.GetReturnValue().Set(string(info.GetIsolate(), name));
}

// http2Start(connection): HTTP/2 has the connection from now on. 0 or a code.
void start(const Info& info) {
  HttpConnection* c = connectionAt(info);
  if (!c || !c->socket || c->http2 || !c->server.http2) return returnInt(info, -EBADF);
  runtime::Runtime::current()->keepContext();
  c->http2 = std::make_unique<http2::Connection>(*c->server.http2, *c->socket, forget);
  const int code = c->http2->start(c->connection.unread());
  c->connection.leave();
  returnInt(info, code);
}

// http2Next(connection, to): what has happened, as an http2::Connection::Event. `to`, an Int32Array, gets the stream's number and
// what describes its head. Parks.
void next(const Info& info) {
  HttpConnection* c = connectionAt(info);
  using Event = http2::Connection::Event;
  Event event = Event::kOver;
  http2::Stream* stream = nullptr;
  if (c && c->socket && c->http2 && c->calls == 0) {
    HttpCall call(*c);
    for (;;) {
      event = c->http2->next(stream);
      if (event != Event::kRequest || Runtime::current()->scheduler().live() < c->server.mostCoroutines)
        break;
      // The client may send it again, to this connection or another.
      if (stream->release(http2::kRefusedStream)) delete stream;
    }
  }
  if (stream) {
    int32_t* to = reinterpret_cast<int32_t*>(bytesAt(info, 1).data);
    if (event == Event::kRequest) {
      stream->number = static_cast<int32_t>(Http::current->streams.add(stream));
      ++c->server.requests;
      to[1] = describeHead(stream->head()) | kSpeaksHttp2 | (stream->connects() ? kAsksForTunnel : 0);
    }
    to[0] = stream->number | Http::kStream;
  }
  returnInt(info, static_cast<int>(event));
}

// http2SendRest(connection): see http2::Connection. Parks.
void sendRest(const Info& info) {
  HttpConnection* c = connectionAt(info);
  if (c && c->socket && c->http2) c->http2->sendRest();
}

// http2Done(stream): its handler has ended, and its number is free for another one. A response that is not complete is broken off.
void done(const Info& info) {
  http2::Stream* stream = streamAt(info);
  if (stream && !stream->released() && stream->release() && stream->calls == 0) forget(*stream);
}

// http2Shed(connection, stream): whether the stream, whose coroutine has just begun, had to wait so long for that that it is answered
// with 503 here.
void shed(const Info& info) {
  HttpConnection* c = connectionAt(info);
  http2::Stream* stream = Http::current->streams.at(intAt(info, 1) - Http::kStream);
  if (!c || !stream) return;
  sched::Scheduler& scheduler = Runtime::current()->scheduler();
  const int64_t now = sched::monotonicNow();
  const bool refused = c->server.shared.shedder.refuses(now, scheduler.waitedForTurn(now));
  scheduler.noteLongTurn(now);
  if (refused) {
    ++c->server.shed;
    const std::string_view text = http::errorText(503);
    StreamCall call(*stream);
    stream->respond(503, "content-type: text/plain; charset=utf-8\r\nretry-after: 1\r\n", text.data(),
                    text.size());
  }
  info.GetReturnValue().Set(refused);
}

// http2Trailers(stream): those of the request so far, as [name, value, ...].
void trailers(const Info& info) {
  const http2::Stream* stream = streamAt(info);
  if (!stream) return;
  v8::Isolate* isolate = info.GetIsolate();
  std::vector<v8::Local<v8::Value>> parts;
  std::string_view lines = stream->trailers();
  for (size_t end; (end = lines.find("\r\n")) != std::string_view::npos; lines.remove_prefix(end + 2)) {
    const size_t colon = lines.find(": ");
    parts.push_back(asciiString(isolate, lines.substr(0, colon)));
    parts.push_back(asciiString(isolate, lines.substr(colon + 2, end - colon - 2)));
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, parts.data(), parts.size()));
}

// http2OpenTunnel(stream, fields): see http2::Stream. 0 or a code.
void openTunnel(const Info& info) {
  http2::Stream* stream = streamAt(info);
  if (!stream) return returnInt(info, -EPIPE);
  StreamCall call(*stream);
  Payload fields;
  if (!fields.loadFields(info.GetIsolate(), info[1], Http::current->scratch, 0))
    return returnInt(info, -ENOMEM);
  returnInt(info, stream->openTunnel(fields.bytes()));
}

// http2CloseTunnel(stream): ends it both ways. Never parks.
void closeTunnel(const Info& info) {
  http2::Stream* stream = streamAt(info);
  if (!stream) return;
  StreamCall call(*stream);
  stream->closeTunnel();
}

// http2Queued(stream): bytes that wait for the client's windows.
void queued(const Info& info) {
  const http2::Stream* stream = streamAt(info);
  returnInt(info, stream ? static_cast<int64_t>(stream->queued()) : 0);
}

}  // namespace

StreamCall::~StreamCall() {
  if (--stream_.calls == 0 && stream_.released() && !stream_.session) forget(stream_);
}

namespace streams {

// As those of http_response.cc. What they return is not the next request's head: a stream has only one.

void text(const Info& info) {
  http2::Stream* stream = streamAt(info);
  if (!stream) return returnInt(info, 0);
  StreamCall call(*stream);
  v8::Isolate* isolate = info.GetIsolate();
  auto text = info[1].As<v8::String>();
  const bool small = text->Length() <= static_cast<int>(Http::kSmall);
  Payload body;
  if (!body.load(isolate, text, Http::current->scratch, small ? Http::kSmall : 0))
    return returnInt(info, -ENOMEM);
  returnInt(info, std::min(0, stream->respond(200, kTextFields, body.bytes().data(), body.bytes().size())));
}

void whole(const Info& info) {
  http2::Stream* stream = streamAt(info);
  if (!stream) return returnInt(info, 0);
  StreamCall call(*stream);
  v8::Isolate* isolate = info.GetIsolate();
  char* scratch = Http::current->scratch;
  Payload fields;
  Payload body;
  if (!fields.loadFields(isolate, info[2], scratch, Http::kSmall) ||
      !body.load(isolate, info[3], scratch + Http::kSmall, Http::kSmall))
    return returnInt(info, -ENOMEM);
  returnInt(info, std::min(0, stream->respond(intAt(info, 1), fields.bytes(), body.bytes().data(),
                                              body.bytes().size())));
}

void begin(const Info& info) {
  http2::Stream* stream = streamAt(info);
  if (!stream) return returnInt(info, -EPIPE);
  StreamCall call(*stream);
  Payload fields;
  if (!fields.loadFields(info.GetIsolate(), info[2], Http::current->scratch, 0))
    return returnInt(info, -ENOMEM);
  returnInt(info, stream->begin(intAt(info, 1), fields.bytes(), static_cast<int64_t>(numberAt(info, 3))));
}

void earlyHints(const Info& info) {
  http2::Stream* stream = streamAt(info);
  if (!stream) return returnInt(info, -EPIPE);
  StreamCall call(*stream);
  Payload fields;
  if (!fields.loadFields(info.GetIsolate(), info[1], Http::current->scratch, Http::kSmall))
    return returnInt(info, -ENOMEM);
  returnInt(info, stream->inform(103, fields.bytes()));
}

void write(const Info& info) {
  http2::Stream* stream = streamAt(info);
  if (!stream) return returnInt(info, -EPIPE);
  StreamCall call(*stream);
  // What has room is copied before this can park. UTF-8 takes three bytes a character at most.
  const bool room = stream->hasRoom(3 * Http::kSmall);
  Payload data;
  if (!data.load(info.GetIsolate(), info[1], Http::current->scratch, room ? Http::kSmall : 0))
    return returnInt(info, -ENOMEM);
  returnInt(info, stream->write(data.bytes().data(), data.bytes().size()));
}

void finish(const Info& info) {
  http2::Stream* stream = streamAt(info);
  if (!stream) return returnInt(info, 0);
  StreamCall call(*stream);
  Payload trailers;
  if (!trailers.loadFields(info.GetIsolate(), info[1], Http::current->scratch, Http::kSmall))
    return returnInt(info, -ENOMEM);
  returnInt(info, std::min(0, stream->finish(trailers.bytes())));
}

void file(const Info& info) {
  http2::Stream* stream = streamAt(info);
  if (!stream) return returnInt(info, -EPIPE);
  StreamCall call(*stream);
  const int fd = intAt(info, 1);
  const auto offset = static_cast<int64_t>(numberAt(info, 2));
  const auto length = static_cast<int64_t>(numberAt(info, 3));
  disk::CachedPieces pieces(Runtime::current()->pool(), fd, offset, offset + length);
  const auto cachedFrom = [](void* context, int64_t at) {
    return static_cast<disk::CachedPieces*>(context)->from(at);
  };
  returnInt(info, stream->sendFile(fd, offset, length, cachedFrom, &pieces));
}

// As those of http_request.cc.

void takeBody(const Info& info) {
  http2::Stream* stream = streamAt(info);
  if (!stream) return;
  const std::string_view body = stream->wholeBody(Buffers::kMostShared);
  if (!body.data()) return;
  info.GetReturnValue().Set(Buffers::current()->copy(info.GetIsolate(), body.data(), body.size()));
  stream->consume(body.size());
}

void readBody(const Info& info) {
  http2::Stream* stream = streamAt(info);
  if (!stream || !stream->mayRead()) return returnInt(info, kRequestOver);
  Bytes to = bytesAt(info, 1);
  auto from = static_cast<size_t>(numberAt(info, 2));
  StreamCall call(*stream);
  ssize_t n = stream->readBody(to.data + from, to.size - from);
  if (n == -ETIMEDOUT) n = kBodyTimeout;
  returnInt(info, n);
}

}  // namespace streams

void defineHttp2(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "http2Missing", missing);
  define(context, exports, "http2Start", start);
  define(context, exports, "http2Next", next);
  define(context, exports, "http2SendRest", sendRest);
  define(context, exports, "http2Done", done);
  define(context, exports, "http2Shed", shed);
  define(context, exports, "http2Trailers", trailers);
  define(context, exports, "http2OpenTunnel", openTunnel);
  define(context, exports, "http2CloseTunnel", closeTunnel);
  define(context, exports, "http2Queued", queued);
}

}  // namespace stackful::binding
