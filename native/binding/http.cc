// Servers and their connections: listening, accepting, waiting for requests, closing.
#include "../net/address.h"
#include "../net/dialling.h"
#include "../net/options.h"
#include "buffers.h"
#include "http_records.h"
#include "net.h"

namespace stackful::binding {

thread_local Http* Http::current = nullptr;

namespace {

Runtime& runtime() {
  return *Runtime::current();
}

// Calls `take(name, number)` with those of an object that are given; the others keep their values.
class Given {
 public:
  Given(v8::Isolate* isolate, v8::Local<v8::Object> given) : isolate_(isolate), given_(given) {}

  template <class Number>
  void operator()(const char* name, Number& to) const {
    v8::Local<v8::Value> value;
    if (given_->Get(isolate_->GetCurrentContext(), string(isolate_, name)).ToLocal(&value) &&
        value->IsNumber())
      to = static_cast<Number>(value.As<v8::Number>()->Value());
  }

 private:
  v8::Isolate* isolate_;
  v8::Local<v8::Object> given_;
};

// Those of lib/http/limits.ts.
http::Limits limitsFrom(v8::Isolate* isolate, v8::Local<v8::Object> given) {
  http::Limits limits;
  const Given take(isolate, given);
  take("headBytes", limits.head.headBytes);
  take("headerCount", limits.head.fields);
  take("targetBytes", limits.head.targetBytes);
  take("bodyBytes", limits.bodyBytes);
  take("firstByteMs", limits.firstByteMs);
  take("idleMs", limits.idleMs);
  take("headMs", limits.headMs);
  take("requestMs", limits.requestMs);
  take("bodyMs", limits.bodyMs);
  take("sendMs", limits.sendMs);
  take("slowestBytesPerSecond", limits.slowestBytesPerSecond);
  take("halfClose", limits.halfCloseMs);
  take("shedDelayMs", limits.shedDelayMs);
  take("shedIntervalMs", limits.shedIntervalMs);
  return limits;
}

// Those of lib/http/http2/settings.ts.
http2::Settings settingsFrom(v8::Isolate* isolate, v8::Local<v8::Object> given) {
  http2::Settings settings;
  const Given take(isolate, given);
  take("maxConcurrentStreams", settings.maxConcurrentStreams);
  take("streamWindow", settings.streamWindow);
  take("connectionWindow", settings.connectionWindow);
  take("controlFrames", settings.controlFrames);
  take("controlFramesPerSecond", settings.controlFramesPerSecond);
  return settings;
}

// A listener for (host, port, path, backlog, reusePort), the arguments from the first on: 0 or -errno; -EINVAL for a host
// that is not a numeric address. `path` is undefined or that of a Unix socket.
int openListener(const Info& info, net::Socket*& listener) {
  v8::Isolate* isolate = info.GetIsolate();
  net::Address at;
  if (info[2]->IsString()) {
    v8::String::Utf8Value path(isolate, info[2]);
    if (!at.setPath(*path, static_cast<size_t>(path.length()))) return -ENAMETOOLONG;
  } else {
    v8::String::Utf8Value host(isolate, info[0]);
    if (!at.parseIp(*host, static_cast<uint16_t>(intAt(info, 1)))) return -EINVAL;
  }
  net::ListenOptions options;
  options.backlog = intAt(info, 3);
  options.reusePort = boolAt(info, 4);
  return net::listen(runtime().poller(), at, options, listener);
}

// httpListen(host, port, path, backlog, reusePort, fd, most coroutines, limits, http2): the server's number, or -errno. With an
// fd, which listens already, the others do not matter. `http2`: its settings, or undefined when it is not spoken.
void listen(const Info& info) {
  net::Socket* listener = nullptr;
  const int fd = intAt(info, 5);
  int error = fd >= 0 ? net::adopt(runtime().poller(), fd, true, listener) : openListener(info, listener);
  if (error < 0) return returnInt(info, error);
  runtime().poller().tellHangUps(
      [](net::Socket& socket) { static_cast<HttpConnection*>(socket.owner)->connection.hungUp(); });
  http::Limits limits = limitsFrom(info.GetIsolate(), info[7].As<v8::Object>());
  auto* server = new HttpServer(limits, static_cast<uint32_t>(numberAt(info, 6)), listener);
  if (info[8]->IsObject()) {
    server->http2 = std::make_unique<http2::Shared>(
        server->shared, settingsFrom(info.GetIsolate(), info[8].As<v8::Object>()));
    server->shared.speaksHttp2 = true;
  }
  returnInt(info, Http::current->servers.add(server));
}

// httpListenFd(host, port, path, backlog, reusePort): a descriptor that listens, for other processes to inherit.
void listenFd(const Info& info) {
  net::Socket* listener = nullptr;
  int error = openListener(info, listener);
  returnInt(info, error < 0 ? error : net::detach(listener));
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

// httpSteer(fd, first, count): 0 or -errno; see net::steer.
void steer(const Info& info) {
  returnInt(info, net::steer(intAt(info, 0), static_cast<uint32_t>(intAt(info, 1)),
                             static_cast<uint32_t>(intAt(info, 2))));
}

// httpFdAddress(fd): the same of a descriptor.
void fdAddress(const Info& info) {
  net::Address at;
  if (net::localAddress(intAt(info, 0), at) < 0) return;
  info.GetReturnValue().Set(describe(info.GetIsolate(), at));
}

// httpRemote(connection): the same of the peer.
void remote(const Info& info) {
  HttpConnection* c = connectionAt(info);
  net::Address at;
  if (!c || !c->socket || net::peerAddress(*c->socket, at) < 0) return;
  info.GetReturnValue().Set(describe(info.GetIsolate(), at));
}

int acceptOrHear(HttpServer& server, net::Socket*& socket) {
  http::Departures& departures = server.shared.departures;
  if (!departures.empty()) return kClientLeft;
  http::Departures::Waiting waiting(departures, runtime().scheduler());
  return net::accept(*server.listener, socket);
}

// httpAccept(server, wait): the number of a new connection, or a negative code. Parks when it is to wait for one, and then
// returns kClientLeft when there is something for httpDeparture.
void accept(const Info& info) {
  HttpServer* server = serverAt(info);
  if (!server || !server->listener) return returnInt(info, -EBADF);
  const bool wait = boolAt(info, 1);
  if (wait && runtime().scheduler().live() >= server->mostCoroutines)
    return returnInt(info, kTooManyCoroutines);
  net::Socket* socket = nullptr;
  int result = wait ? acceptOrHear(*server, socket) : net::acceptNow(*server->listener, socket);
  if (result < 0) return returnInt(info, result);
  if (server->background) net::setKeepAlive(*socket, false);
  auto* c = new HttpConnection(*server, socket);
  socket->owner = c;
  socket->flags |= net::kTellsHangUp;
  c->slot = Http::current->connections.add(c);
  ++server->accepted;
  ++server->connections;
  returnInt(info, c->slot);
}

// httpPause(server): parks until the coroutine is woken, or there is something for httpDeparture. It keeps the process alive
// as accepting does.
void pause(const Info& info) {
  HttpServer* server = serverAt(info);
  if (!server || !server->shared.departures.empty()) return;
  sched::Scheduler& scheduler = runtime().scheduler();
  http::Departures::Waiting waiting(server->shared.departures, scheduler);
  server->paused = true;
  if (server->background) scheduler.adjustExternalWaits(-1);
  scheduler.parkUntil({}, net::kNoDeadline);
  // httpUnref may have changed it, and the count, meanwhile.
  if (server->background) scheduler.adjustExternalWaits(1);
  server->paused = false;
}

// httpDeparture(server): of a client that has left while its request is under way, the connection's number times two, plus 1
// if it is gone for good; -1 when there is none that has not been told.
void departure(const Info& info) {
  HttpServer* server = serverAt(info);
  http::Departure* left = server ? server->shared.departures.take() : nullptr;
  if (!left) return returnInt(info, -1);
  const auto* c = static_cast<HttpConnection*>(left->connection.socket().owner);
  returnInt(info, int64_t{c->slot} * 2 + left->gone);
}

// httpUnref(server): it, and connections it accepts from now on, no longer keep the process alive.
void unref(const Info& info) {
  HttpServer* server = serverAt(info);
  if (!server || server->background) return;
  server->background = true;
  if (server->paused) runtime().scheduler().adjustExternalWaits(-1);
  if (server->listener) net::setKeepAlive(*server->listener, false);
}

// httpNext(connection): see nextHead. To be called first by the coroutine whose connection it is. Parks.
void next(const Info& info) {
  HttpConnection* c = connectionAt(info);
  runtime().keepContext();
  info.GetReturnValue().Set(c && c->socket ? nextHead(*c) : 0);
}

// httpReadBefore(connection, n, ms): up to `n` bytes that come before the first request, 0 at the end, or a code. Parks.
void readBefore(const Info& info) {
  HttpConnection* c = connectionAt(info);
  if (!c || !c->socket || !c->connection.fresh()) return returnInt(info, -EBADF);
  HttpCall call(*c);
  char bytes[256];
  const size_t most = std::min(sizeof bytes, static_cast<size_t>(numberAt(info, 1)));
  const ssize_t n = net::read(*c->socket, bytes, most, deadlineAfter(numberAt(info, 2)));
  if (n <= 0) return returnInt(info, static_cast<int>(n));
  info.GetReturnValue().Set(Buffers::current()->copy(info.GetIsolate(), bytes, static_cast<size_t>(n)));
}

// httpHandOver(connection): [the number of a socket of net, what was received behind the last head], or a code. It is that
// socket's from now on; the server counts it until httpDone, up to which it is like a call under way. Parks.
void handOver(const Info& info) {
  HttpConnection* c = connectionAt(info);
  if (!c || !c->socket) return returnInt(info, kRequestOver);
  if (c->calls > 0) return returnInt(info, kConnectionBusy);
  HttpCall call(*c);
  if (const int result = c->connection.makeWay(); result < 0) return returnInt(info, result);
  net::Socket* socket = c->socket;
  const int32_t number = Net::current->sockets.add(socket);
  if (number < 0) return returnInt(info, -ENFILE);
  v8::Isolate* isolate = info.GetIsolate();
  const std::string_view unread = c->connection.unread();
  v8::Local<v8::Value> parts[] = {v8::Integer::New(isolate, number),
                                  Buffers::current()->copy(isolate, unread.data(), unread.size())};
  c->connection.leave();
  socket->owner = nullptr;
  socket->flags &= ~net::kTellsHangUp;
  c->socket = nullptr;
  ++c->calls;
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 2));
}

// httpDone(connection): closes it, unless it was handed over; the number is free for another one.
void done(const Info& info) {
  HttpConnection* c = connectionAt(info);
  if (!c) return;
  if (c->socket) {
    c->connection.forgetClient();
    c->http2.reset();
    net::close(c->socket);
    c->socket = nullptr;
    runtime().schedule();
  } else {
    --c->calls;
  }
  --c->server.connections;
  if (c->calls == 0) Http::current->connections.remove(c->slot);
}

// httpClose(server, end idle ones): no more connections, and no more than one request on those there are. May be
// repeated: it also ends the ones that have become idle meanwhile.
void close(const Info& info) {
  HttpServer* server = serverAt(info);
  if (!server) return;
  if (server->listener) net::close(server->listener);
  server->listener = nullptr;
  const bool endIdle = boolAt(info, 1);
  for (HttpConnection* c : Http::current->connections.all()) {
    if (!c || &c->server != server || !c->socket) continue;
    if (c->http2) {
      c->http2->close(endIdle && server->toldToClose);
      continue;
    }
    // What was accepted just now may come with a request.
    if (!c->connection.fresh()) c->connection.forceClose();
    // A request that has arrived can still be read, and what would be waited for is the end of the stream.
    if (endIdle && c->connection.idle()) net::shutdownRead(*c->socket);
  }
  server->toldToClose = true;
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
  const double values[] = {
      static_cast<double>(server->connections),
      static_cast<double>(server->accepted),
      static_cast<double>(server->requests),
      static_cast<double>(server->shared.bytesReceived),
      static_cast<double>(server->shared.bytesSent),
      static_cast<double>(server->shed),
      server->listener ? static_cast<double>(std::max(net::backlogOf(server->listener->fd), 0)) : 0};
  memcpy(static_cast<char*>(view->Buffer()->Data()) + view->ByteOffset(), values,
         std::min(sizeof values, view->ByteLength()));
}

}  // namespace

