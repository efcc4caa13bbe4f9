// A client's HTTP/2 connection: a session of nghttp2 on a socket. One coroutine calls next(), which reads; those of requests
// call what client_stream.h has.
//
//   ClientConnection connection(...);
//   connection.open();
//   for (;;) switch (connection.next()) {
//     kChanged: what room() and closing() say has changed; kSendRest: a coroutine is to call sendRest(); kOver: the end
//   }
//
// Output goes out as that of the server's connections does (connection.h): in one write behind the coroutines that are ready,
// and by a coroutine of its own when the kernel does not take it.
//
// A server that sends much and answers little is left (ENHANCE_YOUR_CALM): see FrameBudget. DATA that it was sent earns two frames,
// a request two, too. One that is silent while it has requests gets a PING after silenceMs, and as long again to answer it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../http/buffer_pool.h"
#include "../net/end_of_batch.h"
#include "../net/socket.h"
#include "client_stream.h"
#include "frame_budget.h"
#include "frame_sink.h"
#include "nghttp2.h"

namespace stackful::http2 {

struct ClientSettings {
  uint32_t streamWindow = 1024 << 10;  // bytes of a body that the server may send ahead of its reader
  uint32_t headBytes = 64 << 10;       // what is announced as the longest head
  uint32_t silenceMs = 15'000;         // see above; 0: no PINGs
  uint32_t controlFrames = 1000;       // the budget
  uint32_t controlFramesPerSecond = 100;
  bool secure = false;  // https
};

class ClientConnection : net::EndOfBatch::Task {
 public:
  enum class Event : uint8_t { kChanged, kSendRest, kOver };

  // Frames of several streams go out in one write, of TLS records that are as long as may be.
  static constexpr size_t kWireBytes = (64 << 10) - 64;
  // So large that streams whose bodies are not read hold up no other one.
  static constexpr int32_t kWindow = 1 << 30;

  // `forget` deletes the record of a stream. `wire` has buffers of kWireBytes. The socket stays the caller's.
  ClientConnection(http::BufferPool& wire, net::Socket& socket, const ClientSettings& settings,
                   void (*forget)(ClientStream&)) noexcept;
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  // To be called once, first: 0 or -ENOMEM.
  int open() noexcept;
  // Parks.
  Event next() noexcept;
  // Parks.
  void sendRest() noexcept;
  // Begins a request. `head`: as HTTP/1.1 has it, with the line of Host first. `ended`: `body` is all of the body. 0 or a code,
  // with which the stream stays the caller's.
  int request(ClientStream& stream, std::string_view head, std::string_view body, bool ended) noexcept;
  // Says goodbye, as far as that goes without a wait, and ends the streams. The socket is not used any more.
  void close() noexcept;
  // When the scheduler's coroutines, and what was put off, have been forgotten.
  void forgetTimers() noexcept;

  // How many streams the server takes at once; -1 before it has said so.
  int32_t most() const noexcept;
  // It has said that it takes no further ones.
  bool closing() const noexcept { return closing_; }
  bool closed() const noexcept { return !socket_; }
  Failure failure() const noexcept { return failure_; }
  int code() const noexcept { return code_; }
  // What nghttp2, or the server, has said about the end. Empty: nothing.
  const std::string& reason() const noexcept { return reason_; }

  uint32_t calls = 0;  // under way: some coroutine is parked in them, or about to

 private:
  friend class ClientStream;
  struct Callbacks;
  friend struct Callbacks;

  int feed(const char* data, size_t n) noexcept;
  bool fill() noexcept;
  void giveOutput() noexcept;
  void outputWaits() noexcept;
  void flushNow() noexcept;
  void fail(Failure failure, int code = 0) noexcept;
  ssize_t receive() noexcept;
  void timeIsOver() noexcept;
  int32_t wait(sched::ParkKind kind, sched::Deadline deadline) noexcept;

  void spend() noexcept;
  void addField(std::string_view name, std::string_view value) noexcept;
  void endBlock(ClientStream& stream, bool ended) noexcept;
  void received(ClientStream& stream, const void* data, size_t n) noexcept;
  void answered(ClientStream& stream) noexcept;
  void closed(ClientStream& stream, uint32_t error) noexcept;
  void endStreams() noexcept;
  ssize_t prepareData(ClientStream& stream, size_t most, uint32_t& flags) noexcept;
  int putData(ClientStream& stream, const uint8_t* frameHead, size_t n) noexcept;
  void resume(ClientStream& stream) noexcept;

  http::BufferPool& wire_;
  net::Socket* socket_;  // null once closed
  sched::Scheduler& scheduler_;
  const ClientSettings settings_;
  void (*const forget_)(ClientStream&);
  nghttp2_session* session_ = nullptr;
  ClientStream* first_ = nullptr;
  FrameBudget budget_;
  FrameSink sink_;
  char* out_ = nullptr;
  uint32_t outStart_ = 0;
  uint32_t outEnd_ = 0;
  sched::Coroutine* receiver_ = nullptr;  // in next, waiting for bytes

  // The header block that is received.
  std::string block_;
  ClientStream* blockStream_ = nullptr;  // null: of one that is ignored
  bool blockTooLarge_ = false;

  Failure failure_ = Failure::kNone;
  int code_ = 0;
  std::string reason_;
  bool heardSettings_ = false;
  bool closing_ = false;
  bool changed_ = false;
  bool flooded_ = false;
  bool pinged_ = false;       // and not a byte has come since
  bool needsSender_ = false;  // output is left that only "writable" can help
  bool sending_ = false;      // a coroutine is in sendRest
  bool busy_ = false;         // nghttp2 is at work, and must not be called
};

}  // namespace stackful::http2
