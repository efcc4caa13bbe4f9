#include "connection.h"

#include <algorithm>
#include <cerrno>

#include "../http/coarse_clock.h"
#include "../http/send_patience.h"
#include "../net/operation.h"

namespace stackful::http2 {

Connection::Connection(Shared& shared, net::Socket& socket, void (*forget)(Stream&)) noexcept
    : Session(shared, socket.poller->scheduler()), socket_(socket), forget_(forget) {
  run = [](net::EndOfBatch::Task* task) { static_cast<Connection*>(task)->flushNow(); };
}

Connection::~Connection() {
  busy_ = true;  // nothing is sent any more
  endStreams();
  if (waiting()) socket_.poller->endOfBatch().remove(*this);
  giveOutput();
}

int Connection::start(std::string_view received) noexcept {
  if (const int code = open()) return error_ = code;
  return received.empty() ? 0 : feed(received.data(), received.size());
}

int Connection::feed(const char* data, size_t n) noexcept {
  shared_.server.bytesReceived += n;
  const uint64_t polls = scheduler_.counters().polls;
  // Without a poll since the last bytes, these may have come a moment ago: before the next poll, that is.
  arrival_ = polls + (polls == lastPoll_);
  lastPoll_ = polls;
  busy_ = true;
  const int code = Session::receive(data, n);
  busy_ = false;
  if (!inHeaderBlock()) {
    headEnd_ = 0;
  } else if (headEnd_ == 0) {
    headEnd_ = http::coarseNow() + http::milliseconds(shared_.server.limits.headMs);
  }
  if (code < 0) fail(code);
  return code;
}

void Connection::fail(int error) noexcept {
  if (error_ == 0) error_ = error;
  wakeReceiver();
}

void Connection::wakeReceiver() noexcept {
  if (receiver_) scheduler_.wake(receiver_, kSendFirst);
}

int32_t Connection::wait(sched::ParkKind kind, sched::Deadline deadline) noexcept {
  if (const int32_t code = net::refusal(scheduler_)) return code;
  // As a wait of its socket would.
  const bool background = socket_.flags & net::kUnref;
  if (background) scheduler_.adjustExternalWaits(-1);
  const int32_t code = scheduler_.parkUntil({kind, socket_.fd}, deadline);
  if (background) scheduler_.adjustExternalWaits(1);
  return code;
}

// Sends at the end of the batch if others have their turns in it, else at once.
void Connection::outputWaits() noexcept {
  if (busy_ || sending_ || needsSender_ || error_ != 0 || waiting()) return;
  if (scheduler_.readyLength() == 0 && !moreFollows_) return flushNow();
  socket_.poller->endOfBatch().add(*this);
}

void Connection::giveOutput() noexcept {
  if (out_) shared_.wire.give(out_);
  out_ = nullptr;
  outStart_ = outEnd_ = 0;
}

// Puts what there is to be sent into the buffer, which is empty. False when there is nothing.
bool Connection::fill() noexcept {
  if (!wantsWrite()) return false;
  if (!out_ && !(out_ = shared_.wire.take())) {
    fail(-ENOMEM);
    return false;
  }
  busy_ = true;
  outStart_ = 0;
  outEnd_ = static_cast<uint32_t>(produce(out_, Shared::kWireBytes));
  busy_ = false;
  return outEnd_ > 0;
}

void Connection::flushNow() noexcept {
  if (waiting()) socket_.poller->endOfBatch().remove(*this);
  if (busy_ || sending_ || needsSender_ || error_ != 0) return;
  while (outStart_ < outEnd_ || fill()) {
    if (!net::mayTransmit(socket_)) {
      needsSender_ = true;
      break;
    }
    const ssize_t n = net::transmit(socket_, out_ + outStart_, outEnd_ - outStart_);
    if (n == -EAGAIN) {
      needsSender_ = true;
      break;
    }
    if (n < 0) {
      fail(static_cast<int>(n));
      break;
    }
    shared_.server.bytesSent += static_cast<uint64_t>(n);
    outStart_ += static_cast<uint32_t>(n);
  }
  if (!needsSender_) giveOutput();
  if (needsSender_ || !wantsRead()) wakeReceiver();
  // The last stream has ended, or there is the first response that its client does not take.
  if (receiver_) setAlarm();
}

void Connection::sendRest() noexcept {
  http::SendPatience patience(shared_.server.limits, socket_);
  while (error_ == 0 && (outStart_ < outEnd_ || fill())) {
    const ssize_t n = net::writeSome(socket_, out_ + outStart_, outEnd_ - outStart_, patience.deadline());
    if (n >= 0) {
      shared_.server.bytesSent += static_cast<uint64_t>(n);
      outStart_ += static_cast<uint32_t>(n);
      patience.wrote(n);
    } else if (n != -ETIMEDOUT || !patience.renew()) {
      fail(static_cast<int>(n));
    }
  }
  sending_ = false;
  giveOutput();
  wakeReceiver();
}

// Until when next() may wait for bytes.
sched::Deadline Connection::deadline() noexcept {
  const http::Limits& limits = shared_.server.limits;
  if (headEnd_ != 0) return headEnd_;
  if (!hasStreams()) {
    sweepAt_ = 0;
    if (idleEnd_ == 0) {
      idleEnd_ = http::coarseNow() + http::milliseconds(heardRequests() ? limits.idleMs : limits.firstByteMs);
    }
    return idleEnd_;
  }
  idleEnd_ = 0;
  if (!drains()) return sweepAt_ = 0, net::kNoDeadline;
  if (sweepAt_ == 0) sweepAt_ = http::coarseNow() + http::milliseconds(limits.sendMs);
  return sweepAt_;
}

void Connection::setAlarm() noexcept {
  const sched::Deadline end = deadline();
  if (end == net::kNoDeadline) {
    idle_.end();
  } else {
    idle_.begin(scheduler_, end, receiver_);
  }
}

void Connection::timeIsOver() noexcept {
  const int64_t now = http::coarseNow();
  if (headEnd_ != 0) {
    if (now >= headEnd_) fail(-ETIMEDOUT);
  } else if (sweepAt_ != 0) {
    if (now < sweepAt_) return;
    sweepAt_ = 0;
    sweep();
  } else if (idleEnd_ != 0 && now >= idleEnd_) {
    shutDown(true);
  }
}

ssize_t Connection::receive() noexcept {
  char* buffer = nullptr;
  const auto attempt = [&]() noexcept -> ssize_t {
    if (!buffer && !(buffer = shared_.wire.take())) return -ENOMEM;
    const ssize_t n = net::receive(socket_, buffer, Shared::kWireBytes);
    if (n > 0) return n;
    shared_.wire.give(buffer);
    buffer = nullptr;
    return n;
  };
  receiver_ = scheduler_.running();
  setAlarm();
  ssize_t n = net::readOperation(socket_, sched::ParkKind::kSocketRead, net::kNoDeadline, attempt);
  receiver_ = nullptr;
  idle_.end();
  if (!buffer) return n;
  // An error: it is kept.
  if (n > 0) feed(buffer, static_cast<size_t>(n));
  shared_.wire.give(buffer);
  return n;
}

Connection::Event Connection::next(Stream*& stream) noexcept {
  while (error_ == 0) {
    if ((stream = takeLeft())) return Event::kLeft;
    if ((stream = takeNew())) return Event::kRequest;
    net::EndOfBatch& endOfBatch = socket_.poller->endOfBatch();
    if (!endOfBatch.empty()) endOfBatch.noteTime(http::coarseNow());
    if (wantsWrite()) outputWaits();
    // With the last stream, or a GOAWAY, the connection ends, for which nothing else would wake this coroutine.
    if (!wantsRead()) flushNow();
    if (error_ != 0) break;
    if (needsSender_) {
      needsSender_ = false;
      sending_ = true;
      return Event::kSendRest;
    }
    if (ended_) break;
    if (!wantsRead() && !sending_) {
      linger();
      break;
    }
    const ssize_t n = receive();
    if (n > 0 || n == kSendFirst) continue;
    if (n == 0) {
      ended_ = true;
    } else if (n == -ETIMEDOUT) {
      timeIsOver();
    } else {
      fail(static_cast<int>(n));
    }
  }
  busy_ = true;
  endStreams();
  return Event::kOver;
}

void Connection::forgetTimers() noexcept {
  idle_.forget();
  net::EndOfBatch::Task::next = net::EndOfBatch::Task::prev = nullptr;
  receiver_ = nullptr;
  forgetCoroutines();
}

void Connection::close(bool finally) noexcept {
  shutDown(finally);
  wakeReceiver();
}

// As http::Connection: closing with unread input would make the kernel send a reset, which destroys what is on its way.
void Connection::linger() noexcept {
  const http::Limits& limits = shared_.server.limits;
  const sched::Deadline end = http::coarseNow() + http::milliseconds(limits.lingerMs);
  char* buffer = net::finishWriting(socket_, end) < 0 ? nullptr : shared_.wire.take();
  if (!buffer) return;
  int64_t left = limits.lingerBytes;
  while (left > 0) {
    const sched::Deadline silence = http::coarseNow() + http::milliseconds(limits.lingerIdleMs);
    const ssize_t n = net::read(socket_, buffer, Shared::kWireBytes, std::min(end, silence));
    if (n <= 0) break;
    left -= n;
  }
  shared_.wire.give(buffer);
}

}  // namespace stackful::http2
