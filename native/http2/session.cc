// Session: its beginning and end, what nghttp2 reports, and the streams' queues.
#include "session.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "../http/coarse_clock.h"
#include "../net/operation.h"
#include "callbacks.h"
#include "fields.h"

namespace stackful::http2 {

namespace {

constexpr int32_t kDefaultWindow = 65535;

std::string_view text(const uint8_t* data, size_t n) {
  return {reinterpret_cast<const char*>(data), n};
}

}  // namespace

void Session::Queue::push(Stream& s) noexcept {
  s.nextInQueue_ = nullptr;
  (last ? last->nextInQueue_ : first) = &s;
  last = &s;
}

Stream* Session::Queue::pop() noexcept {
  Stream* s = first;
  if (!s) return nullptr;
  first = s->nextInQueue_;
  if (!first) last = nullptr;
  return s;
}

void Session::Queue::remove(Stream& s) noexcept {
  Stream* before = nullptr;
  for (Stream* at = first; at; before = at, at = at->nextInQueue_) {
    if (at != &s) continue;
    (before ? before->nextInQueue_ : first) = s.nextInQueue_;
    if (last == &s) last = before;
    return;
  }
}

// What nghttp2 calls, with a Session as its user data.
struct Session::Callbacks {
  static Session& self(void* user) { return *static_cast<Session*>(user); }
  static Stream* streamOf(nghttp2_session* session, int32_t id) {
    return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int beginFrame(nghttp2_session*, const nghttp2_frame_hd* hd, void* user) {
    switch (hd->type) {
      case kHeaders:
      case kContinuation:
        break;
      case kData:
        if (hd->length == 0 && !(hd->flags & kEndStream)) self(user).spend();
        break;
      default:
        self(user).spend();
    }
    return 0;
  }

  static int invalidFrame(nghttp2_session*, const nghttp2_frame*, int, void* user) {
    self(user).spend();
    return 0;
  }

  static int beginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Session& session = self(user);
    if (frame->headers.cat == kOfRequest) {
      session.beginHead(frame->hd.stream_id);
    } else {
      session.trailersUnderWay_ = true;
    }
    return 0;
  }

  static int field(nghttp2_session* of, const nghttp2_frame* frame, const uint8_t* name, size_t nameLength,
                   const uint8_t* value, size_t valueLength, uint8_t, void* user) {
    Session& session = self(user);
    if (session.headStream_) {
      session.addField(text(name, nameLength), text(value, valueLength));
    } else if (Stream* stream = session.trailersUnderWay_ ? streamOf(of, frame->hd.stream_id) : nullptr) {
      std::string& to = stream->trailers_;
      if (to.size() + nameLength + valueLength > session.shared_.server.limits.head.headBytes) return 0;
      to.append(text(name, nameLength)).append(": ").append(text(value, valueLength)).append("\r\n");
    }
    return 0;
  }

  // A field that RFC 9113 section 8.2.1 calls malformed, and that nghttp2 would leave out.
  static int invalidField(nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t, const uint8_t*,
                          size_t, uint8_t, void* user) {
    if (self(user).headStream_) self(user).headStatus_ = 400;
    return 0;
  }

  static int frameReceived(nghttp2_session* of, const nghttp2_frame* frame, void* user) {
    Session& session = self(user);
    const uint8_t type = frame->hd.type;
    if (type != kHeaders && type != kData) return 0;
    Stream* stream = streamOf(of, frame->hd.stream_id);
    const bool ended = frame->hd.flags & kEndStream;
    if (type == kHeaders && frame->headers.cat == kOfRequest) {
      if (stream && stream == session.headStream_) session.endHead(*stream, ended);
    } else if (stream && ended) {
      session.bodyEnded(*stream);
    }
    session.trailersUnderWay_ = false;
    return 0;
  }

  static int chunk(nghttp2_session* of, uint8_t, int32_t id, const uint8_t* data, size_t length, void* user) {
    Stream* stream = streamOf(of, id);
    if (stream) {
      self(user).received(*stream, data, length);
    } else {
      nghttp2_session_consume_connection(of, length);
    }
    return 0;
  }

  static int streamClosed(nghttp2_session* of, int32_t id, uint32_t error, void* user) {
    if (Stream* stream = streamOf(of, id)) self(user).closed(*stream, error);
    return 0;
  }