namespace {

// Has the request that has just been read, for which its connection was in the queue, waited so long that it is refused?
bool isShed(HttpConnection& c) {
  const int64_t now = sched::monotonicNow();
  return c.server.shared.shedder.refuses(now, runtime().scheduler().waitedForTurn(now));
}

// False when the connection is over.
bool shed(HttpConnection& c) {
  static constexpr std::string_view kFields = "Content-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\n";
  ++c.server.shed;
  if (c.server.closing()) c.connection.forceClose();
  const std::string_view text = http::errorText(503);
  const bool isHead = c.connection.method() == http::Method::kHead;
  HttpCall call(c);
  return c.connection.respond(503, kFields, text.data(), text.size(), isHead) == 0;
}

}  // namespace

int32_t nextHead(HttpConnection& c) {
  if (c.calls > 0) return kConnectionBusy;
  // What the last request has entered is not for the next one, nor to be kept while there is none.
  if (runtime().contextInUse()) [[unlikely]]
    runtime().renewContext();
  sched::Scheduler& scheduler = runtime().scheduler();
  const sched::Counters& counters = scheduler.counters();
  const bool sheds = c.server.shared.shedder.enabled();
  for (;;) {
    // Requests wait from the poll that finds them on: so one follows each turn that took long.
    if (sheds) scheduler.noteLongTurn(sched::monotonicNow());
    if (c.server.closing() && !c.connection.fresh()) c.connection.forceClose();
    const uint64_t pollsBefore = counters.polls;
    const uint64_t parksBefore = counters.parks;
    const bool first = c.connection.fresh();
    http::Next next;
    {
      HttpCall call(c);
      next = c.connection.nextRequest();
    }
    if (next == http::Next::kHttp2) return kSpeaksHttp2;
    if (next != http::Next::kRequest) return 0;
    ++c.server.requests;
    // Without a poll since the last request, this one may have come a moment ago: before the next poll, that is.
    c.arrival = counters.polls + (counters.polls == pollsBefore);
    if (!sheds) break;
    // A request that was there already came in its connection's turn: it has not waited, and says nothing of the queue.
    const bool wasInQueue = first || counters.parks != parksBefore;
    if (!wasInQueue || !isShed(c)) break;
    if (!shed(c)) return 0;
  }
  return describeHead(c.connection.head());
}

