// Stream: what carries a WebSocket (RFC 8441). Bytes go both ways, without the limits that bodies and responses have, and several
// coroutines may send.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../net/operation.h"
#include "../sched/result_code.h"
#include "session.h"

namespace stackful::http2 {

int Stream::openTunnel(std::string_view fields) noexcept {
  if (!connects_) return -EALREADY;
  if (const int code = begin(200, fields, kNoLength)) return code;
  tunnel_ = true;
  return 0;
}

ssize_t Stream::awaitBytes(sched::Deadline deadline) noexcept {
  if (reader_) return kConnectionBusy;
  for (;;) {
    if (closed_) return -EBADF;
    if (body_.size() > 0) return static_cast<ssize_t>(body_.size());
    if (bodyEnded_) return 0;
    if (!session) return -ECONNRESET;
    reader_ = session->scheduler_.running();
    const int32_t code = session->wait(sched::ParkKind::kSocketRead, deadline);
    reader_ = nullptr;
    if (code < 0) return code;
  }
}

ssize_t Stream::readTunnel(void* to, size_t n) noexcept {
  const ssize_t there = awaitBytes(net::kNoDeadline);
  if (there <= 0) return there;
  n = std::min(n, static_cast<size_t>(there));
  std::memcpy(to, body_.data(), n);
  consume(n);
  return static_cast<ssize_t>(n);
}

char* Stream::takeBytes() noexcept {
  const size_t n = body_.size();
  char* memory = body_.release();
  consume(n);
  return memory;
}

int Stream::refusalToSend() const noexcept {
  if (closed_) return -EBADF;
  if (!session || stage != Stage::kStreaming) return -EPIPE;
  return broken_ ? kSocketBroken : 0;
}

// Several wait for their turn in order. The turn is handed over, so that none that comes later is first.
int Stream::takeTurn() noexcept {
  if (const int code = refusalToSend()) return code;
  if (const int32_t code = net::refusal(session->scheduler_)) return code;
  if (!writing_) {
    writing_ = true;
    return 0;
  }
  net::Waiter waiter;
  waiter.coroutine = session->scheduler_.running();
  turns_.pushBack(waiter);
  const int32_t waited = session->wait(sched::ParkKind::kSocketWrite, net::kNoDeadline);
  turns_.remove(waiter);
  if (waited < 0) return waited;
  const int code = refusalToSend();
  if (code < 0) passTurn();
  return code;
}

void Stream::passTurn() noexcept {
  if (!session || !net::wakeFirst(session->scheduler_, turns_)) writing_ = false;
}

int Stream::queueInTunnel(const char* at, size_t n, bool& begun) noexcept {
  while (n > 0) {
    const size_t now = std::min(n, kMostQueued - std::min(kMostQueued, out_.size()));
    if (now > 0) {
      if (!out_.append(at, now)) return -ENOMEM;
      begun = true;
      at += now;
      n -= now;
      session->resume(*this);
    } else {
      session->moreFollows_ = false;
      writer_ = session->scheduler_.running();
      const int32_t code = session->wait(sched::ParkKind::kSocketWrite, net::kNoDeadline);
      writer_ = nullptr;
      if (code < 0) return code;
    }
    if (const int code = refusalToSend()) return code;
  }
  return 0;
}

int Stream::send(const iovec* parts, int count, bool more) noexcept {
  int code = takeTurn();
  if (code < 0) return code;
  bool begun = false;
  session->moreFollows_ = more;
  for (int i = 0; i < count && code == 0; ++i)
    code = queueInTunnel(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len, begun);
  if (session) session->moreFollows_ = false;
  if (code < 0 && begun) broken_ = true;
  passTurn();
  if (code == 0 && session) session->scheduler_.charge();
  return code;
}

int Stream::trySend(const void* data, size_t n) noexcept {
  if (const int code = refusalToSend()) return code;
  if (!hasRoom(n)) return 1;
  if (!out_.append(data, n)) return -ENOMEM;
  session->resume(*this);
  return 0;
}

int Stream::endTunnel() noexcept {
  if (const int code = takeTurn()) return code;
  writing_ = false;
  complete();
  if (session) net::wakeAll(session->scheduler_, turns_, 0);
  return 0;
}

void Stream::closeTunnel() noexcept {
  if (closed_) return;
  closed_ = true;
  if (!session) return;
  sched::Scheduler& scheduler = session->scheduler_;
  if (reader_) scheduler.wake(reader_, 0);
  if (writer_) scheduler.wake(writer_, 0);
  net::wakeAll(scheduler, turns_, 0);
  // As the end of a connection that is not orderly. Where this side has ended, Session's frameSent does it behind the last frame.
  if (stage == Stage::kStreaming) return reset(kCancel);
  if (endSent_ && !bodyEnded_) reset(kNoError);
}

}  // namespace stackful::http2