  static int frameSent(nghttp2_session* of, const nghttp2_frame* frame, void* user) {
    if ((frame->hd.type != kHeaders && frame->hd.type != kData) || !(frame->hd.flags & kEndStream)) return 0;
    Stream* stream = streamOf(of, frame->hd.stream_id);
    if (!stream) return 0;
    stream->endSent_ = true;
    // The response is complete, and nothing reads the rest of the request (RFC 9113 section 8.1).
    if (!stream->bodyEnded_ && !stream->mayHalfClose())
      nghttp2_submit_rst_stream(of, 0, frame->hd.stream_id, kNoError);
    return 0;
  }

  static int sendData(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t length,
                      nghttp2_data_source* source, void* user) {
    return self(user).putData(*static_cast<Stream*>(source->ptr), head, length);
  }

  static const nghttp2_option* options() {
    static nghttp2_option* const options = []() {
      nghttp2_option* made = makeOptions();
      if (made) nghttp2_option_set_builtin_recv_extension_type(made, kPriorityUpdate);
      return made;
    }();
    return options;
  }
};

Session::~Session() {
  endStreams();
  giveHead();
  if (session_) nghttp2_session_del(session_);
}

int Session::open() noexcept {
  const nghttp2_session_callbacks* callbacks = callbacksOf<Callbacks>();
  const nghttp2_option* options = Callbacks::options();
  if (!callbacks || !options) return -ENOMEM;
  if (nghttp2_session_server_new2(&session_, callbacks, this, options) != 0) return -ENOMEM;
  const Settings& settings = shared_.settings;
  budget_.begin(settings.controlFrames, settings.controlFramesPerSecond);
  const nghttp2_settings_entry entries[] = {
      {kSettingMaxConcurrentStreams, settings.maxConcurrentStreams},
      {kSettingInitialWindowSize, settings.streamWindow},
      {kSettingMaxHeaderListSize, shared_.server.limits.head.headBytes},
      {kSettingEnableConnectProtocol, 1},
      // Streams are ordered as RFC 9218 says, and not by the tree of RFC 7540.
      {kSettingNoRfc7540Priorities, 1},
  };
  if (nghttp2_submit_settings(session_, 0, entries, sizeof entries / sizeof *entries) != 0) return -ENOMEM;
  // A smaller window would have to be taken back from the client.
  const auto window = static_cast<int32_t>(settings.connectionWindow);
  if (window > kDefaultWindow && nghttp2_session_set_local_window_size(session_, 0, 0, window) != 0)
    return -ENOMEM;
  return 0;
}

int Session::receive(const void* data, size_t n) noexcept {
  const ssize_t taken = nghttp2_session_mem_recv(session_, static_cast<const uint8_t*>(data), n);
  return taken < 0 ? -EPROTO : 0;
}

int Session::putData(Stream& stream, const uint8_t* frameHead, size_t n) noexcept {
  if (!sink_.putData(frameHead, stream.out_.data(), n)) return kWouldBlock;
  stream.out_.remove(n);
  stream.taken_ += n;
  budget_.earn(2);
  if (stream.writer_ && stream.out_.size() <= Stream::kMostQueued / 2) scheduler_.wake(stream.writer_, 0);
  return 0;
}

ssize_t Session::prepareData(Stream& stream, size_t most, uint32_t& flags) noexcept {
  const size_t have = stream.out_.size();
  if (have == 0 && !stream.outEnded_) {
    stream.deferred_ = true;
    return kDeferred;
  }
  const size_t n = std::min(have, most);
  flags |= kDataNoCopy;
  if (n == have && stream.outEnded_) {
    flags |= kDataEof;
    if (!stream.trailersOut_.empty()) {
      constexpr int kMostTrailers = 64;
      nghttp2_nv fields[kMostTrailers];
      std::string lower(stream.trailersOut_.size(), '\0');
      const int count = pairs(stream.trailersOut_, lower.data(), fields, kMostTrailers);
      if (count > 0 && nghttp2_submit_trailer(session_, stream.id, fields, static_cast<size_t>(count)) == 0)
        flags |= kDataNoEndStream;
    }
  }
  return static_cast<ssize_t>(n);
}

void Session::spend() noexcept {
  if (!budget_.spend()) nghttp2_session_terminate_session(session_, kEnhanceYourCalm);
}

void Session::received(Stream& stream, const void* data, size_t n) noexcept {
  stream.bodyReceived_ += static_cast<int64_t>(n);
  stream.continuePending_ = false;
  if ((stream.stage == Stream::Stage::kResponded && !stream.mayHalfClose()) || stream.released_) {
    nghttp2_session_consume_connection(session_, n);
    return;
  }
  if (!stream.body_.append(data, n)) {
    nghttp2_session_consume_connection(session_, n);
    return stream.reset(kInternalError);
  }
  const http::Limits& limits = shared_.server.limits;
  stream.bodyPatience_ =
      std::min(stream.bodyPatience_ + http::timeFor(static_cast<int64_t>(n), limits.slowestBytesPerSecond),
               http::milliseconds(limits.bodyMs));
  if (stream.reader_) scheduler_.wake(stream.reader_, 0);
}

void Session::bodyEnded(Stream& stream) noexcept {
  stream.bodyEnded_ = true;
  if (stream.reader_) scheduler_.wake(stream.reader_, 0);
}

void Session::closed(Stream& stream, uint32_t error) noexcept {
  nghttp2_session_set_stream_user_data(session_, stream.id, nullptr);
  if (headStream_ == &stream) headStream_ = nullptr;
  if (const size_t unread = stream.body_.size()) nghttp2_session_consume_connection(session_, unread);
  stream.end();
}

void Stream::link(Stream*& list) noexcept {
  prev_ = nullptr;
  next_ = list;
  if (list) list->prev_ = this;
  list = this;
}

void Stream::unlink(Stream*& list) noexcept {
  (prev_ ? prev_->next_ : list) = next_;
  if (next_) next_->prev_ = prev_;
  next_ = prev_ = nullptr;
}

// It is over. The record may be gone afterwards.
void Stream::end() noexcept {
  Session& s = *session;
  session = nullptr;
  unlink(s.first_);
  if (stage == Stage::kResponded) {
    --s.draining_;
  } else if (stage == Stage::kHead || stage == Stage::kWaiting) {
    // Nothing has heard of it.
    if (stage == Stage::kWaiting) s.new_.remove(*this);
    --s.handlers_;
    released_ = true;
  } else if (!released_ && !outEnded_) {
    left = true;
    s.left_.push(*this);
  }
  if (reader_) s.scheduler_.wake(reader_, 0);
  if (writer_) s.scheduler_.wake(writer_, 0);
  net::wakeAll(s.scheduler_, turns_, 0);
  if (!released_) return link(s.gone_);
  home_ = nullptr;
  if (calls == 0) s.forget(*this);
}

void Session::endStreams() noexcept {
  while (Stream* stream = first_) {
    if (session_) nghttp2_session_set_stream_user_data(session_, stream->id, nullptr);
    stream->end();
  }
  while (Stream* stream = gone_) {
    stream->unlink(gone_);
    stream->home_ = nullptr;
  }
  left_ = {};
}

void Session::forgetCoroutines() noexcept {
  for (Stream* stream = first_; stream; stream = stream->next_) {
    stream->reader_ = stream->writer_ = nullptr;
    stream->turns_ = {};
  }
}

Stream* Session::takeNew() noexcept {
  Stream* stream = new_.pop();
  if (stream) stream->stage = Stream::Stage::kRequest;
  return stream;
}

Stream* Session::takeLeft() noexcept {
  return left_.pop();
}

void Session::responded(Stream& stream) noexcept {
  stream.stage = Stream::Stage::kResponded;
  --handlers_;
  ++draining_;
}

void Session::shutDown(bool finally) noexcept {
  if (!session_ || finished_) return;
  if (finally) {
    finished_ = true;
    nghttp2_submit_goaway(session_, 0, nghttp2_session_get_last_proc_stream_id(session_), kNoError, nullptr,
                          0);
  } else if (!noticed_) {
    nghttp2_submit_shutdown_notice(session_);
  }
  noticed_ = true;
  outputWaits();
}

void Session::sweep() noexcept {
  const http::Limits& limits = shared_.server.limits;
  const uint64_t least = uint64_t{limits.slowestBytesPerSecond} * limits.sendMs / 1000;
  bool resets = false;
  // Nothing is sent before the end of the loop: with its RST_STREAM a stream may be over, and its record gone.
  for (Stream* stream = first_; stream; stream = stream->next_) {
    if (stream->stage != Stream::Stage::kResponded) continue;
    const bool blocked = nghttp2_session_get_remote_window_size(session_) <= 0 ||
                         nghttp2_session_get_stream_remote_window_size(session_, stream->id) <= 0;
    if (blocked && stream->swept_ && stream->taken_ - stream->takenAtSweep_ < std::max<uint64_t>(least, 1)) {
      nghttp2_submit_rst_stream(session_, 0, stream->id, kCancel);
      resets = true;
    }
    stream->swept_ = true;
    stream->takenAtSweep_ = stream->taken_;
  }
  if (resets) outputWaits();
}

}  // namespace stackful::http2
