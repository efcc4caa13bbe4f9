// An HTTP/2 connection on the server's side: a Session on a socket. The coroutine that owns it calls next(), which reads, and
// starts another for each stream that it is given; theirs are the calls of stream.h.
//
//   Connection connection(shared, socket);
//   connection.start(received);
//   for (;;) switch (connection.next(stream)) {
//     kRequest, kLeft: `stream`; kSendRest: a coroutine is to call sendRest(); kOver: the end
//   }
//
// What is to be sent waits in the session until the coroutines that are ready have had their turns (outputWaits), and goes out in
// one write: the answers of a batch are one system call. Nothing parks for it as long as the kernel takes it. What it does not
// take is left to a coroutine of its own, in sendRest(), so that reading goes on: a client that sends before it reads would stop
// both sides otherwise. It ends when all is out, or the connection when its client has been too slow (limits.sendMs).
//
// Beside the states of the session:
//
//   error_       the transport has failed, or the client has broken the protocol beyond a GOAWAY: next says kOver
//   ended_       the client has sent the end of its stream: nothing is read any more
//   needsSender_ output is left that only "writable" can help: next says kSendRest, and sending_ is set
//   sending_     a coroutine is in sendRest
//   busy_        nghttp2 is at work, and must not be called
//
// A connection that is idle holds no buffers.
#pragma once

#include "../http/idle_alarm.h"
#include "../net/end_of_batch.h"
#include "../net/socket.h"
#include "session.h"

namespace stackful::http2 {

class Connection : public Session, net::EndOfBatch::Task {
 public:
  enum class Event : uint8_t { kRequest, kLeft, kSendRest, kOver };

  // `forget` deletes the record of a stream. The socket stays the caller's.
  Connection(Shared& shared, net::Socket& socket, void (*forget)(Stream&)) noexcept;
  ~Connection() override;

  // `received`: what has come already. 0 or a negative number.
  int start(std::string_view received) noexcept;
  // Parks.
  Event next(Stream*& stream) noexcept;
  // Parks.
  void sendRest() noexcept;
  // No more streams. `finally`: it may be called before without, so that requests on their way are still answered.
  void close(bool finally) noexcept;
  // When the scheduler's timers and coroutines, and what was put off, have been forgotten.
  void forgetTimers() noexcept;

 protected:
  void outputWaits() noexcept override;
  int32_t wait(sched::ParkKind kind, sched::Deadline deadline) noexcept override;
  void forget(Stream& stream) noexcept override { forget_(stream); }

 private:
  int feed(const char* data, size_t n) noexcept;
  bool fill() noexcept;
  void giveOutput() noexcept;
  void flushNow() noexcept;
  void fail(int error) noexcept;
  void wakeReceiver() noexcept;
  sched::Deadline deadline() noexcept;
  void setAlarm() noexcept;
  ssize_t receive() noexcept;
  void timeIsOver() noexcept;
  void linger() noexcept;

  net::Socket& socket_;
  void (*const forget_)(Stream&);
  char* out_ = nullptr;
  uint32_t outStart_ = 0;
  uint32_t outEnd_ = 0;
  sched::Coroutine* receiver_ = nullptr;  // in next, waiting for bytes
  http::IdleAlarm idle_;
  sched::Deadline headEnd_ = 0;  // of the header block that is received
  sched::Deadline sweepAt_ = 0;  // 0: no responses are left to their clients
  sched::Deadline idleEnd_ = 0;  // 0: there are streams
  uint64_t lastPoll_ = 0;        // when bytes came last
  int error_ = 0;
  bool ended_ = false;
  bool needsSender_ = false;
  bool sending_ = false;
  bool busy_ = false;
};

}  // namespace stackful::http2
