// The HTTP servers and connections of one environment, which JavaScript knows by number.
#pragma once

#include <cstdint>
#include <memory>

#include "../http/connection.h"
#include "../http2/connection.h"
#include "numbered.h"
#include "recurring_blocks.h"
#include "recurring_strings.h"
#include "values.h"

namespace stackful::binding {

struct HttpServer {
  HttpServer(const http::Limits& limits, uint32_t coroutines, net::Socket* socket)
      : shared(limits), mostCoroutines(coroutines), listener(socket) {}

  http::Server shared;
  std::unique_ptr<http2::Shared> http2;  // null: it is not spoken
  const uint32_t mostCoroutines;         // alive at once, when another connection is accepted
  net::Socket* listener;                 // null once closed
  bool background = false;               // does not keep the process alive, nor do its connections
  bool toldToClose = false;              // httpClose has been called
  bool paused = false;                   // the accepting coroutine is parked in httpPause
  uint32_t connections = 0;
  uint64_t accepted = 0;
  uint64_t requests = 0;
  uint64_t shed = 0;  // of them

  // No more connections, and no more than one request on those there are.
  bool closing() const noexcept { return !listener; }
};

// Of thousands of connections none is in the cache when its request comes. The three lines that are needed then, these
// fields and the first ones of `connection`, are what the poller fetches ahead.
struct alignas(64) HttpConnection {
  HttpConnection(HttpServer& s, net::Socket* from) : server(s), socket(from), connection(s.shared, *from) {}

  HttpServer& server;
  net::Socket*
      socket;  // null once closed or handed over; then the last call that is under way frees the record
  uint64_t arrival = 0;  // the request was there before this poll (of sched::Counters)
  uint32_t slot = 0;
  uint32_t calls = 0;  // under way: some coroutine is parked in them, or about to
  http::Connection connection;
  std::unique_ptr<http2::Connection> http2;  // null while HTTP/1 is spoken

  // The head may be looked at.
  bool hasRequest() const noexcept { return socket && connection.hasRequest(); }
};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
static_assert(offsetof(HttpConnection, connection) + http::Connection::hotBytes() <= net::kFetchedOfOwner);
#pragma GCC diagnostic pop

struct Http {
  // What a body in `scratch` may take: http::Connection copies as much behind a head.
  static constexpr size_t kSmall = 4096;

  static thread_local Http* current;

  // The order matters at the end: connections give their buffers back to their servers, and let go of their streams.
  Numbered<HttpServer> servers;
  Numbered<http2::Stream> streams;
  Numbered<HttpConnection> connections;
  // What JavaScript calls a request of HTTP/2: a connection's number never has this bit.
  static constexpr int32_t kStream = 1 << 30;
  RecurringStrings paths;  // by target
  RecurringBlocks blocks;
  // For bytes that are copied on before another coroutine can run: never across a park.
  char scratch[2 * kSmall];
};

inline HttpConnection* connectionAt(const Info& info) {
  return Http::current->connections.at(intAt(info, 0));
}

// Functions on a request take either: a connection that has one, or a stream.
inline bool isStream(const Info& info) {
  const int32_t number = intAt(info, 0);
  return number >= Http::kStream;
}
inline http2::Stream* streamAt(const Info& info) {
  return Http::current->streams.at(intAt(info, 0) - Http::kStream);
}

// A call that may park. The record stays valid until it is over, even if the connection is closed meanwhile.
class HttpCall {
 public:
  explicit HttpCall(HttpConnection& c) : connection_(c) { ++c.calls; }
  ~HttpCall() {
    if (--connection_.calls == 0 && !connection_.socket) Http::current->connections.remove(connection_.slot);
  }
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;

 private:
  HttpConnection& connection_;
};

// The same for a stream. The record stays valid until the call is over.
class StreamCall {
 public:
  explicit StreamCall(http2::Stream& s) noexcept : stream_(s) { ++s.calls; }
  ~StreamCall();
  StreamCall(const StreamCall&) = delete;
  StreamCall& operator=(const StreamCall&) = delete;

 private:
  http2::Stream& stream_;
};

// What the functions of the same names do for a stream (http2.cc).
namespace streams {
void text(const Info& info);
void whole(const Info& info);
void begin(const Info& info);
void earlyHints(const Info& info);
void write(const Info& info);
void finish(const Info& info);
void file(const Info& info);
void takeBody(const Info& info);
void readBody(const Info& info);
}  // namespace streams

void defineHttp2(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineHttpRequest(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineHttpResponse(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineHttpParse(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);

// Settles the last request, gives the coroutine its async context again, and waits for the next: what describes its
// head in one number (the method, 16 for HTTP/1.1, 32 for a body, and always 64), or 0 when the connection is to be
// closed; kSpeaksHttp2 alone when the client does.
int32_t nextHead(HttpConnection& c);

// What describes a head.
constexpr int32_t kIsHead = 64, kSpeaksHttp2 = 128, kAsksForTunnel = 256;
inline int32_t describeHead(const http::Head& head) {
  return static_cast<int32_t>(head.method) | head.minorVersion << 4 | head.hasBody() << 5 | kIsHead;
}

}  // namespace stackful::binding
