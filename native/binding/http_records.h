// The HTTP servers and connections of one environment, which JavaScript knows by number.
#pragma once

#include <cstdint>
#include <vector>

#include "../http/connection.h"
#include "recurring_strings.h"
#include "values.h"

namespace stackful::binding {

// Results besides -errno, sched's codes (-10001...) and http's (-20001...).
inline constexpr int32_t kConnectionBusy =
    -20010;  // another coroutine is in the middle of a call on this connection
inline constexpr int32_t kRequestOver = -20011;        // there is no request whose head could be looked at
inline constexpr int32_t kTooManyCoroutines = -20013;  // no connection is accepted for now
inline constexpr int32_t kBodyTimeout =
    -20012;  // the client was too slow; -ETIMEDOUT is a time limit of the caller's

struct HttpServer {
  HttpServer(const http::Limits& limits, uint32_t coroutines, net::Socket* socket)
      : shared(limits), mostCoroutines(coroutines), listener(socket) {}

  http::Server shared;
  const uint32_t mostCoroutines;  // alive at once, when another connection is accepted
  net::Socket* listener;          // null once closed
  bool closing = false;
  bool background = false;  // does not keep the process alive, nor do its connections
  uint32_t connections = 0;
  uint64_t accepted = 0;
  uint64_t requests = 0;
  uint64_t shed = 0;  // of them
};

// Of thousands of connections none is in the cache when its request comes. The three lines that are needed then, these
// fields and the first ones of `connection`, are what the poller fetches ahead.
struct alignas(64) HttpConnection {
  HttpConnection(HttpServer& s, net::Socket* from) : server(s), socket(from), connection(s.shared, *from) {}

  HttpServer& server;
  net::Socket* socket;   // null once closed
  uint64_t arrival = 0;  // the request was there before this poll (of sched::Counters)
  uint32_t slot = 0;
  uint32_t calls = 0;       // under way: some coroutine is parked in them, or about to
  bool waiting = false;     // for the head of a request
  bool hasRequest = false;  // the head may be looked at
  bool over = false;        // closed while another call was under way: the last one to leave frees the record
  http::Connection connection;
};

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
  // For what goes from one memory to another before anybody else can run: never across a park.
  char scratch[2 * kSmall];
};

inline HttpConnection* connectionAt(const Info& info) {
  return Http::current->connections.at(intAt(info, 0));
}

// A call that may park. The record stays valid until it is over, whoever closes the connection meanwhile.
class HttpCall {
 public:
  explicit HttpCall(HttpConnection& c) : connection_(c) { ++c.calls; }
  ~HttpCall() {
    if (--connection_.calls == 0 && connection_.over) Http::current->connections.remove(connection_.slot);
  }
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;

 private:
  HttpConnection& connection_;
};

void defineHttpRequest(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineHttpResponse(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineHttpParse(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);

// Settles the last request and waits for the next: what describes its head in one number (the method, 16 for
// HTTP/1.1, 32 for a body, and always 64), or 0 when the connection is to be closed.
int32_t nextHead(HttpConnection& c);

}  // namespace stackful::binding
