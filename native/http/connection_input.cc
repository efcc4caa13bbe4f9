// Connection's half that reads: heads and bodies.
#include <errno.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "../net/operation.h"
#include "../net/poller.h"
#include "../net/transport.h"
#include "../sched/shortest_remaining.h"
#include "../stack/fetch.h"
#include "coarse_clock.h"
#include "connection.h"

namespace stackful::http {

namespace {

// From here on a body is received straight into the reader's memory: saves a copy. Below, receiving it
// through the buffer saves system calls instead: it takes the next request along, and a short read shows that
// nothing is left.
constexpr size_t kDirectBytes = 4096;

}  // namespace

Connection::~Connection() {
  forgetClient();
  giveInput();
  giveOutput();
}

bool Connection::takeInput() noexcept {
  if (in_) return true;
  in_ = server_.buffers.take();
  if (!in_) return false;
  new (in_) Head();
  begin_ = headEnd_ = at_ = end_ = 0;
  return true;
}

void Connection::giveInput() noexcept {
  if (!in_) return;
  server_.buffers.give(in_);
  in_ = nullptr;
  begin_ = headEnd_ = at_ = end_ = 0;
}

// The bytes from begin_ on move to where the buffer begins.
void Connection::moveToFront() noexcept {
  if (begin_ == 0) return;
  std::memmove(bytes(), bytes() + begin_, end_ - begin_);
  headEnd_ -= begin_;
  at_ -= begin_;
  end_ -= begin_;
  begin_ = 0;
}

std::string_view Connection::header(std::string_view name) const noexcept {
  int i = head().find(name);
  return i < 0 ? std::string_view() : head().value(static_cast<size_t>(i));
}

Next Connection::over(Next next) noexcept {
  forgetClient();
  giveInput();
  giveOutput();
  idle_.cancel();
  stage_ = Stage::kOver;
  closing_ = true;
  return next;
}

Next Connection::nextRequest() noexcept {
  if (stage_ == Stage::kOver) return error_ == 0 ? Next::kEnd : Next::kFailed;
  // Half a response cannot be taken back or completed; the missing rest tells the client.
  if (stage_ == Stage::kStreaming && error_ == 0) fail(-ECONNABORTED);
  const bool unanswered = stage_ == Stage::kRequest;
  if (stage_ != Stage::kFresh) stage_ = Stage::kSettling;
  if (unanswered && error_ == 0) sendError(500);
  if (error_ != 0) return over(Next::kFailed);

  // What may have arrived since the last read is not looked for: that would be a system call for every last
  // response.
  bool unread = !discardBody() || at_ < end_ || !net::drained(socket_);
  if (body_ != Body::kDone) closing_ = true;
  if (!closing_) return readHead();
  if (flush() < 0) return over(Next::kFailed);
  if (unread) linger();
  return over(Next::kEnd);
}

Next Connection::readHead() noexcept {
  if (stage_ != Stage::kFresh) stage_ = Stage::kIdle;
  begin_ = headEnd_ = at_;
  if (in_) inputHead()->reset();
  socket_.poller->scheduler().beginJob(sched::ShortestRemaining::kRequest);
  sched::Deadline deadline = 0;
  // Requests that arrived together cost no system call, which is where the others are made to take turns.
  if (begin_ < end_) socket_.poller->scheduler().charge();
  for (;;) {
    if (begin_ < end_) {
      ParseResult result = parseHead(bytes() + begin_, end_ - begin_, server_.limits.head, *inputHead());
      if (result.status == ParseStatus::kComplete) return acceptHead(result.consumed);
      if (result.status == ParseStatus::kError) return isHttp2() ? Next::kHttp2 : refuse(result.error);
    }
    const bool first = begin_ == end_;
    net::EndOfBatch& endOfBatch = socket_.poller->endOfBatch();
    // Here, because it may send what this one has put off as well, and not all of it.
    if (!endOfBatch.empty()) endOfBatch.noteTime(coarseNow());
    if (!(first && waiting()) && flush() < 0) return over(Next::kFailed);
    ssize_t n;
    if (first) {
      n = receiveFirst();
      // What was to go out at the end of the batch could not, or has to before this ends.
      if (queued_ > 0 && (n <= 0 || !waiting()) && settleOutput() < 0) return over(Next::kFailed);
      if (n == kSendFirst) continue;
    } else {
      moveToFront();
      if (deadline == 0) deadline = coarseNow() + milliseconds(server_.limits.headMs);
      n = net::read(socket_, bytes() + end_, capacity() - end_, deadline);
    }
    if (n <= 0) return endOfInput(n);
    end_ += static_cast<uint32_t>(n);
    server_.bytesReceived += static_cast<uint64_t>(n);
  }
}

namespace {

// Prefetches the frames that a wait returns through, up to the loop in JavaScript, and the record, while the kernel is at
// work: with thousands of connections none has them in the cache, and each line would be a miss. 5 % of a request
// with 16,000; few have them there.
inline void fetchAhead(const net::Poller& poller, const void* record) noexcept {
  constexpr uint32_t kFewSockets = 256;
  constexpr size_t kFrames = 20 * stack::kCacheLine;
  if (poller.openSockets() <= kFewSockets) return;
  stack::fetch(record);
  stack::fetch(static_cast<const char*>(__builtin_frame_address(0)), kFrames);
}

}  // namespace

// Waits for the first byte of a request. The buffer is taken when there is something to receive, and given
// back when there turns out not to be: none is held while waiting, and no other system call is needed to find
// out.
ssize_t Connection::receiveFirst() noexcept {
  giveInput();
  const Limits& limits = server_.limits;
  idle_.begin(socket_.poller->scheduler(),
              coarseNow() + milliseconds(fresh() ? limits.firstByteMs : limits.idleMs));
  const auto attempt = [this]() noexcept -> ssize_t {
    if (!takeInput()) return -ENOMEM;
    fetchAhead(*socket_.poller, this);
    const ssize_t n = net::receive(socket_, bytes(), capacity());
    if (n <= 0) giveInput();
    return n;
  };
  const ssize_t n = net::readOperation(socket_, sched::ParkKind::kSocketRead, net::kNoDeadline, attempt);
  idle_.end();
  return n;
}

// Asked of what the parser refuses, for its version: HTTP/1.1 pays nothing for it.
bool Connection::isHttp2() const noexcept {
  constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n";
  return server_.speaksHttp2 && fresh() && unread().starts_with(kPreface);
}

int Connection::makeWay() noexcept {
  if (error_ != 0) return error_ < 0 ? error_ : -EPIPE;
  if (stage_ != Stage::kFresh && stage_ != Stage::kRequest) return -EALREADY;
  if (body_ != Body::kDone) return -EBUSY;
  return flush();
}

void Connection::leave() noexcept {
  over(Next::kEnd);
}

bool Connection::onlyEmptyLines() const noexcept {
  return std::all_of(bytes() + begin_, bytes() + end_, [](char c) { return c == '\r' || c == '\n'; });
}

// What it means that there is no (more) head to be had: the peer's end of stream (0), a deadline, an error.
Next Connection::endOfInput(ssize_t result) noexcept {
  bool nothing = !in_ || onlyEmptyLines();
  if (result == 0) return nothing ? over(Next::kEnd) : refuse(400);
  if (result == -ETIMEDOUT) return nothing ? over(Next::kEnd) : refuse(408);
  fail(static_cast<int>(result));
  return over(Next::kFailed);
}

Next Connection::acceptHead(size_t length) noexcept {
  stage_ = Stage::kRequest;
  constexpr uint32_t kUnusual = net::kPeerEnded | net::kPeerGone;
  if ((socket_.flags & (net::kRegistered | kUnusual)) != net::kRegistered) [[unlikely]]
    watchClient();
  headEnd_ = at_ = begin_ + static_cast<uint32_t>(length);
  Head& head = *inputHead();
  if (!head.keepAlive) closing_ = true;
  continuePending_ = head.expectContinue && head.hasBody();
  if (!head.hasBody()) {
    body_ = Body::kDone;
    return Next::kRequest;
  }
  body_ = head.chunked ? Body::kChunked : Body::kLength;
  bodyLeft_ = head.contentLength;
  bodyRead_ = 0;
  bodyError_ = 0;
  bodyLimit_ = server_.limits.bodyBytes;
  bodyPatience_ = milliseconds(server_.limits.bodyMs);
  bodyEnd_ = coarseNow() + milliseconds(server_.limits.requestMs);
  decoder_.reset();
  // The body is received behind the head, which has to stay where it is while the request lasts.
  if (capacity() - headEnd_ < Server::kLeastBodyRoom) {
    moveToFront();
    head.data = bytes();
  }
  return Next::kRequest;
}

Next Connection::refuse(int status) noexcept {
  if (sendError(status) == 0) {
    linger();
    fail(status);
  }
  return over(Next::kFailed);
}

bool Connection::bodyTooLarge() const noexcept {
  if (body_ == Body::kLength) return bodyRead_ + bodyLeft_ > bodyLimit_;
  return body_ == Body::kChunked && bodyRead_ > bodyLimit_;
}

ssize_t Connection::failBody(ssize_t code) noexcept {
  body_ = Body::kFailed;
  bodyError_ = code;
  closing_ = true;
  return code;
}

// More of the body (framing included) from the wire, never 0.
ssize_t Connection::receiveBody(void* to, size_t n) noexcept {
  if (continuePending_) {
    continuePending_ = false;
    if (stage_ == Stage::kRequest && queue(kContinueResponse) < 0) return failBody(error_);
  }
  // The client may be waiting for an earlier response, or for "100 Continue", before it sends anything.
  if (!sending_ && flush() < 0) return failBody(error_);
  int64_t before = coarseNow();
  receiving_ = true;
  ssize_t received = net::read(socket_, to, n, std::min(before + bodyPatience_, bodyEnd_));
  receiving_ = false;
  if (received == 0) return failBody(-ECONNRESET);
  // Closed by another coroutine: the record may be another socket's by now.
  if (received == -EBADF) fail(-EBADF);
  if (received < 0) return failBody(received);
  server_.bytesReceived += static_cast<uint64_t>(received);
  ++moves_;
  const Limits& limits = server_.limits;
  bodyPatience_ += timeFor(received, limits.slowestBytesPerSecond) - (coarseNow() - before);
  bodyPatience_ = std::min(bodyPatience_, milliseconds(limits.bodyMs));
  return received;
}

// A stretch of decoded body in the buffer, at most `most` bytes and valid until the next call: its length; 0
// at the body's end, and when nothing is there without waiting; an error.
ssize_t Connection::nextBodyBytes(const char*& data, size_t most, bool wait) noexcept {
  for (;;) {
    if (body_ == Body::kDone) return 0;
    if (body_ == Body::kFailed) return bodyError_;
    if (bodyTooLarge()) return failBody(kBodyTooLarge);
    if (size_t have = end_ - at_; have > 0) {
      continuePending_ = false;
      data = bytes() + at_;
      if (body_ == Body::kLength) {
        auto n =
            static_cast<size_t>(std::min<int64_t>(bodyLeft_, static_cast<int64_t>(std::min(have, most))));
        at_ += static_cast<uint32_t>(n);
        bodyRead_ += static_cast<int64_t>(n);
        bodyLeft_ -= static_cast<int64_t>(n);
        if (bodyLeft_ == 0) body_ = Body::kDone;
        return static_cast<ssize_t>(n);
      }
      ChunkedDecoder::Step step = decoder_.feed(data, have, most);
      at_ += static_cast<uint32_t>(step.consumed);
      if (step.status == ChunkedDecoder::Status::kData) {
        data = step.data;
        bodyRead_ += static_cast<int64_t>(step.length);
        return bodyTooLarge() ? failBody(kBodyTooLarge) : static_cast<ssize_t>(step.length);
      }
      if (step.status == ChunkedDecoder::Status::kError) return failBody(kBodyMalformed);
      if (step.status == ChunkedDecoder::Status::kDone) {
        body_ = Body::kDone;
        return 0;
      }
    }
    if (!wait) return 0;
    at_ = end_ = headEnd_;
    ssize_t n = receiveBody(bytes() + end_, capacity() - end_);
    if (n < 0) return n;
    end_ += static_cast<uint32_t>(n);
  }
}

// How many of the bytes not received yet are certain to be payload.
size_t Connection::payloadBeyondBuffer() const noexcept {
  if (at_ < end_) return 0;
  if (body_ == Body::kLength) return static_cast<size_t>(bodyLeft_);
  return body_ == Body::kChunked ? static_cast<size_t>(decoder_.payloadLeft()) : 0;
}

ssize_t Connection::readBody(void* to, size_t n) noexcept {
  if (!hasRequest()) return -EINVAL;
  if (bodyTooLarge()) return failBody(kBodyTooLarge);
  if (size_t direct = std::min(n, payloadBeyondBuffer()); direct >= kDirectBytes) {
    ssize_t received = receiveBody(to, direct);
    if (received < 0) return received;
    bodyRead_ += received;
    if (body_ == Body::kLength) {
      bodyLeft_ -= received;
      if (bodyLeft_ == 0) body_ = Body::kDone;
    } else {
      decoder_.feed(static_cast<const char*>(to), static_cast<size_t>(received));
      if (bodyTooLarge()) return failBody(kBodyTooLarge);
    }
    return received;
  }
  // As many chunks as are there, but waiting only for the first.
  size_t filled = 0;
  while (filled < n) {
    const char* data = nullptr;
    ssize_t length = nextBodyBytes(data, n - filled, filled == 0);
    if (length <= 0) return filled > 0 ? static_cast<ssize_t>(filled) : length;
    std::memcpy(static_cast<char*>(to) + filled, data, static_cast<size_t>(length));
    filled += static_cast<size_t>(length);
  }
  return static_cast<ssize_t>(filled);
}

std::string_view Connection::takeWholeBody(size_t most) noexcept {
  if (!hasRequest() || body_ != Body::kLength || bodyRead_ != 0 || bodyTooLarge()) return {};
  const auto n = static_cast<size_t>(bodyLeft_);
  if (n > most || n > end_ - at_) return {};
  const char* data = bytes() + at_;
  continuePending_ = false;
  at_ += static_cast<uint32_t>(n);
  bodyRead_ = bodyLeft_;
  bodyLeft_ = 0;
  body_ = Body::kDone;
  return {data, n};
}

// Takes the rest of an unread body off the wire; false when that is not worth it, or failed.
bool Connection::discardBody() noexcept {
  if (body_ == Body::kDone) return true;
  // A client that was not told to continue may send the next request instead of the body: the bytes
  // do not tell which.
  if (closing_ || (continuePending_ && at_ == end_)) return false;
  int64_t most = server_.limits.drainBytes;
  if (body_ == Body::kLength && bodyLeft_ - static_cast<int64_t>(end_ - at_) > most) return false;
  bodyLimit_ = std::numeric_limits<int64_t>::max();
  while (body_ != Body::kDone) {
    const char* data;
    ssize_t n = nextBodyBytes(data, SIZE_MAX, true);
    if (n < 0) return false;
    most -= n;
    if (most < 0) return false;
  }
  return true;
}

void Connection::linger() noexcept {
  const Limits& limits = server_.limits;
  const sched::Deadline end = coarseNow() + milliseconds(limits.lingerMs);
  if (net::finishWriting(socket_, end) < 0 || !takeInput()) return;
  int64_t left = limits.lingerBytes;
  while (left > 0) {
    const sched::Deadline silence = coarseNow() + milliseconds(limits.lingerIdleMs);
    ssize_t n = net::read(socket_, bytes(), capacity(), std::min(end, silence));
    if (n <= 0) return;
    left -= n;
  }
}

}  // namespace stackful::http
