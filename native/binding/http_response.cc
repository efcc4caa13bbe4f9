// Responses: whole ones together with the wait for the next request, which makes one native call a request; and
// streamed ones.
#include <cstdlib>
#include <memory>

#include "../disk/file.h"
#include "http_records.h"
#include "text.h"

namespace stackful::binding {
namespace {

constexpr std::string_view kTextFields = "Content-Type: text/plain; charset=utf-8\r\n";

// What a response is made of, as bytes that stay where they are until the destructor.
class Payload {
 public:
  Payload() = default;
  ~Payload() { free(owned_); }
  Payload(const Payload&) = delete;
  Payload& operator=(const Payload&) = delete;

  std::string_view bytes() const { return {data_, size_}; }

  // `value` is a string, a Uint8Array, or anything else for nothing. What is at most `room` bytes is put into
  // `scratch`, which the next coroutine overwrites, or stays where it is: it must be used before anything can park.
  // False when there is no memory.
  bool load(v8::Isolate* isolate, v8::Local<v8::Value> value, char* scratch, size_t room) {
    if (value->IsString()) return loadString(isolate, value.As<v8::String>(), scratch, room);
    if (value->IsArrayBufferView()) return loadView(value.As<v8::ArrayBufferView>(), scratch, room);
    return true;
  }

  // The same for header lines, which are Latin-1.
  bool loadFields(v8::Isolate* isolate, v8::Local<v8::Value> value, char* scratch, size_t room) {
    if (!value->IsString()) return true;
    auto text = value.As<v8::String>();
    auto length = static_cast<size_t>(text->Length());
    char* to = scratch;
    if (length > room) {
      if (!own(length)) return false;
      to = owned_;
    }
    // The upper half of anything beyond has been refused: see lib/http/fields.ts.
    writeOneByte(isolate, text, to, static_cast<int>(length));
    data_ = to;
    size_ = length;
    return true;
  }

 private:
  bool own(size_t size) {
    owned_ = static_cast<char*>(malloc(size));
    data_ = owned_;
    size_ = size;
    return owned_ != nullptr;
  }

  bool loadString(v8::Isolate* isolate, v8::Local<v8::String> text, char* scratch, size_t room) {
    auto length = static_cast<size_t>(text->Length());
    if (length <= room && text->IsOneByte()) {
      writeOneByte(isolate, text, scratch, static_cast<int>(length));
      data_ = scratch;
      size_ = length;
      if (isAscii(scratch, length)) return true;
    }
    if (!own(utf8Length(isolate, text))) return false;
    writeUtf8(isolate, text, owned_, size_);
    return true;
  }

  bool loadView(v8::Local<v8::ArrayBufferView> view, char* scratch, size_t room) {
    size_t size = view->ByteLength();
    if (size <= room) {
      size_ = size;
      if (view->HasBuffer()) {
        data_ = static_cast<const char*>(view->Buffer()->Data()) + view->ByteOffset();
      } else {
        data_ = scratch;  // in V8's heap, where it may move
        view->CopyContents(scratch, size);
      }
      return true;
    }
    auto backing = view->Buffer()->GetBackingStore();
    // Made smaller while this is being sent, its pages would be gone.
    if (backing->IsResizableByUserJavaScript()) {
      if (!own(size)) return false;
      memcpy(owned_, static_cast<const char*>(backing->Data()) + view->ByteOffset(), size);
      return true;
    }
    data_ = static_cast<const char*>(backing->Data()) + view->ByteOffset();
    size_ = size;
    held_ = std::move(backing);
    return true;
  }

  const char* data_ = "";
  size_t size_ = 0;
  char* owned_ = nullptr;
  std::shared_ptr<v8::BackingStore> held_;
};

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
  int32_t code = !c || !c->hasRequest() ? 0 : c->calls > 0 ? kConnectionBusy : 1;
  if (code == 1) return c;
  info.GetReturnValue().Set(code);
  return nullptr;
}

// httpText(connection, string): 200, and httpNext. Parks.
void text(const Info& info) {
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

// httpWrite(connection, string or Uint8Array): 0 or a code. Parks.
void write(const Info& info) {
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

// httpFinish(connection): the end of a streamed response, and httpNext. Parks.
void finish(const Info& info) {
  HttpConnection* c = answering(info);
  if (!c) return;
  int result;
  {
    HttpCall call(*c);
    result = c->connection.finish();
  }
  info.GetReturnValue().Set(settle(*c, result));
}

// httpSendFile(connection, fd, offset, length): the body of a response begun with that length. 0 or a code. Parks.
void file(const Info& info) {
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
  define(context, exports, "httpWrite", write);
  define(context, exports, "httpFinish", finish);
  define(context, exports, "httpSendFile", file);
  define(context, exports, "httpForceClose", forceClose);
}

}  // namespace stackful::binding
