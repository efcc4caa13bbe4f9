// Connection's half that writes: responses.
#include <errno.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "../net/operation.h"
#include "../net/transport.h"
#include "coarse_clock.h"
#include "connection.h"
#include "send_patience.h"

namespace stackful::http {

namespace {

// Up to here copying a body behind its head is cheaper than a second part of a gathering write.
constexpr size_t kCopyBytes = 4096;
// And up to here it is cheaper than waking the reader by a send of its own.
constexpr size_t kCopyToPutOffBytes = 8192;
constexpr size_t kMostChunkLine = 18;  // sixteen digits and a line end
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";
constexpr std::string_view kEarlyHints = "HTTP/1.1 103 Early Hints\r\n";

}  // namespace

bool Connection::takeOutput() noexcept {
  if (!out_) out_ = server_.buffers.take();
  return out_ != nullptr;
}

void Connection::giveOutput() noexcept {
  if (waiting()) socket_.poller->endOfBatch().remove(*this);
  if (out_) server_.buffers.give(out_);
  out_ = nullptr;
  queued_ = 0;
}

// Everything that goes out passes here. A failure is final: part of it may have been sent.
int Connection::send(const iovec* parts, int count, size_t total) noexcept {
  if (error_ != 0) return error_ < 0 ? error_ : -EPIPE;
  // What does not fit at once waits in sendRest.
  sending_ = true;
  ssize_t sent = count == 1 ? net::writeSome(socket_, parts->iov_base, parts->iov_len, kAtOnce)
                            : net::writeSome(socket_, parts, count, kAtOnce);
  if (sent == -ETIMEDOUT || (sent >= 0 && static_cast<size_t>(sent) < total)) {
    sent = sendRest(parts, count, static_cast<size_t>(std::max<ssize_t>(sent, 0)), total);
  }
  sending_ = false;
  if (sent >= 0) {
    server_.bytesSent += total;
    ++moves_;
    return 0;
  }
  return fail(static_cast<int>(sent));
}

// Not inlined: what waits here is a slow client, and the others need not carry its frame.
[[gnu::noinline]] ssize_t Connection::sendRest(const iovec* parts, int count, size_t sent,
                                               size_t total) noexcept {
  SendPatience patience(server_.limits, socket_);
  for (size_t begin = 0; sent < total;) {
    while (sent - begin >= parts->iov_len) {
      begin += parts->iov_len;
      ++parts;
      --count;
    }
    const size_t done = sent - begin;
    ssize_t n = net::writeSome(socket_, static_cast<char*>(parts->iov_base) + done, parts->iov_len - done,
                               patience.deadline());
    if (n >= 0) {
      sent += static_cast<size_t>(n);
      patience.wrote(n);
    } else if (n != -ETIMEDOUT || !patience.renew()) {
      return n;
    }
  }
  return static_cast<ssize_t>(total);
}

// The queue, then `data`, then `tail`, in one write.
int Connection::sendQueuedAnd(const void* data, size_t n, std::string_view tail) noexcept {
  if (waiting()) socket_.poller->endOfBatch().remove(*this);
  iovec parts[3];
  int count = 0;
  size_t total = 0;
  auto add = [&](const void* bytes, size_t length) {
    if (length == 0) return;
    parts[count++] = {const_cast<void*>(bytes), length};
    total += length;
  };
  add(out_, queued_);
  add(data, n);
  add(tail.data(), tail.size());
  int result = count > 0 ? send(parts, count, total) : std::min(error_, 0);
  giveOutput();
  return result;
}

int Connection::flush() noexcept {
  return sendQueuedAnd(nullptr, 0, {});
}

// Whether others have their turns in this batch.
bool Connection::mayPutOff() const noexcept {
  return !closing_ && net::mayTransmit(socket_) && socket_.poller->scheduler().readyLength() > 0;
}

// Sends what is queued, at the end of the batch if that may be.
int Connection::sendSoon() noexcept {
  if (!mayPutOff()) return flush();
  if (!waiting()) socket_.poller->endOfBatch().add(*this);
  return 0;
}

// Whatever does not go well is left to the coroutine, which meets it again when it sends the rest.
void Connection::sendLate(net::EndOfBatch::Task* task) noexcept {
  auto& self = *static_cast<Connection*>(task);
  net::Socket& socket = self.socket_;
  if (self.error_ == 0 && net::mayTransmit(socket)) {
    const ssize_t n = net::transmit(socket, self.out_, self.queued_);
    if (n > 0) {
      self.server_.bytesSent += static_cast<uint64_t>(n);
      ++self.moves_;
      self.queued_ -= static_cast<uint32_t>(n);
      if (self.queued_ == 0) return self.giveOutput();
      std::memmove(self.out_, self.out_ + n, self.queued_);
    }
  }
  if (sched::Coroutine* receiver = self.idle_.waiter()) socket.poller->scheduler().wake(receiver, kSendFirst);
}

// Sends what was put off. Also for a coroutine that has been told to end: what its handler has answered goes out.
int Connection::settleOutput() noexcept {
  if (waiting()) {
    socket_.poller->endOfBatch().remove(*this);
    sendLate(this);
  }
  return queued_ > 0 ? flush() : 0;
}

int Connection::reserve(size_t n) noexcept {
  if (n > server_.buffers.bufferBytes()) return -EMSGSIZE;
  if (out_ && outputRoom() < n) {
    if (int result = flush(); result < 0) return result;
  }
  return takeOutput() ? 0 : -ENOMEM;
}

int Connection::queue(std::string_view text) noexcept {
  if (int result = reserve(text.size()); result < 0) return fail(result);
  std::memcpy(out_ + queued_, text.data(), text.size());
  queued_ += static_cast<uint32_t>(text.size());
  return 0;
}

int Connection::queueHead(const ResponseHead& head) noexcept {
  size_t most = mostBytes(head);
  int result = reserve(most);
  if (result == 0) {
    queued_ = static_cast<uint32_t>(writeHead(out_ + queued_, head) - out_);
    return 0;
  }
  if (result != -EMSGSIZE) return fail(result);
  // More fields than a buffer holds: legal, and rare enough for an allocation.
  auto* text = static_cast<char*>(std::malloc(most));
  if (!text) return fail(-ENOMEM);
  result = sendQueuedAnd(text, static_cast<size_t>(writeHead(text, head) - text), {});
  std::free(text);
  return result;
}

// Is it decided that the rest of the request's body will not be read? Asked while "Connection: close" can
// still be said.
void Connection::decideClosing() noexcept {
  if (body_ == Body::kDone) return;
  size_t buffered = end_ - at_;
  if (body_ == Body::kFailed || (continuePending_ && buffered == 0)) closing_ = true;
  if (body_ == Body::kLength && bodyLeft_ - static_cast<int64_t>(buffered) > server_.limits.drainBytes) {
    closing_ = true;
  }
}

// If so, the response waits in the queue for the next one.
bool Connection::anotherMayBeBuffered() const noexcept {
  if (closing_) return false;
  int64_t buffered = end_ - at_;
  return buffered > (body_ == Body::kLength ? bodyLeft_ : 0) && body_ != Body::kChunked;
}

ResponseHead Connection::responseHead(int status, std::string_view fields) noexcept {
  ResponseHead head;
  head.status = status;
  head.fields = fields;
  head.date = server_.date.at(coarseSeconds());
  if (status == 101) {
    closing_ = true;  // for HTTP; what `fields` says about the connection is said
  } else if (closing_) {
    head.connection = ConnectionField::kClose;
  } else if (this->head().minorVersion == 0) {
    head.connection = ConnectionField::kKeepAlive;
  }
  return head;
}

int Connection::respond(int status, std::string_view fields, const char* body, size_t n,
                        bool isHead) noexcept {
  if (const int code = refusalOutside(Stage::kRequest)) return code;
  stage_ = Stage::kResponded;
  decideClosing();
  ResponseHead head = responseHead(status, fields);
  if (!hasNoBody(status)) head.contentLength = static_cast<int64_t>(n);
  if (hasNoBody(status) || isHead) n = 0;
  if (int result = queueHead(head); result < 0) return result;
  bool wait = anotherMayBeBuffered();
  const size_t most = wait ? outputRoom() : mayPutOff() ? kCopyToPutOffBytes : kCopyBytes;
  if (n > most || n > outputRoom()) return sendQueuedAnd(body, n, {});
  if (n > 0) std::memcpy(out_ + queued_, body, n);
  queued_ += static_cast<uint32_t>(n);
  return wait ? 0 : sendSoon();
}

int Connection::respondError(int status) noexcept {
  if (const int code = refusalOutside(Stage::kRequest)) return code;
  stage_ = Stage::kResponded;
  return sendError(status);
}

int Connection::sendError(int status) noexcept {
  closing_ = true;
  if (int result = reserve(kMostErrorBytes); result < 0) return fail(result);
  // A refused head may not have got as far as a method; then it is none.
  bool isHead = in_ && head().method == Method::kHead;
  char* end = writeError(out_ + queued_, status, server_.date.at(coarseSeconds()), isHead);
  queued_ = static_cast<uint32_t>(end - out_);
  return flush();
}

int Connection::begin(int status, std::string_view fields, int64_t length, bool isHead) noexcept {
  if (const int code = refusalOutside(Stage::kRequest)) return code;
  stage_ = Stage::kStreaming;
  bool noBody = hasNoBody(status);
  // What is streamed may come from the body that is still to be sent. Behind this head it could not be asked for any more,
  // and both sides would wait; a response that refuses it does without.
  if (continuePending_ && body_ != Body::kFailed && at_ == end_ && status < 300 && !noBody && !isHead) {
    continuePending_ = false;
    if (int result = queue(kContinueResponse); result < 0) return result;
  }
  decideClosing();
  framing_ = length >= 0 ? Framing::kLength : Framing::kChunked;
  if (framing_ == Framing::kChunked && head().minorVersion == 0 && !noBody) {
    framing_ = Framing::kUntilClose;
    if (!isHead) closing_ = true;
  }
  ResponseHead head = responseHead(status, fields);
  if (!noBody) {
    if (framing_ == Framing::kLength) head.contentLength = length;
    head.chunked = framing_ == Framing::kChunked;
  }
  if (noBody || isHead) framing_ = Framing::kNone;
  toWrite_ = length;
  return queueHead(head);
}

int Connection::earlyHints(std::string_view fields) noexcept {
  if (const int code = refusalOutside(Stage::kRequest)) return code;
  if (head().minorVersion == 0) return 0;
  if (int result = queue(kEarlyHints); result < 0) return result;
  return sendQueuedAnd(fields.data(), fields.size(), kLineEnd);
}

int Connection::write(const void* data, size_t n) noexcept {
  if (const int code = refusalOutside(Stage::kStreaming)) return code;
  if (n == 0 || framing_ == Framing::kNone) return flush();
  if (framing_ == Framing::kLength) {
    if (toWrite_ < 0 || n > static_cast<uint64_t>(toWrite_)) return -EMSGSIZE;
    toWrite_ -= static_cast<int64_t>(n);
  }
  std::string_view tail;
  if (framing_ == Framing::kChunked) {
    if (int result = reserve(kMostChunkLine); result < 0) return fail(result);
    char* end = std::to_chars(out_ + queued_, out_ + queued_ + 16, n, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    queued_ = static_cast<uint32_t>(end - out_);
    tail = kLineEnd;
  }
  // Worth a copy only where it saves gathering.
  if (out_ && n <= kCopyBytes && n + tail.size() <= outputRoom()) {
    std::memcpy(out_ + queued_, data, n);
    queued_ += static_cast<uint32_t>(n);
    if (!tail.empty()) std::memcpy(out_ + queued_, tail.data(), tail.size());
    queued_ += static_cast<uint32_t>(tail.size());
    return flush();
  }
  return sendQueuedAnd(data, n, tail);
}

int Connection::finish(std::string_view trailers) noexcept {
  if (const int code = refusalOutside(Stage::kStreaming)) return code;
  if (framing_ == Framing::kLength && toWrite_ != 0) {
    flush();
    return fail(-EMSGSIZE);  // the next response would be taken for the rest of this one
  }
  stage_ = Stage::kResponded;
  if (framing_ == Framing::kChunked) {
    if (trailers.empty()) {
      if (int result = queue(kLastChunk); result < 0) return result;
    } else {
      for (const std::string_view part : {std::string_view("0\r\n"), trailers, kLineEnd}) {
        if (int result = queue(part); result < 0) return result;
      }
    }
  }
  return anotherMayBeBuffered() ? 0 : flush();
}

}  // namespace stackful::http
