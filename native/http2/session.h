// The server's side of HTTP/2 over nghttp2, which frames, orders and validates: bytes in, streams and bytes out. It knows no
// socket; connection.h feeds it and sends what it has.
//
// The states of a session, and what leads on:
//
//   open       frames are read, streams begin                   shutDown -> closing; a violation -> failed
//   closing    streams under way go on, no others begin         the last has ended -> over; a violation -> failed
//   failed     a GOAWAY that says why is to be sent             it is sent -> over
//   over       !wantsRead() and !wantsWrite()
//
// A client that costs much and asks little is sent away (ENHANCE_YOUR_CALM) when its budget is spent: every frame that is not
// part of a request or a response costs one (PING, SETTINGS, PRIORITY, RST_STREAM, WINDOW_UPDATE, empty DATA, what is invalid).
// Frames of unknown types cost us no more than the reading of their bytes.
// The budget is refilled with time, and by DATA that was sent, each of which earns two WINDOW_UPDATEs. nghttp2 itself bounds
// the CONTINUATIONs of a header block, the entries of a SETTINGS and the answers that wait to be sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../http/buffer_pool.h"
#include "../http/server.h"
#include "frame_budget.h"
#include "frame_sink.h"
#include "nghttp2.h"
#include "stream.h"

namespace stackful::http2 {

struct Settings {
  uint32_t maxConcurrentStreams = 100;
  uint32_t streamWindow = 128 << 10;       // bytes of a body that a client may send ahead of its reader
  uint32_t connectionWindow = 1024 << 10;  // the same for all bodies of a connection
  uint32_t controlFrames = 1000;           // the budget; see above
  uint32_t controlFramesPerSecond = 100;   // by how much it is refilled
};

// What all connections of a server have in common, besides http::Server.
struct Shared {
  Shared(http::Server& s, const Settings& given) noexcept
      : server(s), settings(given), heads(sizeof(http::Head) + headRoom()) {}

  // A request's line has its parts twice while it is put together.
  size_t headRoom() const noexcept { return 2 * size_t{server.limits.head.headBytes} + 4096; }

  // Frames of several streams go out in one write, of TLS records that are as long as may be.
  static constexpr size_t kWireBytes = (64 << 10) - 64;

  http::Server& server;
  const Settings settings;
  http::BufferPool heads;
  http::BufferPool wire{kWireBytes};
};

class Session {
 public:
  Session(Shared& shared, sched::Scheduler& scheduler) noexcept : shared_(shared), scheduler_(scheduler) {}
  virtual ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // To be called once, first: 0 or -ENOMEM.
  int open() noexcept;
  // 0, or a negative number when the session has failed without a GOAWAY to send.
  int receive(const void* data, size_t n) noexcept;
  // Puts frames into [to, to + room), which has to be at least kLeastRoom; returns their bytes. When that is 0 there are none
  // for now.
  static constexpr size_t kLeastRoom = FrameSink::kLeastRoom;
  size_t produce(char* to, size_t room) noexcept { return sink_.fill(session_, to, room); }
  bool wantsRead() const noexcept { return nghttp2_session_want_read(session_) != 0; }
  bool wantsWrite() const noexcept { return nghttp2_session_want_write(session_) != 0; }

  // A stream whose request has arrived; each is given once, and then release()d. nullptr when there is none.
  Stream* takeNew() noexcept;
  // A stream given before whose client has left it before its response was complete. nullptr when there is none.
  Stream* takeLeft() noexcept;
  // Accepts no more streams: `finally` also says which was the last. Before that, requests on their way are still answered.
  void shutDown(bool finally) noexcept;
  // The connection is gone: ends every stream.
  void endStreams() noexcept;
  // Those that wait for a stream are no more.
  void forgetCoroutines() noexcept;
  // Resets those whose response is complete and of which the client has taken next to nothing since the last time. To be called
  // every limits.sendMs while there are any.
  void sweep() noexcept;

  bool hasStreams() const noexcept { return first_ != nullptr; }
  // Responses that no handler waits for are still to be sent.
  bool drains() const noexcept { return draining_ > 0; }
  bool inHeaderBlock() const noexcept { return headBytes_ != nullptr; }
  bool heardRequests() const noexcept { return heardRequests_; }
  Shared& shared() const noexcept { return shared_; }

 protected:
  // There is something to send.
  virtual void outputWaits() noexcept = 0;
  // The running coroutine waits for something that happens on this session.
  virtual int32_t wait(sched::ParkKind kind, sched::Deadline deadline) noexcept = 0;
  // The record of a stream goes.
  virtual void forget(Stream& stream) noexcept = 0;

  Shared& shared_;
  sched::Scheduler& scheduler_;
  uint64_t arrival_ = 0;      // of the bytes that are received: see Stream::arrival
  bool moreFollows_ = false;  // what waits to be sent may wait for the end of the batch

 private:
  friend class Stream;
  struct Callbacks;
  friend struct Callbacks;

  struct Queue {
    Stream* first = nullptr;
    Stream* last = nullptr;
    void push(Stream& s) noexcept;
    Stream* pop() noexcept;
    void remove(Stream& s) noexcept;
  };

  // A header block under way (session_head.cc).
  void beginHead(int32_t id) noexcept;
  void addField(std::string_view name, std::string_view value) noexcept;
  void addPseudo(std::string_view name, std::string_view value) noexcept;
  bool putHead(std::string_view text) noexcept;
  void putRequestLine() noexcept;
  void endHead(Stream& stream, bool ended) noexcept;
  void giveHead() noexcept;

  void spend() noexcept;
  void received(Stream& stream, const void* data, size_t n) noexcept;
  void bodyEnded(Stream& stream) noexcept;
  void closed(Stream& stream, uint32_t error) noexcept;
  int submit(Stream& stream, int status, std::string_view fields, int64_t length, bool body) noexcept;
  void resume(Stream& stream) noexcept;
  void responded(Stream& stream) noexcept;
  ssize_t prepareData(Stream& stream, size_t most, uint32_t& flags) noexcept;
  int putData(Stream& stream, const uint8_t* frameHead, size_t n) noexcept;

  nghttp2_session* session_ = nullptr;
  Stream* first_ = nullptr;  // all that are not over
  Stream* gone_ = nullptr;   // those that are, and have not been released
  Queue new_;
  Queue left_;
  uint32_t handlers_ = 0;  // streams that are not kResponded, whether they are over or not
  uint32_t draining_ = 0;  // streams that are kResponded and not over
  FrameBudget budget_;
  bool heardRequests_ = false;
  bool noticed_ = false;   // shutDown was called
  bool finished_ = false;  // ... with `finally`

  FrameSink sink_;

  // While a header block is received: a Head, behind it the pseudo-fields' values, and then the text of a request as HTTP/1.1
  // has it, which is read as those are, so that the rules and limits are the same.
  char* headBytes_ = nullptr;
  Stream* headStream_ = nullptr;  // null: of trailers, or of one that is ignored
  size_t headFill_ = 0;
  size_t textAt_ = 0;   // 0: there is no request line yet
  int headStatus_ = 0;  // other than 0: refused
  bool trailersUnderWay_ = false;
  struct Slice {
    uint32_t at = 0, length = 0;
    bool given = false;
  } method_, path_, authority_, protocol_;
};

}  // namespace stackful::http2
