// One stream of an HTTP/2 connection: a request and its response, handled by a coroutine of its own.
//
// Its life is its Stage, and beside it stands `session`, which is null once the stream is over: both sides have ended it, one
// has reset it, or the connection is gone. home_ is null when the session itself is gone.
//
//   kHead       its header block is being received             complete -> kWaiting
//                                                              refused: answered here -> kResponded
//   kWaiting    in the session's queue of new streams          Session::takeNew -> kRequest
//   kRequest    the handler has it: readBody                   respond -> kResponded; begin -> kStreaming
//   kStreaming  a response in pieces: readBody, write,         finish -> kResponded
//               sendFile
//   kResponded  the response is queued as a whole: readBody    none
//
// A stream of extended CONNECT may become a tunnel (tunnel.cc): kStreaming, and kResponded once this side has ended, while the client's
// bytes still come. Then the limits for bodies and responses do not hold, because nobody waits for an end.
//
// From any stage: the client resets it, or the connection ends -> over (and `left` before kResponded, which is told to the
// handler's side by Session::takeLeft); release() before kResponded resets it.
//
// The record goes when it is over, nothing in JavaScript will name it again (released_), and no call is in it (calls).
//
// The body waits in body_ until the handler reads it; what is read is given back to the client's window, so that body_ never
// has more than one window. The response waits in out_, at most kMostQueued of it, until the client's windows and the
// connection's turn let it go; write() parks while there is no room.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../http/parser.h"
#include "../net/waiter.h"
#include "../sched/scheduler.h"
#include "byte_queue.h"
#include "nghttp2.h"

namespace stackful::http2 {

class Session;

class Stream {
 public:
  enum class Stage : uint8_t { kHead, kWaiting, kRequest, kStreaming, kResponded };
  // Of a response, waiting to be sent.
  static constexpr size_t kMostQueued = 64 << 10;
  static constexpr int64_t kNoLength = -1;

  Stream(Session& s, int32_t streamId) noexcept : session(&s), id(streamId), home_(&s) {}
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  bool hasRequest() const noexcept { return stage == Stage::kRequest || stage == Stage::kStreaming; }
  bool mayRead() const noexcept { return head_ != nullptr && stage != Stage::kHead; }
  const http::Head& head() const noexcept { return *head_; }
  bool isHead() const noexcept { return head_->method == http::Method::kHead; }

  // As those of http::Connection; kConnectionBusy while another coroutine is in the same call.
  ssize_t readBody(void* to, size_t n) noexcept;
  // All of a body of at most `most` bytes that has arrived; a null data() when it has to be read the other way. To be consumed.
  std::string_view wholeBody(size_t most) const noexcept;
  // The handler has taken so much: the client may send as much more.
  void consume(size_t n) noexcept;
  void limitBody(int64_t bytes) noexcept { bodyLimit_ = bytes; }
  // Those behind the body, as `name: value` lines: complete once readBody has returned 0.
  const std::string& trailers() const noexcept { return trailers_; }

  // Whether so much can be queued without a wait.
  bool hasRoom(size_t n) const noexcept {
    return !writing_ && n <= kMostQueued && out_.size() <= kMostQueued - n;
  }
  // A whole response. `fields` as in http::Connection; those that HTTP/2 forbids are left out. 0 or a code. Parks if the
  // body does not fit in the queue.
  int respond(int status, std::string_view fields, const char* body, size_t n) noexcept;
  int begin(int status, std::string_view fields, int64_t length) noexcept;
  int write(const void* data, size_t n) noexcept;
  int finish(std::string_view trailers) noexcept;
  using CachedFrom = int64_t (*)(void* context, int64_t at);
  int sendFile(int file, int64_t offset, int64_t length, CachedFrom cachedFrom, void* context) noexcept;
  // A response of status 1xx before the real one.
  int inform(int status, std::string_view fields) noexcept;

