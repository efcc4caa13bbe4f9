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
//
// Its life is its Stage. Each row says what may be called, what ends the wait of it, and where that leads:
//
//   kFresh      no request so far: nextRequest waits for its    a whole head -> kRequest
//               first byte (firstByteMs), then its head         one that is refused (answered here), the end of the stream,
//               (headMs)                                        no time left -> kOver; HTTP/2's preface, then leave -> kOver
//   kIdle       the same for a further request (idleMs); the    as kFresh
//               last response may still be put off
//   kRequest    the handler has it: readBody                    respond, respondError -> kResponded
//                                                               begin -> kStreaming
//                                                               nextRequest -> a response of 500 and kSettling
//   kStreaming  a response in pieces: readBody, write, flush,   finish -> kResponded
//               sendFile                                        nextRequest -> kOver: half a response cannot be completed
//   kResponded  the response is sent, put off, or waits for     nextRequest -> kSettling
//               the next one: readBody
//   kSettling   nextRequest discards what is left of the body   done -> kIdle
//                                                               closing_ -> the queue is sent, it lingers, kOver
//   kOver       nextRequest says kEnd or kFailed                none
//
// From kFresh and kRequest, leave leads to kOver, too: another protocol has the socket then.
//
// From any stage an error of the transport (fail) leads to kOver at the next call of nextRequest; other calls return it.
//
// Two machines run inside a stage. Body: what of the request's body is still to come, from the head on until kDone; kFailed
// is final and sets closing_. Framing: how the body of a response is sent, during kStreaming.
//
// Beside the stage stands what is independent of it:
//
//   closing_          No request after this one. Either side decides it, in any stage, and it never goes back.
//   error_            What has failed; sets closing_. A number, because the caller wants it.
//   continuePending_  The client may wait for "100 Continue": a property of the body whatever its framing, until a byte of it
//                     is there, it is asked for, or a response makes that needless.
//   in_, out_         The buffers that are lent: null in most of kFresh and kIdle. out_ also counts as null to the outside
//                     (holdsBuffers) while its sending is put off.
//   waiting()         Sending is put off to the end of the batch, which may come in any stage from kResponded to the next
//                     kRequest.
//   watch_.waiting()  The client is still to be watched, should the request outlast the batch.
//   departure_        The client has left: see departure.h. Made in kRequest or kStreaming, and kept until kOver.
//   idle_             An alarm that outlives its waits: see idle_alarm.h. It has a waiter in kFresh and kIdle only.
//
// A write that does not fit at once has a SendPatience (send_patience.h), which lives as long as that call.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../net/end_of_batch.h"
#include "../net/socket.h"
#include "chunked.h"
#include "departure.h"
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
  kHttp2,   // the first bytes are HTTP/2's preface: they are unread(), and leave() is what follows
};

