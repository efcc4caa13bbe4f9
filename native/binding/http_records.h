// The HTTP servers and connections of one environment, which JavaScript knows by number.
#pragma once

#include <cstdint>
#include <vector>

#include "../http/connection.h"
#include "recurring_strings.h"
#include "values.h"

namespace stackful::binding {

struct HttpServer {
  HttpServer(const http::Limits& limits, uint32_t coroutines, net::Socket* socket)
      : shared(limits), mostCoroutines(coroutines), listener(socket) {}

  http::Server shared;
  const uint32_t mostCoroutines;  // alive at once, when another connection is accepted
  net::Socket* listener;          // null once closed
  bool background = false;        // does not keep the process alive, nor do its connections
  bool paused = false;            // the accepting coroutine is parked in httpPause
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
  net::Socket* socket;   // null once closed; then the last call that is under way frees the record
  uint64_t arrival = 0;  // the request was there before this poll (of sched::Counters)
  uint32_t slot = 0;
  uint32_t calls = 0;  // under way: some coroutine is parked in them, or about to
  http::Connection connection;

  // The head may be looked at.
  bool hasRequest() const noexcept { return socket && connection.hasRequest(); }
};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
static_assert(offsetof(HttpConnection, connection) + http::Connection::hotBytes() <= net::kFetchedOfOwner);
#pragma GCC diagnostic pop

// Records by number. Their addresses stay.
template <class Record>
class Numbered {
 public:
  ~Numbered() {
    for (Record* record : records_) delete record;
  }
  uint32_t add(Record* record) {
    if (free_.empty()) {
      records_.push_back(record);
      return static_cast<uint32_t>(records_.size() - 1);
    }
    uint32_t number = free_.back();
    free_.pop_back();
    records_[number] = record;
    return number;
  }
  // Null when there is none of that number.
  Record* at(int32_t number) const noexcept {
    return static_cast<uint32_t>(number) < records_.size() ? records_[static_cast<uint32_t>(number)]
                                                           : nullptr;
  }
  void remove(uint32_t number) {
    delete records_[number];
    records_[number] = nullptr;
    free_.push_back(number);
  }
  const std::vector<Record*>& all() const noexcept { return records_; }

 private:
  std::vector<Record*> records_;
  std::vector<uint32_t> free_;
};

struct Http {
  // What a body in `scratch` may take: http::Connection copies as much behind a head.
  static constexpr size_t kSmall = 4096;

  static thread_local Http* current;

  // The order matters at the end: connections give their buffers back to their servers.
  Numbered<HttpServer> servers;
  Numbered<HttpConnection> connections;
  RecurringStrings paths;  // by target
  // For bytes that are copied on before another coroutine can run: never across a park.
  char scratch[2 * kSmall];
};

inline HttpConnection* connectionAt(const Info& info) {
  return Http::current->connections.at(intAt(info, 0));
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

void defineHttpRequest(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineHttpResponse(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineHttpParse(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);

// Settles the last request, gives the coroutine its async context again, and waits for the next: what describes its
// head in one number (the method, 16 for HTTP/1.1, 32 for a body, and always 64), or 0 when the connection is to be
// closed.
int32_t nextHead(HttpConnection& c);

}  // namespace stackful::binding
