// Servers and their connections: listening, accepting, waiting for requests, closing.
#include "../net/address.h"
#include "../net/connection.h"
#include "http_records.h"

namespace stackful::binding {

thread_local Http* Http::current = nullptr;

namespace {

Runtime& runtime() {
  return *Runtime::current();
}

double elementAt(v8::Local<v8::Context> context, v8::Local<v8::Array> list, uint32_t i) {
  return list->Get(context, i).ToLocalChecked().As<v8::Number>()->Value();
}

// In the order in which lib/http/limits.ts lists them.
http::Limits limitsFrom(v8::Local<v8::Context> context, v8::Local<v8::Array> list) {
  auto number = [&](uint32_t i) { return static_cast<uint32_t>(elementAt(context, list, i)); };
  http::Limits limits;
  limits.head.headBytes = number(0);
  limits.head.fields = number(1);
  limits.head.targetBytes = number(2);
  limits.bodyBytes = static_cast<int64_t>(elementAt(context, list, 3));
  limits.idleMs = number(4);
  limits.headMs = number(5);
  limits.bodyMs = number(6);
  limits.sendMs = number(7);
  limits.firstByteMs = number(8);
  limits.requestMs = number(9);
  limits.slowestBytesPerSecond = number(10);
  return limits;
}

// httpListen(host, port, path, backlog, reusePort, limits): the server's number, or -errno; -EINVAL for a host that is
// not a numeric address. `path` is undefined or that of a Unix socket.
void listen(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  net::Address at;
  bool valid;
  if (info[2]->IsString()) {
    v8::String::Utf8Value path(isolate, info[2]);
    valid = at.setPath(*path, static_cast<size_t>(path.length()));
    if (!valid) return returnInt(info, -ENAMETOOLONG);
  } else {
    v8::String::Utf8Value host(isolate, info[0]);
    valid = at.parseIp(*host, static_cast<uint16_t>(intAt(info, 1)));
    if (!valid) return returnInt(info, -EINVAL);
  }
  net::ListenOptions options;
  options.backlog = intAt(info, 3);
  options.reusePort = boolAt(info, 4);
  net::Socket* listener = nullptr;
  int error = net::listen(runtime().poller(), at, options, listener);
  if (error < 0) return returnInt(info, error);
  auto* server = new HttpServer(limitsFrom(isolate->GetCurrentContext(), info[5].As<v8::Array>()), listener);
  returnInt(info, Http::current->servers.add(server));
}

HttpServer* serverAt(const Info& info) {
  return Http::current->servers.at(intAt(info, 0));
}

v8::Local<v8::Value> describe(v8::Isolate* isolate, const net::Address& address) {
  char host[net::kAddressText];
  size_t length = address.host(host, sizeof host);
  v8::Local<v8::Value> parts[] = {string(isolate, {host, length}), v8::Integer::New(isolate, address.port()),
                                  v8::Boolean::New(isolate, address.family() == AF_INET6)};
  return v8::Array::New(isolate, parts, 3);
}

// httpAddress(server): [host, port, is IPv6], or the path of a Unix socket and two meaningless values.
void address(const Info& info) {
  HttpServer* server = serverAt(info);
  net::Address at;
  if (!server || !server->listener || net::localAddress(*server->listener, at) < 0) return;
  info.GetReturnValue().Set(describe(info.GetIsolate(), at));
}

// httpRemote(connection): the same of the peer.
void remote(const Info& info) {
  HttpConnection* c = connectionAt(info);
  net::Address at;
  if (!c || !c->socket || net::peerAddress(*c->socket, at) < 0) return;
  info.GetReturnValue().Set(describe(info.GetIsolate(), at));
}

// httpAccept(server): the number of a new connection, or a negative code. Parks.
void accept(const Info& info) {
  HttpServer* server = serverAt(info);
  if (!server || !server->listener) return returnInt(info, -EBADF);
  net::Socket* socket = nullptr;
  int result = net::accept(*server->listener, socket);
  if (result < 0) return returnInt(info, result);
  if (server->background) net::setKeepAlive(*socket, false);
  auto* c = new HttpConnection(*server, socket);
  c->slot = Http::current->connections.add(c);
  ++server->accepted;
  ++server->connections;
  returnInt(info, c->slot);
}

// httpUnref(server): it, and connections it accepts from now on, no longer keep the process alive.
void unref(const Info& info) {
  HttpServer* server = serverAt(info);
  if (!server) return;
  server->background = true;
  if (server->listener) net::setKeepAlive(*server->listener, false);
}

// httpNext(connection): see nextHead. Parks.
void next(const Info& info) {
  HttpConnection* c = connectionAt(info);
  info.GetReturnValue().Set(c ? nextHead(*c) : 0);
}

// httpDone(connection): closes it; the number is free for another one.
void done(const Info& info) {
  HttpConnection* c = connectionAt(info);
  if (!c || !c->socket) return;
  net::close(c->socket);
  c->socket = nullptr;
  c->hasRequest = false;
  --c->server.connections;
  runtime().schedule();
  if (c->calls > 0) {
    c->over = true;
  } else {
    Http::current->connections.remove(c->slot);
  }
}

// httpClose(server): no more connections, and no more requests on those there are. May be repeated: it also ends the
// ones that have become idle meanwhile.
void close(const Info& info) {
  HttpServer* server = serverAt(info);
  if (!server) return;
  server->closing = true;
  if (server->listener) net::close(server->listener);
  server->listener = nullptr;
  for (HttpConnection* c : Http::current->connections.all()) {
    if (!c || &c->server != server || !c->socket) continue;
    c->connection.forceClose();
    // A request that has arrived can still be read, and what would be waited for is the end of the stream.
    if (c->waiting && !c->connection.holdsBuffers()) shutdown(c->socket->fd, SHUT_RD);
  }
  runtime().schedule();
}

// httpForget(server): frees a closed server without connections.
void forget(const Info& info) {
  HttpServer* server = serverAt(info);
  if (!server || server->listener) return;
  // Connections that a call in another coroutine still holds refer to it.
  for (HttpConnection* c : Http::current->connections.all()) {
    if (c && &c->server == server) return;
  }
  Http::current->servers.remove(static_cast<uint32_t>(intAt(info, 0)));
}

// httpStats(server, to): writes the counters into a Float64Array, in the order of lib/http/server.ts.
void stats(const Info& info) {
  HttpServer* server = serverAt(info);
  if (!server) return;
  auto view = info[1].As<v8::Float64Array>();
  const double values[] = {static_cast<double>(server->connections), static_cast<double>(server->accepted),
                           static_cast<double>(server->requests),
                           static_cast<double>(server->shared.bytesReceived),
                           static_cast<double>(server->shared.bytesSent)};
  memcpy(static_cast<char*>(view->Buffer()->Data()) + view->ByteOffset(), values,
         std::min(sizeof values, view->ByteLength()));
}

}  // namespace

int32_t nextHead(HttpConnection& c) {
  if (c.calls > 0) return kConnectionBusy;
  c.hasRequest = false;
  if (c.server.closing) c.connection.forceClose();
  const uint64_t& polls = runtime().scheduler().counters().polls;
  const uint64_t pollsBefore = polls;
  http::Next next;
  {
    HttpCall call(c);
    c.waiting = true;
    next = c.connection.nextRequest();
    c.waiting = false;
  }
  if (next != http::Next::kRequest) return 0;
  c.hasRequest = true;
  // Without a poll since the last request, this one may have come a moment ago: before the next poll, that is.
  c.arrival = polls + (polls == pollsBefore);
  ++c.server.requests;
  const http::Head& head = c.connection.head();
  return static_cast<int32_t>(head.method) | head.minorVersion << 4 | head.hasBody() << 5 | 64;
}

void defineHttp(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  // Module by module, environments end in the reverse order: the runtime, started later, has closed every socket and
  // forgotten every coroutine before the records go.
  if (!Http::current) {
    Http::current = new Http;
    node::AddEnvironmentCleanupHook(
        v8::Isolate::GetCurrent(),
        [](void*) {
          delete Http::current;
          Http::current = nullptr;
        },
        nullptr);
  }
  define(context, exports, "httpListen", listen);
  define(context, exports, "httpAddress", address);
  define(context, exports, "httpAccept", accept);
  define(context, exports, "httpUnref", unref);
  define(context, exports, "httpRemote", remote);
  define(context, exports, "httpNext", next);
  define(context, exports, "httpDone", done);
  define(context, exports, "httpClose", close);
  define(context, exports, "httpForget", forget);
  define(context, exports, "httpStats", stats);
  defineHttpRequest(context, exports);
  defineHttpResponse(context, exports);
  defineHttpParse(context, exports);
}

}  // namespace stackful::binding
