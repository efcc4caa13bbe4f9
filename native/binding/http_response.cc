// Responses: whole ones together with the wait for the next request, which makes one native call a request; and
// streamed ones.
#include "../disk/file.h"
#include "http_payload.h"
#include "http_records.h"

namespace stackful::binding {
namespace {

constexpr std::string_view kTextFields = "Content-Type: text/plain; charset=utf-8\r\n";

size_t lengthOf(v8::Local<v8::Value> value) {
  if (value->IsString()) return static_cast<size_t>(value.As<v8::String>()->Length());
  return value->IsArrayBufferView() ? value.As<v8::ArrayBufferView>()->ByteLength() : 0;
}

bool isHead(const HttpConnection& c) {
  return c.connection.method() == http::Method::kHead;
}

// Room for a head and for what of the body will be copied behind it. It is made before anything is put into the
// scratch buffer, because making it may send, and so park.
int makeRoom(HttpConnection& c, size_t fields, size_t body) {
  return c.connection.reserve(http::kMostHeadOverhead + fields + (body <= Http::kSmall ? body : 0));
}

[[gnu::noinline]] int respondLongText(v8::Isolate* isolate, HttpConnection& c, v8::Local<v8::String> text) {
  Payload body;
  if (!body.load(isolate, text, Http::current->scratch, 0)) return -ENOMEM;
  return c.connection.respond(200, kTextFields, body.bytes().data(), body.bytes().size(), isHead(c));
}

// The response to a handler that returned a string, by far the most frequent one.
int respondText(v8::Isolate* isolate, HttpConnection& c, v8::Local<v8::String> text) {
  auto length = static_cast<size_t>(text->Length());
  if (int result = makeRoom(c, kTextFields.size(), length); result < 0) return result;
  char* scratch = Http::current->scratch;
  if (length <= Http::kSmall && text->IsOneByte()) {
    writeOneByte(isolate, text, scratch, static_cast<int>(length));
    if (isAscii(scratch, length)) return c.connection.respond(200, kTextFields, scratch, length, isHead(c));
  }
  return respondLongText(isolate, c, text);
}

int respond(const Info& info, HttpConnection& c) {
  v8::Isolate* isolate = info.GetIsolate();
  int result = makeRoom(c, lengthOf(info[2]), lengthOf(info[3]));
  // So many fields that they do not fit in a buffer find their own way.
  if (result < 0 && result != -EMSGSIZE) return result;
  size_t room = result < 0 ? 0 : Http::kSmall;
  char* scratch = Http::current->scratch;
  Payload fields;
  Payload body;
  if (!fields.loadFields(isolate, info[2], scratch, room)) return -ENOMEM;
  if (!body.load(isolate, info[3], scratch + Http::kSmall, room)) return -ENOMEM;
  return c.connection.respond(intAt(info, 1), fields.bytes(), body.bytes().data(), body.bytes().size(),
                              isHead(c));
}

// What comes behind a response, whether that could be sent or not: a failed connection says so when asked for more.
int32_t settle(HttpConnection& c, int result) {
  if (result < 0 && c.connection.keepAlive()) c.connection.forceClose();
  return nextHead(c);
}

// The connection when a response can be given, else null with the result set.
HttpConnection* answering(const Info& info) {
  HttpConnection* c = connectionAt(info);
  int32_t code = !c || !c->hasRequest() ? 0 : c->calls > c->connection.besideWriter() ? kConnectionBusy : 1;
  if (code == 1) return c;
  info.GetReturnValue().Set(code);
  return nullptr;
}

// httpText(connection, string): 200, and httpNext. Parks.
void text(const Info& info) {
  if (isStream(info)) [[unlikely]]
    return streams::text(info);
  HttpConnection* c = answering(info);
  if (!c) return;
  if (c->server.closing()) c->connection.forceClose();
  int result;
  {
    HttpCall call(*c);
    result = respondText(info.GetIsolate(), *c, info[1].As<v8::String>());
  }
  info.GetReturnValue().Set(settle(*c, result));
}

// httpRespond(connection, status, fields, body): the response, and httpNext. `fields` are whole lines, checked. Parks.
void whole(const Info& info) {
  if (isStream(info)) [[unlikely]]
    return streams::whole(info);
  HttpConnection* c = answering(info);
  if (!c) return;
  if (c->server.closing()) c->connection.forceClose();
  int result;
  {
    HttpCall call(*c);
    result = respond(info, *c);
  }
  info.GetReturnValue().Set(settle(*c, result));
}

// httpBegin(connection, status, fields, length): the head of a response that is streamed; -1 for an unknown length.
// 0 or a code. Parks.
void begin(const Info& info) {
  if (isStream(info)) [[unlikely]]
    return streams::begin(info);
  HttpConnection* c = answering(info);
  if (!c) return;
  if (c->server.closing()) c->connection.forceClose();
  HttpCall call(*c);
  Payload fields;
  if (!fields.loadFields(info.GetIsolate(), info[2], Http::current->scratch, 0))
    return returnInt(info, -ENOMEM);
  auto length = static_cast<int64_t>(numberAt(info, 3));
  returnInt(info, c->connection.begin(intAt(info, 1), fields.bytes(), length, isHead(*c)));
}

// httpEarlyHints(connection, fields): 0 or a code. Parks.
void earlyHints(const Info& info) {
  if (isStream(info)) return streams::earlyHints(info);
  HttpConnection* c = answering(info);
  if (!c) return;
  HttpCall call(*c);
  Payload fields;
  if (!fields.loadFields(info.GetIsolate(), info[1], Http::current->scratch, 0))
    return returnInt(info, -ENOMEM);
  returnInt(info, c->connection.earlyHints(fields.bytes()));
}

// httpWrite(connection, string or Uint8Array): 0 or a code. Parks.
void write(const Info& info) {
  if (isStream(info)) [[unlikely]]
    return streams::write(info);
  HttpConnection* c = answering(info);
  if (!c) return;
  HttpCall call(*c);
  int result = makeRoom(*c, 0, lengthOf(info[1]));
  if (result < 0) return returnInt(info, result);
  Payload data;
  if (!data.load(info.GetIsolate(), info[1], Http::current->scratch, Http::kSmall))
    return returnInt(info, -ENOMEM);
  returnInt(info, c->connection.write(data.bytes().data(), data.bytes().size()));
}

// httpFinish(connection, trailers): the end of a streamed response, and httpNext. `trailers`: whole lines, or nothing. Parks.
void finish(const Info& info) {
  if (isStream(info)) [[unlikely]]
    return streams::finish(info);
  HttpConnection* c = answering(info);
  if (!c) return;
  int result;
  {
    HttpCall call(*c);
    Payload trailers;
    result = trailers.loadFields(info.GetIsolate(), info[1], nullptr, 0)
                 ? c->connection.finish(trailers.bytes())
                 : -ENOMEM;
  }
  info.GetReturnValue().Set(settle(*c, result));
}

// httpSendFile(connection, fd, offset, length): the body of a response begun with that length. 0 or a code. Parks.
void file(const Info& info) {
  if (isStream(info)) [[unlikely]]
    return streams::file(info);
  HttpConnection* c = answering(info);
  if (!c) return;
  HttpCall call(*c);
  const int fd = intAt(info, 1);
  const auto offset = static_cast<int64_t>(numberAt(info, 2));
  const auto length = static_cast<int64_t>(numberAt(info, 3));
  disk::CachedPieces pieces(Runtime::current()->pool(), fd, offset, offset + length);
  const auto cachedFrom = [](void* context, int64_t at) {
    return static_cast<disk::CachedPieces*>(context)->from(at);
  };
  returnInt(info, c->connection.sendFile(fd, offset, length, cachedFrom, &pieces));
}

// httpForceClose(connection): no request after this one.
void forceClose(const Info& info) {
  if (HttpConnection* c = connectionAt(info)) c->connection.forceClose();
}

}  // namespace

void defineHttpResponse(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "httpText", text);
  define(context, exports, "httpRespond", whole);
  define(context, exports, "httpBegin", begin);
  define(context, exports, "httpEarlyHints", earlyHints);
  define(context, exports, "httpWrite", write);
  define(context, exports, "httpFinish", finish);
  define(context, exports, "httpSendFile", file);
  define(context, exports, "httpForceClose", forceClose);
}

}  // namespace stackful::binding