  // A request of extended CONNECT, which asks for a WebSocket.
  bool connects() const noexcept { return connects_; }
  // Answers it with 200; bytes go both ways from then on. The other calls are for a tunnel. 0 or a code.
  int openTunnel(std::string_view fields) noexcept;
  // Waits for bytes, and returns how many there are; 0: the client has ended its side. -ETIMEDOUT past the deadline, -ECONNRESET when
  // the stream is over. Parks.
  ssize_t awaitBytes(sched::Deadline deadline) noexcept;
  // Those bytes, to be consumed.
  std::string_view bytesThere() const noexcept { return {body_.data(), body_.size()}; }
  // All of them with their memory, which is the caller's to free. They are consumed.
  char* takeBytes() noexcept;
  // Sends all of it, whole among what other coroutines send. When it is given up in the middle nothing can be sent any more
  // (kSocketBroken). `more`: another call follows in this turn, so it may wait for the end of the batch. 0 or a code. Parks.
  int send(const iovec* parts, int count, bool more = false) noexcept;
  // The same if it can be queued at once; else 1, and nothing of it is. Never parks.
  int trySend(const void* data, size_t n) noexcept;
  // Behind what is being sent. Parks.
  int endTunnel() noexcept;
  // Ends both sides; calls that are parked end. What endTunnel has let through still goes out.
  void closeTunnel() noexcept;
  size_t queued() const noexcept { return out_.size(); }

  // Ends it both ways. Does nothing when it is over.
  void reset(uint32_t error) noexcept;
  // Nothing in JavaScript will name it again. True when the caller has to delete it, or has to when no call is in it any more.
  bool release(uint32_t error = kInternalError) noexcept;
  bool released() const noexcept { return released_; }

  Session* session;
  const int32_t id;
  int32_t number = -1;   // JavaScript's
  uint32_t calls = 0;    // under way: some coroutine is parked in them, or about to
  uint64_t arrival = 0;  // the request was there before this poll (of sched::Counters)
  Stage stage = Stage::kHead;
  bool left = false;  // the client has reset it, or is gone, before the response was complete

 private:
  friend class Session;

  int refusalOutside(Stage wanted) const noexcept;
  int queueBody(const void* data, size_t n) noexcept;
  int waitForRoom() noexcept;
  int complete() noexcept;
  void setHead(const http::Head& parsed, bool ended) noexcept;
  bool bodyTooLarge() const noexcept;
  // Bytes of the client are wanted also when this side has ended.
  bool mayHalfClose() const noexcept { return tunnel_ && !closed_; }
  int refusalToSend() const noexcept;
  ssize_t readTunnel(void* to, size_t n) noexcept;
  int takeTurn() noexcept;
  void passTurn() noexcept;
  int queueInTunnel(const char* at, size_t n, bool& begun) noexcept;
  void end() noexcept;
  void link(Stream*& list) noexcept;
  void unlink(Stream*& list) noexcept;

  Session* home_;
  Stream* next_ =
      nullptr;  // of the session: of those that are under way, or of those that are over and not released
  Stream* prev_ = nullptr;
  Stream* nextInQueue_ = nullptr;  // of new ones, or of those that have left
  http::Head* head_ = nullptr;     // as long as it has fields, and its text behind it
  sched::Coroutine* reader_ = nullptr;
  sched::Coroutine* writer_ = nullptr;
  net::WaiterList turns_;  // of a tunnel: who sends next, while writing_

  ByteQueue body_;
  int64_t bodyRead_ = 0;      // by the handler
  int64_t bodyReceived_ = 0;  // so far
  int64_t bodyLimit_ = 0;
  int64_t bodyPatience_ = 0;  // ns
  sched::Deadline bodyEnd_ = 0;
  ssize_t bodyError_ = 0;
  std::string trailers_;

  ByteQueue out_;
  std::string trailersOut_;
  int64_t toWrite_ = 0;  // of a response of known length; kNoLength of another
  uint64_t taken_ = 0;   // bytes of the response that have gone out
  uint64_t takenAtSweep_ = 0;
  bool bodyEnded_ = false;
  bool bodiless_ = false;  // no body is sent: HEAD, 204, 304
  bool outEnded_ = false;  // nothing comes behind what is in out_
  bool deferred_ = false;  // nghttp2 waits to be told that there is something in out_
  bool continuePending_ = false;
  bool swept_ = false;  // takenAtSweep_ is set
  bool released_ = false;
  bool endSent_ = false;
  bool connects_ = false;
  bool tunnel_ = false;
  bool closed_ = false;   // closeTunnel
  bool writing_ = false;  // a coroutine has its turn to send
  bool broken_ = false;   // ... and has given up in the middle
};

}  // namespace stackful::http2
