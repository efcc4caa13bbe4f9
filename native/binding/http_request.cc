// What a handler asks of its request. Nothing is made before it is asked for.
#include <memory>
#include <string>

#include "../http/characters.h"
#include "../http/target.h"
#include "buffers.h"
#include "http_records.h"
#include "text.h"

namespace stackful::binding {
namespace {

// The connection's head while it has a request, else null.
const http::Head* headAt(const Info& info) {
  if (isStream(info)) [[unlikely]] {
    http2::Stream* stream = streamAt(info);
    return stream && stream->mayRead() ? &stream->head() : nullptr;
  }
  HttpConnection* c = connectionAt(info);
  return c && c->hasRequest() ? &c->connection.head() : nullptr;
}

v8::Local<v8::String> latin1(const Info& info, std::string_view text) {
  return asciiString(info.GetIsolate(), text);
}

// httpMethod(connection)
void method(const Info& info) {
  if (const http::Head* head = headAt(info)) info.GetReturnValue().Set(latin1(info, head->methodName()));
}

// httpTarget(connection): as it was sent.
void target(const Info& info) {
  if (const http::Head* head = headAt(info)) info.GetReturnValue().Set(latin1(info, head->target()));
}

// httpPath(connection): decoded and normalized, or the status that says what is wrong with it.
void path(const Info& info) {
  const http::Head* head = headAt(info);
  if (!head) return;
  v8::Isolate* isolate = info.GetIsolate();
  const std::string_view raw = head->target();
  int status = 0;
  const auto normalized = [&](v8::NewStringType type) -> v8::MaybeLocal<v8::String> {
    if (raw == "*") return asciiString(isolate, raw);
    char* to = Http::current->scratch;
    size_t size = sizeof Http::current->scratch;
    std::unique_ptr<char[]> large;
    if (raw.size() >= size) {
      size = raw.size() + 1;
      large.reset(new char[size]);
      to = large.get();
    }
    http::FilePath result;
    status = http::normalizeTarget(raw, to, size, result);
    if (status != 0) return {};
    return v8::String::NewFromUtf8(isolate, result.path.data(), type, static_cast<int>(result.path.size()));
  };
  v8::Local<v8::String> path;
  if (Http::current->paths.get(isolate, raw, normalized).ToLocal(&path)) {
    info.GetReturnValue().Set(path);
  } else if (status != 0) {
    info.GetReturnValue().Set(status);
  }
}

// httpHeader(connection, name): the value; of several with the same name all, joined as RFC 9110 section 5.3 says
// (RFC 6265 for cookies); undefined when there is none.
void header(const Info& info) {
  const http::Head* head = headAt(info);
  if (!head) return;
  char name[64];
  auto wanted = info[1].As<v8::String>();
  int length = wanted->Length();
  std::unique_ptr<char[]> large;
  char* to = name;
  if (length > static_cast<int>(sizeof name)) {
    large.reset(new char[static_cast<size_t>(length)]);
    to = large.get();
  }
  if (!wanted->IsOneByte()) return;
  writeOneByte(info.GetIsolate(), wanted, to, length);
  std::string_view key(to, static_cast<size_t>(length));
  int first = head->find(key);
  if (first < 0) return;
  int second = head->find(key, static_cast<size_t>(first) + 1);
  if (second < 0) return info.GetReturnValue().Set(latin1(info, head->value(static_cast<size_t>(first))));
  const char* separator = http::equalsIgnoringCase(key, "cookie") ? "; " : ", ";
  std::string all(head->value(static_cast<size_t>(first)));
  for (int i = second; i >= 0; i = head->find(key, static_cast<size_t>(i) + 1)) {
    all.append(separator).append(head->value(static_cast<size_t>(i)));
  }
  info.GetReturnValue().Set(latin1(info, all));
}

// httpHeaders(connection): [name, value, ...] as sent.
void headers(const Info& info) {
  const http::Head* head = headAt(info);
  if (!head) return;
  v8::Local<v8::Value> parts[2 * http::Head::kMostFields];
  for (size_t i = 0; i < head->fieldCount; ++i) {
    parts[2 * i] = latin1(info, head->name(i));
    parts[2 * i + 1] = latin1(info, head->value(i));
  }
  info.GetReturnValue().Set(v8::Array::New(info.GetIsolate(), parts, 2 * size_t{head->fieldCount}));
}

// httpHeaderBlock(connection): a number that the same fields, byte for byte, have had before if they were seen lately; -1: there is
// none for these. See RecurringBlocks.
void headerBlock(const Info& info) {
  const http::Head* head = isStream(info) ? nullptr : headAt(info);
  if (!head || head->fieldCount == 0) return returnInt(info, -1);
  const char* begin = head->name(0).data();
  const std::string_view last = head->value(size_t{head->fieldCount} - 1);
  const int64_t number =
      Http::current->blocks.numberOf({begin, static_cast<size_t>(last.data() + last.size() - begin)});
  info.GetReturnValue().Set(static_cast<double>(number));
}

// httpFileHints(connection): what staticFiles wants to know, in one number: twice the poll before which the request had
// arrived, plus 1 if a header is there that could make the response other than a whole file.
void fileHints(const Info& info) {
  const http::Head* head = headAt(info);
  if (!head) return;
  bool special = false;
  for (size_t i = 0; i < head->fieldCount && !special; ++i) {
    std::string_view name = head->name(i);
    // Range, If-Range, If-None-Match, If-Modified-Since: a superset of these is enough.
    special = (name.size() == 5 && http::equalsIgnoringCase(name, "range")) ||
              (name.size() >= 8 && http::equalsIgnoringCase(name.substr(0, 3), "if-"));
  }
  const uint64_t arrival = isStream(info) ? streamAt(info)->arrival : connectionAt(info)->arrival;
  returnInt(info, static_cast<int64_t>(arrival) * 2 + special);
}

// httpClientLeft(connection): whether its client is known to have ended its stream, or to be gone.
void clientLeft(const Info& info) {
  if (isStream(info)) {
    http2::Stream* stream = streamAt(info);
    return info.GetReturnValue().Set(!stream || stream->left);
  }
  HttpConnection* c = connectionAt(info);
  info.GetReturnValue().Set(!c || !c->socket || (c->socket->flags & (net::kPeerEnded | net::kPeerGone)) != 0);
}

// httpPolls(): how many polls there have been.
void polls(const Info& info) {
  info.GetReturnValue().Set(static_cast<double>(Runtime::current()->scheduler().counters().polls));
}

// httpNow(): milliseconds of a clock that is cheap, coarse, and only goes forward.
void now(const Info& info) {
  info.GetReturnValue().Set(static_cast<double>(http::coarseNow()) / 1e6);
}

// httpBodyLength(connection): what Content-Length says, -1 when it says nothing.
void bodyLength(const Info& info) {
  const http::Head* head = headAt(info);
  returnInt(info, head && !head->chunked ? head->contentLength : -1);
}

// httpLimitBody(connection, bytes): instead of limits.bodyBytes, for this request.
void limitBody(const Info& info) {
  if (isStream(info)) {
    http2::Stream* stream = streamAt(info);
    if (stream && stream->hasRequest()) stream->limitBody(static_cast<int64_t>(numberAt(info, 1)));
    return;
  }
  HttpConnection* c = connectionAt(info);
  if (c && c->hasRequest()) c->connection.limitBody(static_cast<int64_t>(numberAt(info, 1)));
}

// httpTakeBody(connection): all of a small body that is there already, as a Buffer; undefined when it has to be read. The
// usual case of a small POST: one call, and a slice of a shared Buffer instead of one with memory of its own.
void takeBody(const Info& info) {
  if (isStream(info)) [[unlikely]]
    return streams::takeBody(info);
  HttpConnection* c = connectionAt(info);
  if (!c || !c->hasRequest() || c->calls > 0) return;
  const std::string_view body = c->connection.takeWholeBody(Buffers::kMostShared);
  if (body.data())
    info.GetReturnValue().Set(Buffers::current()->copy(info.GetIsolate(), body.data(), body.size()));
}

// httpReadBody(connection, buffer, from): bytes put into `buffer` from `from` on, 0 at the end of the body, or a code.
// Parks. Only lib/http/body.ts knows the buffer while this runs, so it cannot be detached.
void readBody(const Info& info) {
  if (isStream(info)) [[unlikely]]
    return streams::readBody(info);
  HttpConnection* c = connectionAt(info);
  if (!c || !c->hasRequest()) return returnInt(info, kRequestOver);
  if (c->calls > c->connection.besideReader()) return returnInt(info, kConnectionBusy);
  Bytes to = bytesAt(info, 1);
  auto from = static_cast<size_t>(numberAt(info, 2));
  HttpCall call(*c);
  ssize_t n = c->connection.readBody(to.data + from, to.size - from);
  if (n == -ETIMEDOUT) n = kBodyTimeout;
  returnInt(info, n);
}

}  // namespace

void defineHttpRequest(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "httpMethod", method);
  define(context, exports, "httpTarget", target);
  define(context, exports, "httpPath", path);
  define(context, exports, "httpHeader", header);
  define(context, exports, "httpHeaders", headers);
  define(context, exports, "httpHeaderBlock", headerBlock);
  define(context, exports, "httpFileHints", fileHints);
  define(context, exports, "httpClientLeft", clientLeft);
  define(context, exports, "httpPolls", polls);
  define(context, exports, "httpNow", now);
  define(context, exports, "httpBodyLength", bodyLength);
  define(context, exports, "httpLimitBody", limitBody);
  define(context, exports, "httpTakeBody", takeBody);
  define(context, exports, "httpReadBody", readBody);
}

}  // namespace stackful::binding