void defineHttp(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  // Module by module, environments end in the reverse order: the runtime, started later, has closed every socket and
  // forgotten every coroutine before the records go.
  if (!Http::current) {
    Http::current = new Http;
    node::AddEnvironmentCleanupHook(
        v8::Isolate::GetCurrent(),
        [](void*) {
          for (HttpConnection* c : Http::current->connections.all()) {
            if (!c) continue;
            c->connection.forgetTimers();
            if (c->http2) c->http2->forgetTimers();
          }
          delete Http::current;
          Http::current = nullptr;
        },
        nullptr);
  }
  define(context, exports, "httpListen", listen);
  define(context, exports, "httpListenFd", listenFd);
  define(context, exports, "httpAddress", address);
  define(context, exports, "httpFdAddress", fdAddress);
  define(context, exports, "httpSteer", steer);
  define(context, exports, "httpAccept", accept);
  define(context, exports, "httpPause", pause);
  define(context, exports, "httpDeparture", departure);
  define(context, exports, "httpUnref", unref);
  define(context, exports, "httpRemote", remote);
  define(context, exports, "httpNext", next);
  define(context, exports, "httpReadBefore", readBefore);
  define(context, exports, "httpHandOver", handOver);
  define(context, exports, "httpDone", done);
  define(context, exports, "httpClose", close);
  define(context, exports, "httpForget", forget);
  define(context, exports, "httpStats", stats);
  defineHttpRequest(context, exports);
  defineHttpResponse(context, exports);
  defineHttpParse(context, exports);
  defineHttp2(context, exports);
}

}  // namespace stackful::binding
