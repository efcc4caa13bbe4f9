// ClientConnection: its beginning and end, and its bytes.
#include "client_connection.h"

#include <cerrno>

#include "../http/coarse_clock.h"
#include "../net/operation.h"

namespace stackful::http2 {

ClientConnection::ClientConnection(http::BufferPool& wire, net::Socket& socket,
                                   const ClientSettings& settings, void (*forget)(ClientStream&)) noexcept
    : wire_(wire),
      socket_(&socket),
      scheduler_(socket.poller->scheduler()),
      settings_(settings),
      forget_(forget) {
  run = [](net::EndOfBatch::Task* task) { static_cast<ClientConnection*>(task)->flushNow(); };
}

ClientConnection::~ClientConnection() {
  busy_ = true;  // nothing is sent any more
  if (failure_ == Failure::kNone) failure_ = Failure::kEnded;
  endStreams();
  if (socket_ && waiting()) socket_->poller->endOfBatch().remove(*this);
  giveOutput();
  if (session_) nghttp2_session_del(session_);
}

int ClientConnection::feed(const char* data, size_t n) noexcept {
  pinged_ = false;
  busy_ = true;
  const ssize_t taken = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(data), n);
  busy_ = false;
  if (taken >= 0) return 0;
  // Of nghttp2's, for answers to SETTINGS and PINGs that pile up.
  constexpr ssize_t kFlooded = -904;
  fail(taken == kFlooded ? Failure::kFlood : Failure::kProtocol);
  return -EPROTO;
}

void ClientConnection::fail(Failure failure, int code) noexcept {
  if (failure_ == Failure::kNone) {
    failure_ = failure;
    code_ = code;
  }
  if (receiver_) scheduler_.wake(receiver_, kSendFirst);
}

int32_t ClientConnection::wait(sched::ParkKind kind, sched::Deadline deadline) noexcept {
  if (const int32_t code = net::refusal(scheduler_)) return code;
  return scheduler_.parkUntil({kind, socket_ ? socket_->fd : -1}, deadline);
}

// Sends at the end of the batch if others have their turns in it, else at once.
void ClientConnection::outputWaits() noexcept {
  if (busy_ || sending_ || needsSender_ || failure_ != Failure::kNone || !socket_ || waiting()) return;
  if (scheduler_.readyLength() == 0) return flushNow();
  socket_->poller->endOfBatch().add(*this);
}

void ClientConnection::giveOutput() noexcept {
  if (out_) wire_.give(out_);
  out_ = nullptr;
  outStart_ = outEnd_ = 0;
}

// Puts what there is to be sent into the buffer, which is empty. False when there is nothing.
bool ClientConnection::fill() noexcept {
  if (nghttp2_session_want_write(session_) == 0) return false;
  if (!out_ && !(out_ = wire_.take())) {
    fail(Failure::kSystem, -ENOMEM);
    return false;
  }
  busy_ = true;
  outStart_ = 0;
  outEnd_ = static_cast<uint32_t>(sink_.fill(session_, out_, kWireBytes));
  busy_ = false;
  return outEnd_ > 0;
}

void ClientConnection::flushNow() noexcept {
  if (!socket_) return;
  if (waiting()) socket_->poller->endOfBatch().remove(*this);
  if (busy_ || sending_ || needsSender_ || failure_ != Failure::kNone) return;
  while (outStart_ < outEnd_ || fill()) {
    if (!net::mayTransmit(*socket_)) {
      needsSender_ = true;
      break;
    }
    const ssize_t n = net::transmit(*socket_, out_ + outStart_, outEnd_ - outStart_);
    if (n == -EAGAIN) {
      needsSender_ = true;
      break;
    }
    if (n < 0) {
      // What the server has said before it went may still be read: the reader finds the end by itself.
      outStart_ = outEnd_ = 0;
      if (n != -EPIPE && n != -ECONNRESET) fail(Failure::kSystem, static_cast<int>(n));
      break;
    }
    outStart_ += static_cast<uint32_t>(n);
  }
  if (!needsSender_) giveOutput();
  if (receiver_ && (needsSender_ || nghttp2_session_want_read(session_) == 0)) {
    scheduler_.wake(receiver_, kSendFirst);
  }
}

