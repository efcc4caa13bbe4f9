#include "client_stream.h"

#include <algorithm>
#include <cerrno>

#include "../sched/result_code.h"
#include "client_connection.h"

namespace stackful::http2 {

int32_t ClientStream::await(sched::Deadline deadline) noexcept {
  if (reader_) return kConnectionBusy;
  while (heads_.size() == 0 && body_.size() == 0) {
    if (end_ == End::kComplete) return 0;
    if (end_ != End::kNone || !connection) return -EPIPE;
    reader_ = connection->scheduler_.running();
    const int32_t code = connection->wait(sched::ParkKind::kSocketRead, deadline);
    reader_ = nullptr;
    if (code < 0) return code;
  }
  return 1;
}

void ClientStream::consumed(size_t n) noexcept {
  if (!connection || n == 0) return;
  if (end_ == End::kComplete) {
    nghttp2_session_consume_connection(connection->session_, n);
  } else {
    nghttp2_session_consume(connection->session_, id, n);
  }
  if (nghttp2_session_want_write(connection->session_)) connection->outputWaits();
}

int ClientStream::write(const char* data, size_t n) noexcept {
  if (writer_) return kConnectionBusy;
  while (n > 0) {
    if (!connection || outEnded_ || resetByPeer_) return -EPIPE;
    const size_t now = std::min(n, kMostQueued - out_.size());
    if (now > 0) {
      if (!out_.append(data, now)) return -ENOMEM;
      data += now;
      n -= now;
      ClientConnection& c = *connection;
      c.resume(*this);
      if (n == 0) c.scheduler_.charge();
      continue;
    }
    writer_ = connection->scheduler_.running();
    const int32_t code = connection->wait(sched::ParkKind::kSocketWrite, sched::kNoDeadline);
    writer_ = nullptr;
    if (code < 0) return code;
  }
  return 0;
}

int ClientStream::finish(std::string_view trailers) noexcept {
  if (!connection) return -EPIPE;
  trailersOut_ = trailers;
  outEnded_ = true;
  connection->resume(*this);
  return 0;
}

void ClientStream::reset(uint32_t error) noexcept {
  if (!connection) return;
  nghttp2_submit_rst_stream(connection->session_, 0, id, error);
  connection->outputWaits();
}

bool ClientStream::release() noexcept {
  released_ = true;
  // It may be over at once, and must not be forgotten here.
  ++calls;
  reset(kCancel);
  --calls;
  return !connection && calls == 0;
}

void ClientStream::wakeAll() noexcept {
  sched::Scheduler& scheduler = connection->scheduler_;
  if (reader_) scheduler.wake(reader_, 0);
  if (writer_) scheduler.wake(writer_, 0);
}

// The record may be gone afterwards.
void ClientStream::over(End end, uint32_t error) noexcept {
  ClientConnection& c = *connection;
  if (end_ == End::kNone) {
    end_ = end;
    error_ = error;
    if (end == End::kConnection) {
      failure_ = c.failure_;
      code_ = c.code_;
    }
  }
  wakeAll();
  (prev_ ? prev_->next_ : c.first_) = next_;
  if (next_) next_->prev_ = prev_;
  connection = nullptr;
  if (released_ && calls == 0) c.forget_(*this);
}

}  // namespace stackful::http2
