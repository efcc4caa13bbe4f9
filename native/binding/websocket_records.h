// The WebSockets of one environment, which JavaScript knows by number, and the carriers of their bytes.
#pragma once

#include <sys/random.h>

#include <cstdlib>

#include "../http/idle_alarm.h"
#include "../websocket/reader.h"
#include "http_records.h"
#include "net.h"
#include "numbered.h"

namespace stackful::binding {

// A message's memory, which the caller has until it asks for the next one: then its ArrayBuffer is detached, and what is not held
// otherwise (by a call that sends it, or an ArrayBuffer to which the caller has transferred it) goes to the next message.
//
//   none -> lent   JavaScript gets a message
//   lent -> none   end(): a coroutine asks for the next one
//   lent -> none   the record goes: the message is the caller's for good
class Loan {
 public:
  void begin(v8::Isolate* isolate, v8::Local<v8::Value> message) {
    lent_.Reset(isolate, message.As<v8::ArrayBufferView>()->Buffer());
  }
  void end(v8::Isolate* isolate) {
    if (lent_.IsEmpty()) return;
    v8::HandleScope scope(isolate);
    const v8::Local<v8::ArrayBuffer> memory = lent_.Get(isolate);
    lent_.Reset();
    if (!memory->WasDetached() && memory->IsDetachable()) memory->Detach({}).Check();
  }

 private:
  v8::Global<v8::ArrayBuffer> lent_;
};

// What has been received of one WebSocket.
struct Record {
  Record(const websocket::Reader::Terms& terms, bool lends) : reader(terms), lends(lends) {}

  websocket::Reader reader;
  http::IdleAlarm alarm;  // of a wait for the next bytes of a socket
  Loan loan;
  uint32_t slot = 0;
  const bool lends;        // messages of memory of their own, see Loan
  bool receiving = false;  // a coroutine is in wsReceive
  bool closed = false;     // then the end of that call frees the record
};

// Keys for masks: so few bytes each that a system call for every one would be most of its cost.
class Keys {
 public:
  uint32_t next() noexcept {
    if (left_ == 0) {
      // Never interrupted nor short for so few bytes, once the system's generator is ready.
      if (getrandom(keys_, sizeof keys_, 0) != sizeof keys_) abort();
      left_ = kKeys;
    }
    return keys_[--left_];
  }

 private:
  static constexpr size_t kKeys = 64;
  uint32_t keys_[kKeys];
  size_t left_ = 0;
};

struct WebSockets {
  static thread_local WebSockets* current;
  Numbered<Record> records;
  Keys keys;
};

inline Record* recordAt(const Info& info) {
  return WebSockets::current ? WebSockets::current->records.at(intAt(info, 0)) : nullptr;
}

// What carries a WebSocket is a number: that of a socket of net, or of a stream of HTTP/2. Null when it is of the other kind, or
// gone.
inline net::Socket* socketOf(int32_t carrier) {
  return carrier < Http::kStream && Net::current ? Net::current->sockets.at(carrier) : nullptr;
}
inline http2::Stream* streamOf(int32_t carrier) {
  return carrier >= Http::kStream && Http::current ? Http::current->streams.at(carrier - Http::kStream)
                                                   : nullptr;
}

void defineWebSocketSending(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);

}  // namespace stackful::binding