class Connection : net::EndOfBatch::Task {
 public:
  // Both must outlive the connection. The socket stays the caller's; while the connection is in use, others
  // end it by interrupting its coroutine, not by closing the socket under it.
  Connection(Server& server, net::Socket& socket) noexcept : server_(server), socket_(socket), watch_(*this) {
    run = sendLate;
  }
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Settles the previous request (an unread body is discarded or, when too long, ends the connection; a
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
  // Received behind the head, and no request yet: what the other protocol begins with after an upgrade.
  std::string_view unread() const noexcept { return in_ ? std::string_view(bytes() + at_, end_ - at_) : ""; }

  // Another protocol is to have the socket from now on: before the first request, or instead of a response to a request whose body
  // is read. Sends what is queued, and may park. 0: unread() is the other protocol's, and leave() is next; or a code.
  int makeWay() noexcept;
  // After makeWay. The connection is over, and has nothing more to do with the socket.
  void leave() noexcept;

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
  // A 103 before the response (RFC 8297), sent at once; nothing to HTTP/1.0 clients, which know no such responses. `fields` as
  // in respond. 0 or -errno.
  int earlyHints(std::string_view fields) noexcept;
  // Answers with errorText and closes the connection afterwards.
  int respondError(int status) noexcept;

  // A response in pieces: begin, write as often as needed, finish. `length` kChunked: of unknown length; goes
  // to HTTP/1.0 clients as is, up to the end of the connection. begin sends nothing by itself: the first
  // write does, or flush. write returns -EMSGSIZE when there is more than was announced, finish when there
  // was less.
  static constexpr int64_t kChunked = -1;
  int begin(int status, std::string_view fields, int64_t length, bool head) noexcept;
  int write(const void* data, size_t n) noexcept;
  // `trailers`: whole lines, which go out where the response is chunked.
  int finish(std::string_view trailers = {}) noexcept;
  // Writes the bytes of file[offset, offset + length), or what there is of them: when the file has become shorter, finish
  // says so. Only in a response of known length. `cachedFrom(context, at)` brings the file into the page cache: how many bytes
  // from `at` on, which it has said to be there up to, can be sent without waiting for a disk; or a code. May park.
  using CachedFrom = int64_t (*)(void* context, int64_t at);
  int sendFile(int file, int64_t offset, int64_t length, CachedFrom cachedFrom, void* context) noexcept;
  // Sends what is queued.
  int flush() noexcept;

  // Will there be another request after this response?
  bool keepAlive() const noexcept { return !closing_; }
  void forceClose() noexcept { closing_ = true; }
  // Nothing has been asked on it yet.
  bool fresh() const noexcept { return stage_ == Stage::kFresh; }
  // Between nextRequest's kRequest and the call of the next: head() and the like are valid.
  bool hasRequest() const noexcept { return stage_ >= Stage::kRequest && stage_ <= Stage::kResponded; }
  // A coroutine waits in nextRequest for a request of which nothing has come.
  bool idle() const noexcept { return idle_.waiter() && !holdsBuffers(); }
  bool holdsBuffers() const noexcept { return in_ || (out_ && !waiting()); }
  net::Socket& socket() const noexcept { return socket_; }
  // One coroutine may read the body while another one sends the response: where one of them waits for the kernel, the other
  // may begin a call. How many calls are in such a wait and do not stand in the way of one that writes, or that reads.
  uint32_t besideWriter() const noexcept { return receiving_ && !sending_; }
  uint32_t besideReader() const noexcept { return sending_ && !receiving_; }

  // As far as every request goes; see HttpConnection.
  static constexpr size_t hotBytes() noexcept {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
    return offsetof(Connection, idle_) + sizeof(IdleAlarm);
#pragma GCC diagnostic pop
  }

  // To be called by Poller::tellHangUps' hook.
  void hungUp() noexcept;
  // Nothing is told of its client any more: before its socket is closed.
  void forgetClient() noexcept;
  // To be called before a connection goes whose coroutine, and the scheduler's timers, have been forgotten.
  void forgetTimers() noexcept;

 private:
  // The order matters to hasRequest.
  enum class Stage : uint8_t { kFresh, kIdle, kRequest, kStreaming, kResponded, kSettling, kOver };
  enum class Body : uint8_t { kDone, kLength, kChunked, kFailed };
  enum class Framing : uint8_t { kNone, kLength, kChunked, kUntilClose };

  // Why a call that belongs to `stage` cannot be made now, or 0.
  int refusalOutside(Stage stage) const noexcept {
    if (error_ != 0) [[unlikely]]
      return error_ < 0 ? error_ : -EPIPE;
    return stage_ == stage ? 0 : -EALREADY;
  }
  int fail(int error) noexcept {
    closing_ = true;
    return error_ = error;
  }

  // Input (connection_input.cc). A buffer is a Head and then bytes; the current request's head begins at
  // begin_ and ends at headEnd_, its body or the next head goes on at at_, and what was received ends at
  // end_.
  Head* inputHead() const noexcept {
    return reinterpret_cast<Head*>(in_);
  }
  char* bytes() const noexcept {
    return in_ + sizeof(Head);
  }
  size_t capacity() const noexcept {
    return server_.buffers.bufferBytes() - sizeof(Head);
  }
  bool takeInput() noexcept;
  void giveInput() noexcept;
  void moveToFront() noexcept;
  Next readHead() noexcept;
  ssize_t receiveFirst() noexcept;
  Next acceptHead(size_t length) noexcept;
  Next refuse(int status) noexcept;
  bool isHttp2() const noexcept;
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

  // The client (connection_client.cc).
  struct Watch : net::EndOfBatch::Task {
    explicit Watch(Connection& c) noexcept : connection(c) { run = watchLate; }
    Connection& connection;
  };
  bool underWay() const noexcept {
    return stage_ == Stage::kRequest || stage_ == Stage::kStreaming;
  }
  void watchClient() noexcept;
  static void watchLate(net::EndOfBatch::Task* task) noexcept;
  void clientLeft() noexcept;
  void giveTime() noexcept;
  static void timeIsOver(sched::Timer* timer) noexcept;

  // Output (connection_output.cc, connection_file.cc).
  bool takeOutput() noexcept;
  void giveOutput() noexcept;
  size_t outputRoom() const noexcept {
    return out_ ? server_.buffers.bufferBytes() - queued_ : 0;
  }
  void decideClosing() noexcept;
  int sendError(int status) noexcept;
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

  // What every request touches comes first, up to idle_: see HttpConnection.
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
  Stage stage_ = Stage::kFresh;
  Body body_ = Body::kDone;
  Framing framing_ = Framing::kNone;
  bool closing_ = false;
  bool continuePending_ = false;  // the client may be waiting for "100 Continue"
  uint16_t moves_ = 0;  // how often bytes of bodies and responses have gone one way or the other; wraps
  IdleAlarm idle_;

  int64_t bodyLeft_ = 0;  // Body::kLength
  int64_t bodyRead_ = 0;  // decoded so far
  int64_t bodyLimit_ = 0;
  int64_t bodyPatience_ = 0;  // ns
  net::Deadline bodyEnd_ = 0;
  ssize_t bodyError_ = 0;  // Body::kFailed
  int64_t toWrite_ = 0;    // Framing::kLength
  ChunkedDecoder decoder_;
  bool receiving_ = false;  // a coroutine waits in receiveBody for the client
  bool sending_ = false;    // a coroutine waits in send: what is queued is its to send
  Departure* departure_ = nullptr;
  Watch watch_;
};

}  // namespace stackful::http
