// One stream of a client's HTTP/2 connection: a request and its answer.
//
// Its life, beside which stands `connection`, null once the stream is over:
//
//   under way   the request goes out, the answer comes in      the server ends its side -> kComplete
//                                                               a RST_STREAM of the server -> kReset, or kUnprocessed
//                                                               a GOAWAY that leaves it out -> kUnprocessed
//                                                               a malformed answer -> kMalformed, kHeadTooLarge
//                                                               the connection is gone -> kConnection
//   ended       what has arrived can still be read; with kComplete the request may still be on its way
//
// The record goes when it is over, JavaScript has release()d it, and no call is in it.
//
// The answer comes to its reader as bytes of HTTP/1.1: heads as those have them, whatever number of 1xx ones first, and then
// the body. So one parser judges the heads of both versions. What is read is given back to the server's window: the body that
// waits never has more than one window.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "../sched/scheduler.h"
#include "byte_queue.h"

namespace stackful::http2 {

class ClientConnection;

// Why a connection can be used no longer.
enum class Failure : uint8_t {
  kNone,
  kEnded,     // the server, or this side, has ended it
  kProtocol,  // the server has broken HTTP/2
  kFlood,     // it has sent too many frames that are part of no answer
  kSilent,    // it does not answer a PING
  kSystem,    // a call of the system, or TLS
};

class ClientStream {
 public:
  // lib/http/client/http2/fate.ts repeats the numbers.
  enum class End : uint8_t { kNone, kComplete, kReset, kMalformed, kUnprocessed, kHeadTooLarge, kConnection };
  // Of a request's body, waiting to be sent.
  static constexpr size_t kMostQueued = 64 << 10;

  ClientStream(ClientConnection& c, size_t mostHeadBytes) noexcept
      : connection(&c), mostHeadBytes_(mostHeadBytes) {}
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;

  // Waits until there is something in heads() or body(): 1. 0: the answer is complete, and was read. -EPIPE: it has ended
  // otherwise, see end(). Parks.
  int32_t await(sched::Deadline deadline) noexcept;
  // Complete heads.
  ByteQueue& heads() noexcept { return heads_; }
  ByteQueue& body() noexcept { return body_; }
  // So much of the body was taken out: the server may send as much more.
  void consumed(size_t n) noexcept;
  // All of the answer has arrived.
  bool complete() const noexcept { return end_ == End::kComplete; }
  // Those behind the body, as `name: value` lines; complete with the answer.
  const std::string& trailers() const noexcept { return trailers_; }

  // More of the request's body. 0 or a code: -EPIPE when the server wants no more of it. Parks while there is no room.
  int write(const char* data, size_t n) noexcept;
  // The request is whole. `trailers`: lines that go behind it.
  int finish(std::string_view trailers) noexcept;
  // Whether so much can be queued without a wait.
  bool hasRoom(size_t n) const noexcept { return n <= kMostQueued && out_.size() <= kMostQueued - n; }

  // Ends it both ways, if it is under way. Does nothing else.
  void reset(uint32_t error) noexcept;
  // JavaScript will not name it again: what is under way is cancelled. True when the caller has to delete it.
  bool release() noexcept;
  bool released() const noexcept { return released_; }

  End end() const noexcept { return end_; }
  uint32_t error() const noexcept { return error_; }
  Failure failure() const noexcept { return failure_; }
  int code() const noexcept { return code_; }

  ClientConnection* connection;
  int32_t id = 0;
  int32_t number = -1;  // JavaScript's
  uint32_t calls = 0;   // under way: some coroutine is parked in them, or about to

 private:
  friend class ClientConnection;

  void over(End end, uint32_t error) noexcept;
  void wakeAll() noexcept;

  const size_t mostHeadBytes_;
  ClientStream* next_ = nullptr;  // of the connection
  ClientStream* prev_ = nullptr;
  sched::Coroutine* reader_ = nullptr;
  sched::Coroutine* writer_ = nullptr;
  ByteQueue heads_;
  ByteQueue body_;
  std::string trailers_;
  ByteQueue out_;
  std::string trailersOut_;
  End end_ = End::kNone;
  Failure failure_ = Failure::kNone;  // of the connection, with kConnection
  int code_ = 0;                      // the same: a system error
  uint32_t error_ = 0;                // of HTTP/2
  int64_t announced_ = -1;            // its Content-Length
  int64_t received_ = 0;              // bytes of its body
  bool finalHead_ = false;            // the head that is no informational one is there
  bool outEnded_ = false;             // nothing comes behind what is in out_
  bool deferred_ = false;             // nghttp2 waits to be told that there is something in out_
  bool resetByPeer_ = false;
  bool released_ = false;
};

}  // namespace stackful::http2
