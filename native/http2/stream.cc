// Stream: the body of its request, and its response.
#include "stream.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../http/characters.h"
#include "../http/coarse_clock.h"
#include "../sched/result_code.h"
#include "fields.h"
#include "session.h"

namespace stackful::http2 {

Stream::~Stream() {
  std::free(head_);
}

// Why a call that belongs to `wanted` cannot be made now, or 0.
int Stream::refusalOutside(Stage wanted) const noexcept {
  if (!session) return -EPIPE;
  return stage == wanted ? 0 : -EALREADY;
}

bool Stream::bodyTooLarge() const noexcept {
  const int64_t announced = head_->chunked ? bodyReceived_ : std::max<int64_t>(head_->contentLength, 0);
  return announced > bodyLimit_;
}

void Stream::consume(size_t n) noexcept {
  body_.remove(n);
  bodyRead_ += static_cast<int64_t>(n);
  if (!session || n == 0) return;
  if (bodyEnded_) {
    nghttp2_session_consume_connection(session->session_, n);
  } else {
    nghttp2_session_consume(session->session_, id, n);
  }
  session->outputWaits();
}

ssize_t Stream::readBody(void* to, size_t n) noexcept {
  if (connects_) return tunnel_ ? readTunnel(to, n) : 0;
  if (reader_) return kConnectionBusy;
  for (;;) {
    if (bodyError_ != 0) return bodyError_;
    if (bodyTooLarge()) return bodyError_ = kBodyTooLarge;
    if (const size_t have = std::min(n, body_.size()); have > 0) {
      std::memcpy(to, body_.data(), have);
      consume(have);
      return static_cast<ssize_t>(have);
    }
    if (bodyEnded_) return 0;
    if (!session) return bodyError_ = -ECONNRESET;
    if (continuePending_) {
      continuePending_ = false;
      if (stage == Stage::kRequest) inform(100, {});
    }
    const int64_t before = http::coarseNow();
    reader_ = session->scheduler_.running();
    const int32_t code =
        session->wait(sched::ParkKind::kSocketRead, std::min(before + bodyPatience_, bodyEnd_));
    reader_ = nullptr;
    bodyPatience_ -= http::coarseNow() - before;
    if (code == -ETIMEDOUT) return bodyError_ = -ETIMEDOUT;
    if (code < 0) return code;
  }
}

std::string_view Stream::wholeBody(size_t most) const noexcept {
  if (!hasRequest() || reader_ || !bodyEnded_ || bodyRead_ != 0 || bodyError_ != 0 || bodyTooLarge())
    return {};
  if (body_.size() > most) return {};
  return {body_.size() > 0 ? body_.data() : "", body_.size()};
}

// Gives the head to nghttp2, which copies it; `body`: the bytes follow from out_.
int Session::submit(Stream& stream, int status, std::string_view fields, int64_t length, bool body) noexcept {
  FieldList list(fields, 3);
  char statusText[3];
  statusText[0] = static_cast<char>('0' + status / 100);
  statusText[1] = static_cast<char>('0' + status / 10 % 10);
  statusText[2] = static_cast<char>('0' + status % 10);
  char lengthText[20];
  list.add(pair(":status", {statusText, 3}, kNvNoCopyName));
  constexpr size_t kDateName = 6, kDateEnd = 2;
  std::string_view date = shared_.server.date.at(http::coarseSeconds());
  date.remove_prefix(kDateName);
  date.remove_suffix(kDateEnd);
  if (status >= 200) list.add(pair("date", date, kNvNoCopyName));
  list.addLines();
  if (length >= 0) {
    char* const end = std::to_chars(lengthText, lengthText + sizeof lengthText, length).ptr;
    list.add(pair("content-length", {lengthText, static_cast<size_t>(end - lengthText)}, kNvNoCopyName));
  }
  int result;
  if (status < 200) {
    result = nghttp2_submit_headers(session_, 0, stream.id, nullptr, list.data(), list.size(), nullptr);
  } else {
    nghttp2_data_provider provider;
    provider.source.ptr = &stream;
    provider.read_callback = [](nghttp2_session*, int32_t, uint8_t*, size_t most, uint32_t* flags,
                                nghttp2_data_source* source, void* user) -> ssize_t {
      return static_cast<Session*>(user)->prepareData(*static_cast<Stream*>(source->ptr), most, *flags);
    };
    result =
        nghttp2_submit_response(session_, stream.id, list.data(), list.size(), body ? &provider : nullptr);
  }
  if (result < 0) return -ENOMEM;
  outputWaits();
  return 0;
}

void Session::resume(Stream& stream) noexcept {
  if (stream.deferred_) {
    stream.deferred_ = false;
    nghttp2_session_resume_data(session_, stream.id);
  }
  outputWaits();
}

int Stream::respond(int status, std::string_view fields, const char* body, size_t n) noexcept {
  if (const int code = refusalOutside(Stage::kRequest)) return code;
  const bool noBody = http::hasNoBody(status);
  const int64_t length = noBody ? kNoLength : static_cast<int64_t>(n);
  if (noBody || isHead()) n = 0;
  Session& s = *session;
  if (n > kMostQueued) {
    stage = Stage::kStreaming;
    int code = s.submit(*this, status, fields, length, true);
    if (code == 0) code = queueBody(body, n);
    if (code < 0) return code;
    return complete();
  }
  // The usual response is complete before nghttp2 hears of it. It may go out at once, and then be over.
  if (!out_.append(body, n)) return -ENOMEM;
  outEnded_ = true;
  s.responded(*this);
  const int code = s.submit(*this, status, fields, length, n > 0);
  if (code < 0) reset(kInternalError);
  return code;
}

// The response is complete.
int Stream::complete() noexcept {
  outEnded_ = true;
  session->responded(*this);
  session->resume(*this);
  return 0;
}

int Stream::begin(int status, std::string_view fields, int64_t length) noexcept {
  if (const int code = refusalOutside(Stage::kRequest)) return code;
  bodiless_ = outEnded_ = http::hasNoBody(status) || isHead();
  toWrite_ = length;
  stage = Stage::kStreaming;
  return session->submit(*this, status, fields, http::hasNoBody(status) ? kNoLength : length, !bodiless_);
}

int Stream::write(const void* data, size_t n) noexcept {
  if (const int code = refusalOutside(Stage::kStreaming)) return code;
  if (n == 0 || bodiless_) return 0;
  if (tunnel_) {
    const iovec part{const_cast<void*>(data), n};
    return send(&part, 1);
  }
  if (writer_) return kConnectionBusy;
  if (toWrite_ >= 0) {
    if (n > static_cast<uint64_t>(toWrite_)) return -EMSGSIZE;
    toWrite_ -= static_cast<int64_t>(n);
  }
  return queueBody(data, n);
}

// Puts the bytes into out_, and waits for room where there is none.
int Stream::queueBody(const void* data, size_t n) noexcept {
  const char* at = static_cast<const char*>(data);
  sched::Scheduler& scheduler = session->scheduler_;
  while (n > 0) {
    const size_t now = std::min(n, kMostQueued - out_.size());
    if (now > 0) {
      if (!out_.append(at, now)) return -ENOMEM;
      at += now;
      n -= now;
      session->resume(*this);  // may end the stream: a reset may have waited to be sent
      if (n == 0) scheduler.charge();
    } else if (const int code = waitForRoom(); code < 0) {
      return code;
    }
    if (!session) return -EPIPE;
  }
  return 0;
}

// Patience is used up by waiting, and earned by bytes that go.
int Stream::waitForRoom() noexcept {
  const http::Limits limits = session->shared_.server.limits;
  const int64_t most = http::milliseconds(limits.sendMs);
  int64_t patience = most;
  while (out_.size() == kMostQueued) {
    const uint64_t before = taken_;
    const int64_t since = http::coarseNow();
    writer_ = session->scheduler_.running();
    const int32_t code = session->wait(sched::ParkKind::kSocketWrite, since + patience);
    writer_ = nullptr;
    if (!session) return -EPIPE;
    const int64_t earned = http::timeFor(static_cast<int64_t>(taken_ - before), limits.slowestBytesPerSecond);
    patience = std::min(most, patience + earned - (http::coarseNow() - since));
    if (code == -ETIMEDOUT && patience <= 0) {
      reset(kCancel);
      return -ETIMEDOUT;
    }
    if (code < 0 && code != -ETIMEDOUT) return code;
  }
  return 0;
}

int Stream::finish(std::string_view trailers) noexcept {
  if (tunnel_) return endTunnel();
  if (const int code = refusalOutside(Stage::kStreaming)) return code;
  if (toWrite_ > 0 && !bodiless_) {
    reset(kInternalError);
    return -EMSGSIZE;
  }
  trailersOut_ = trailers;
  return complete();
}

int Stream::sendFile(int file, int64_t offset, int64_t length, CachedFrom cachedFrom,
                     void* context) noexcept {
  if (const int code = refusalOutside(Stage::kStreaming)) return code;
  if (bodiless_) return 0;
  if (length > toWrite_) return -EMSGSIZE;
  const int64_t end = offset + length;
  sched::Scheduler& scheduler = session->scheduler_;
  while (offset < end) {
    const int64_t cached = cachedFrom(context, offset);
    if (cached < 0) return static_cast<int>(cached);
    if (!session) return -EPIPE;
    if (out_.size() == kMostQueued) {
      if (const int code = waitForRoom(); code < 0) return code;
    }
    const size_t most = std::min(static_cast<size_t>(cached), kMostQueued - out_.size());
    char* to = out_.reserve(most);
    if (!to) return -ENOMEM;
    const ssize_t n = pread(file, to, most, offset);
    if (n == 0) return 0;  // the file has become shorter than it was
    if (n < 0) return -errno;
    out_.append(static_cast<size_t>(n));
    offset += n;
    toWrite_ -= n;
    session->resume(*this);
    scheduler.charge();
    if (!session) return -EPIPE;
  }
  return 0;
}

int Stream::inform(int status, std::string_view fields) noexcept {
  if (const int code = refusalOutside(Stage::kRequest)) return code;
  return session->submit(*this, status, fields, kNoLength, false);
}

void Stream::reset(uint32_t error) noexcept {
  if (!session) return;
  nghttp2_submit_rst_stream(session->session_, 0, id, error);
  session->outputWaits();
}

bool Stream::release(uint32_t error) noexcept {
  released_ = true;
  Session* const s = home_;
  if (!s) return true;
  if (stage != Stage::kResponded) --s->handlers_;
  if (!session) {
    s->left_.remove(*this);
    unlink(s->gone_);
    home_ = nullptr;
    return true;
  }
  if (tunnel_) {
    closeTunnel();
  } else if (stage != Stage::kResponded) {
    reset(error);
  }
  return false;
}

}  // namespace stackful::http2
