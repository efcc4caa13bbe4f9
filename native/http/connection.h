// One HTTP/1 connection on the server's side, driven by the coroutine that owns it:
//
//   http::Connection connection(server, socket);
//   while (connection.nextRequest() == http::Next::kRequest) {
//     ... target(), header(), readBody() ... respond(), or begin(), write(), finish()
//   }
//   net::close(&socket);
//
// Every function that reads or writes may park. In steady state a request costs one recv and one send.
// While it waits for a request's first byte, a connection holds no buffer.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../net/end_of_batch.h"
#include "../net/socket.h"
#include "chunked.h"
#include "idle_alarm.h"
#include "parser.h"
#include "response.h"
#include "server.h"

namespace stackful::http {

enum class Next : uint8_t {
  kRequest,
  kEnd,     // nothing more to do but close: the peer left between requests, was idle too long, or either side
            // said close
  kFailed,  // as kEnd, but not in good order: see error(). What the client should be told has been sent
};

// Results of readBody besides -errno, outside the range of errno and of sched's codes.
inline constexpr ssize_t kBodyTooLarge = -20001;   // 413
inline constexpr ssize_t kBodyMalformed = -20002;  // 400

class Connection : net::EndOfBatch::Task {
 public:
  // Both must outlive the connection. The socket stays the caller's; while the connection is in use, others
  // end it by interrupting its coroutine, not by closing the socket under it.
  Connection(Server& server, net::Socket& socket) noexcept : server_(server), socket_(socket) {
    run = sendLate;
  }
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Settles the previous request (a body nobody read is discarded or, when too long, ends the connection; a
  // request without a response gets a 500), then waits for the head of the next. A request that cannot be
  // read is answered here with the matching error (400, 408, 414, 417, 431, 501 or 505) and kFailed. Before
  // returning kEnd or kFailed with input possibly unread it lingers: the end of stream is sent and input
  // discarded for a while, because closing with unread input makes the kernel send a reset, which destroys
  // the response on its way to the client.
  Next nextRequest() noexcept;
  // After kFailed: the HTTP status of a refused request, or -errno of a transport that failed.
  int error() const noexcept { return error_; }

  // The request: valid until the next nextRequest.
  const Head& head() const noexcept { return *inputHead(); }
  Method method() const noexcept { return head().method; }
  std::string_view target() const noexcept { return head().target(); }
  // The value of the first field of that name; a null data() when there is none.
  std::string_view header(std::string_view name) const noexcept;

  // Up to `n` decoded bytes of the body; 0 at its end. Asks for the body first where the client waits to be
  // asked (Expect: 100-continue). Errors stay and close the connection after the response: -errno (-ETIMEDOUT
  // too slow, -ECONNRESET ended early), kBodyTooLarge, kBodyMalformed.
  ssize_t readBody(void* to, size_t n) noexcept;
  // All of a body of at most `most` bytes that came together with its head, valid until the next nextRequest, and taken
  // off the connection: no copy, no system call. A null data() when it has to be read the other way. Never parks.
  std::string_view takeWholeBody(size_t most) noexcept;
  // For this request only, instead of limits.bodyBytes. Before its body is read.
  void limitBody(int64_t bytes) noexcept { bodyLimit_ = bytes; }
  bool bodyDone() const noexcept { return body_ == Body::kDone; }
  // Received behind the head, and no request yet: what the other protocol begins with after an upgrade.
  std::string_view unread() const noexcept { return in_ ? std::string_view(bytes() + at_, end_ - at_) : ""; }

  // A complete response. `fields` is whole "Name: value\r\n" lines without Content-Length, Connection, Date
  // and Transfer-Encoding, which are written here. With `head` (method HEAD) the body is only announced. 0 or
  // -errno. The bytes are sent before this returns, with two exceptions. Another request may already have been received:
  // then the responses to pipelined requests go out together, at the latest when a read has to wait. Or other coroutines
  // are ready to run: then small responses go out at the end of the batch, and nextRequest tells what became of them.
  int respond(int status, std::string_view fields, const char* body, size_t n, bool head) noexcept;
  // Makes room for `n` bytes of output, sending what is queued if there is no other way. After a success, a
  // respond or write that copies (bodies up to 4 KiB) and takes no more than that does not park before it has
  // copied. -EMSGSIZE when it could never fit.
  int reserve(size_t n) noexcept;
  // Answers with errorText and closes the connection afterwards.
  int respondError(int status) noexcept;

  // A response in pieces: begin, write as often as needed, finish. `length` kChunked: of unknown length; goes
  // to HTTP/1.0 clients as is, up to the end of the connection. begin sends nothing by itself: the first
  // write does, or flush. write returns -EMSGSIZE when there is more than was announced, finish when there
  // was less.
  static constexpr int64_t kChunked = -1;
  int begin(int status, std::string_view fields, int64_t length, bool head) noexcept;
  int write(const void* data, size_t n) noexcept;
  int finish() noexcept;
  // Sends what is queued.
  int flush() noexcept;
  // For a body of known length that is sent past this class (sendFile): after flush(), says how much was.
  void wroteDirectly(int64_t bytes) noexcept {
    toWrite_ -= bytes;
    server_.bytesSent += static_cast<uint64_t>(bytes);
  }

  // Will there be another request after this response?
  bool keepAlive() const noexcept { return !closing_ && error_ == 0; }
  void forceClose() noexcept { closing_ = true; }
  // Nothing has been asked on it yet.
  bool fresh() const noexcept { return fresh_; }
  bool responded() const noexcept { return stage_ != Stage::kRequest; }
  bool holdsBuffers() const noexcept { return in_ || (out_ && !waiting()); }
  // To be called before a connection goes whose coroutine, and the scheduler's timers, have been forgotten.
  void forgetTimer() noexcept { idle_.forget(); }

 private:
  enum class Stage : uint8_t { kIdle, kRequest, kStreaming, kResponded, kOver };
  enum class Body : uint8_t { kDone, kLength, kChunked, kFailed };
  enum class Framing : uint8_t { kNone, kLength, kChunked, kUntilClose };

  // receiveFirst: nothing has come, but what was put off could not be sent without waiting. Outside the range of errno.
  static constexpr int32_t kSendFirst = -20003;

  // Input (connection_input.cc). A buffer is a Head and then bytes; the current request's head begins at
  // begin_ and ends at headEnd_, its body or the next head goes on at at_, and what was received ends at
  // end_.
  Head* inputHead() const noexcept { return reinterpret_cast<Head*>(in_); }
  char* bytes() const noexcept { return in_ + sizeof(Head); }
  size_t capacity() const noexcept { return server_.buffers.bufferBytes() - sizeof(Head); }
  bool takeInput() noexcept;
  void giveInput() noexcept;
  void moveToFront() noexcept;
  Next readHead() noexcept;
  ssize_t receiveFirst() noexcept;
  Next acceptHead(size_t length) noexcept;
  Next refuse(int status) noexcept;
  Next endOfInput(ssize_t result) noexcept;
  Next over(Next next) noexcept;
  bool onlyEmptyLines() const noexcept;
  ssize_t nextBodyBytes(const char*& data, size_t most, bool wait) noexcept;
  size_t payloadBeyondBuffer() const noexcept;
  ssize_t receiveBody(void* to, size_t n) noexcept;
  ssize_t failBody(ssize_t code) noexcept;
  bool bodyTooLarge() const noexcept;
  bool discardBody() noexcept;
  void linger() noexcept;

  // Output (connection_output.cc).
  bool takeOutput() noexcept;
  void giveOutput() noexcept;
  size_t outputRoom() const noexcept { return out_ ? server_.buffers.bufferBytes() - queued_ : 0; }
  void decideClosing() noexcept;
  int queueHead(const ResponseHead& head) noexcept;
  int queue(std::string_view text) noexcept;
  int send(const iovec* parts, int count, size_t total) noexcept;
  ssize_t sendRest(const iovec* parts, int count, size_t sent, size_t total) noexcept;
  int sendQueuedAnd(const void* data, size_t n, std::string_view tail) noexcept;
  bool mayPutOff() const noexcept;
  int sendSoon() noexcept;
  static void sendLate(net::EndOfBatch::Task* task) noexcept;
  int settleOutput() noexcept;
  bool anotherMayBeBuffered() const noexcept;
  ResponseHead responseHead(int status, std::string_view fields) noexcept;

  // What every request touches comes first, and idle_'s end is that of a cache line: see HttpConnection.
  Server& server_;
  net::Socket& socket_;
  char* in_ = nullptr;
  char* out_ = nullptr;
  uint32_t begin_ = 0;
  uint32_t headEnd_ = 0;
  uint32_t at_ = 0;
  uint32_t end_ = 0;
  uint32_t queued_ = 0;  // bytes in out_
  int32_t error_ = 0;
  Stage stage_ = Stage::kIdle;
  Body body_ = Body::kDone;
  Framing framing_ = Framing::kNone;
  bool closing_ = false;
  bool fresh_ = true;             // without a request so far
  bool continuePending_ = false;  // the client may be waiting for "100 Continue"
  IdleAlarm idle_;

  int64_t bodyLeft_ = 0;  // Body::kLength
  int64_t bodyRead_ = 0;  // decoded so far
  int64_t bodyLimit_ = 0;
  int64_t bodyPatience_ = 0;  // ns
  net::Deadline bodyEnd_ = 0;
  ssize_t bodyError_ = 0;  // Body::kFailed
  int64_t toWrite_ = 0;    // Framing::kLength
  ChunkedDecoder decoder_;
};

}  // namespace stackful::http