void ClientConnection::sendRest() noexcept {
  while (socket_ && failure_ == Failure::kNone && (outStart_ < outEnd_ || fill())) {
    const ssize_t n = net::writeSome(*socket_, out_ + outStart_, outEnd_ - outStart_);
    if (!socket_) break;
    if (n >= 0) {
      outStart_ += static_cast<uint32_t>(n);
    } else {
      fail(Failure::kSystem, static_cast<int>(n));
    }
  }
  sending_ = false;
  giveOutput();
  if (receiver_) scheduler_.wake(receiver_, kSendFirst);
}

ssize_t ClientConnection::receive() noexcept {
  net::Socket& socket = *socket_;
  char* buffer = nullptr;
  const auto attempt = [&]() noexcept -> ssize_t {
    if (!buffer && !(buffer = wire_.take())) return -ENOMEM;
    const ssize_t n = net::receive(socket, buffer, kWireBytes);
    if (n > 0) return n;
    wire_.give(buffer);
    buffer = nullptr;
    return n == -ETIMEDOUT ? ssize_t{kKernelTimedOut} : n;
  };
  const sched::Deadline deadline = settings_.silenceMs == 0
                                       ? sched::kNoDeadline
                                       : scheduler_.now() + http::milliseconds(settings_.silenceMs);
  receiver_ = scheduler_.running();
  const ssize_t n = net::readOperation(socket, sched::ParkKind::kSocketRead, deadline, attempt);
  receiver_ = nullptr;
  if (!buffer) return n;
  if (n > 0 && socket_) feed(buffer, static_cast<size_t>(n));
  wire_.give(buffer);
  return n;
}

// Nothing has come for as long as a server may be silent.
void ClientConnection::timeIsOver() noexcept {
  if (!first_) {
    pinged_ = false;
  } else if (pinged_) {
    fail(Failure::kSilent);
  } else {
    pinged_ = true;
    nghttp2_submit_ping(session_, 0, nullptr);
  }
}

ClientConnection::Event ClientConnection::next() noexcept {
  while (socket_ && failure_ == Failure::kNone) {
    if (changed_) {
      changed_ = false;
      return Event::kChanged;
    }
    net::EndOfBatch& endOfBatch = socket_->poller->endOfBatch();
    if (!endOfBatch.empty()) endOfBatch.noteTime(http::coarseNow());
    if (nghttp2_session_want_write(session_)) outputWaits();
    if (nghttp2_session_want_read(session_) == 0) {
      // nghttp2 has found a fault, of which a GOAWAY tells, or the last stream has ended behind the server's GOAWAY.
      flushNow();
      fail(flooded_ ? Failure::kFlood : first_ ? Failure::kProtocol : Failure::kEnded);
      break;
    }
    if (needsSender_) {
      needsSender_ = false;
      sending_ = true;
      return Event::kSendRest;
    }
    const ssize_t n = receive();
    if (n > 0 || n == kSendFirst) continue;
    if (n == 0) {
      fail(Failure::kEnded);
    } else if (n == -ETIMEDOUT) {
      timeIsOver();
    } else {
      fail(Failure::kSystem, static_cast<int>(n));
    }
  }
  busy_ = true;
  endStreams();
  return Event::kOver;
}

void ClientConnection::close() noexcept {
  if (!socket_) return;
  if (failure_ == Failure::kNone) {
    nghttp2_submit_goaway(session_, 0, 0, kNoError, nullptr, 0);
    flushNow();
  }
  if (waiting()) socket_->poller->endOfBatch().remove(*this);
  if (failure_ == Failure::kNone) failure_ = Failure::kEnded;
  busy_ = true;
  socket_ = nullptr;
  endStreams();
}

void ClientConnection::endStreams() noexcept {
  while (ClientStream* stream = first_) {
    if (session_) nghttp2_session_set_stream_user_data(session_, stream->id, nullptr);
    stream->over(ClientStream::End::kConnection, 0);
  }
}

void ClientConnection::forgetTimers() noexcept {
  net::EndOfBatch::Task::next = net::EndOfBatch::Task::prev = nullptr;
  receiver_ = nullptr;
  for (ClientStream* stream = first_; stream; stream = stream->next_)
    stream->reader_ = stream->writer_ = nullptr;
}

}  // namespace stackful::http2
