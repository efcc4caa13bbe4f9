// ClientConnection: what nghttp2 reports, and what it is given to send.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <vector>

#include "callbacks.h"
#include "client_connection.h"
#include "fields.h"

namespace stackful::http2 {

namespace {

// Informational heads that wait to be read, together, as a multiple of what one head may have.
constexpr size_t kMostHeads = 4;
// A line of a header block costs so much besides its name and value (RFC 9113 section 6.5.2).
constexpr size_t kLineOverhead = 32;

std::string_view text(const uint8_t* data, size_t n) {
  return {reinterpret_cast<const char*>(data), n};
}

}  // namespace

// What nghttp2 calls, with a ClientConnection as its user data.
struct ClientConnection::Callbacks {
  static ClientConnection& self(void* user) { return *static_cast<ClientConnection*>(user); }
  static ClientStream* streamOf(nghttp2_session* session, int32_t id) {
    return static_cast<ClientStream*>(nghttp2_session_get_stream_user_data(session, id));
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

  static int beginHeaders(nghttp2_session* of, const nghttp2_frame* frame, void* user) {
    ClientConnection& c = self(user);
    // It may have been on its way before the server has read that there are to be none.
    if (frame->hd.type == kPushPromise) {
      nghttp2_submit_rst_stream(of, 0, frame->push_promise.promised_stream_id, kRefusedStream);
    }
    c.block_.clear();
    c.blockTooLarge_ = false;
    c.blockStream_ = frame->hd.type == kHeaders ? streamOf(of, frame->hd.stream_id) : nullptr;
    return 0;
  }

  static int field(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t nameLength,
                   const uint8_t* value, size_t valueLength, uint8_t, void* user) {
    self(user).addField(text(name, nameLength), text(value, valueLength));
    return 0;
  }

  // A field that RFC 9113 section 8.2.1 calls malformed, and that nghttp2 would leave out.
  static int invalidField(nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t, const uint8_t*,
                          size_t, uint8_t, void* user) {
    ClientConnection& c = self(user);
    if (!c.blockStream_) return 0;
    nghttp2_submit_rst_stream(c.session_, 0, c.blockStream_->id, kProtocolError);
    c.blockStream_ = nullptr;
    return 0;
  }

  static int frameReceived(nghttp2_session* of, const nghttp2_frame* frame, void* user) {
    ClientConnection& c = self(user);
    const bool ended = frame->hd.flags & kEndStream;
    switch (frame->hd.type) {
      case kHeaders:
        if (c.blockStream_) c.endBlock(*c.blockStream_, ended);
        c.blockStream_ = nullptr;
        break;
      case kData:
        if (ClientStream* stream = ended ? streamOf(of, frame->hd.stream_id) : nullptr) c.answered(*stream);
        break;
      case kRstStream:
        if (ClientStream* stream = streamOf(of, frame->hd.stream_id)) stream->resetByPeer_ = true;
        break;
      case kSettings:
        if (frame->hd.flags & kAck) break;
        c.heardSettings_ = c.changed_ = true;
        break;
      case kGoaway:
        c.closing_ = c.changed_ = true;
        if (frame->goaway.error_code != kNoError) {
          constexpr size_t kMostText = 200;
          c.reason_ = "GOAWAY with error " + std::to_string(frame->goaway.error_code);
          const size_t n = std::min(frame->goaway.opaque_data_len, kMostText);
          if (n > 0) c.reason_.append(": ").append(text(frame->goaway.opaque_data, n));
        }
        break;
      default:
        break;
    }
    return 0;
  }

  static int chunk(nghttp2_session* of, uint8_t, int32_t id, const uint8_t* data, size_t length, void* user) {
    if (ClientStream* stream = streamOf(of, id)) {
      self(user).received(*stream, data, length);
    } else {
      nghttp2_session_consume_connection(of, length);
    }
    return 0;
  }

  static int streamClosed(nghttp2_session* of, int32_t id, uint32_t error, void* user) {
    if (ClientStream* stream = streamOf(of, id)) self(user).closed(*stream, error);
    return 0;
  }

  static int frameSent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != kGoaway || frame->goaway.error_code == kNoError) return 0;
    ClientConnection& c = self(user);
    if (frame->goaway.opaque_data_len > 0) {
      c.reason_ = text(frame->goaway.opaque_data, frame->goaway.opaque_data_len);
    } else if (c.reason_.empty()) {
      c.reason_ = "error " + std::to_string(frame->goaway.error_code);
    }
    return 0;
  }

  static int sendData(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t length,
                      nghttp2_data_source* source, void* user) {
    return self(user).putData(*static_cast<ClientStream*>(source->ptr), head, length);
  }

  static ssize_t prepare(nghttp2_session*, int32_t, uint8_t*, size_t most, uint32_t* flags,
                         nghttp2_data_source* source, void* user) {
    return self(user).prepareData(*static_cast<ClientStream*>(source->ptr), most, *flags);
  }

  static const nghttp2_option* options() {
    static nghttp2_option* const options = makeOptions();
    return options;
  }
};

int ClientConnection::open() noexcept {
  const nghttp2_session_callbacks* callbacks = callbacksOf<Callbacks>();
  const nghttp2_option* options = Callbacks::options();
  if (!callbacks || !options) return -ENOMEM;
  if (nghttp2_session_client_new2(&session_, callbacks, this, options) != 0) return -ENOMEM;
  budget_.begin(settings_.controlFrames, settings_.controlFramesPerSecond);
  const nghttp2_settings_entry entries[] = {
      {kSettingEnablePush, 0},
      {kSettingInitialWindowSize, settings_.streamWindow},
      {kSettingMaxHeaderListSize, settings_.headBytes},
  };
  if (nghttp2_submit_settings(session_, 0, entries, sizeof entries / sizeof *entries) != 0) return -ENOMEM;
  return nghttp2_session_set_local_window_size(session_, 0, 0, kWindow) == 0 ? 0 : -ENOMEM;
}

int32_t ClientConnection::most() const noexcept {
  if (!heardSettings_) return -1;
  const uint32_t most = nghttp2_session_get_remote_settings(session_, kSettingMaxConcurrentStreams);
  return static_cast<int32_t>(std::min<uint32_t>(most, INT32_MAX));
}

void ClientConnection::spend() noexcept {
  if (budget_.spend()) return;
  flooded_ = true;
  nghttp2_session_terminate_session(session_, kEnhanceYourCalm);
}

// As a line of HTTP/1.1's.
void ClientConnection::addField(std::string_view name, std::string_view value) noexcept {
  ClientStream* const stream = blockStream_;
  if (!stream || blockTooLarge_) return;
  if (block_.size() + name.size() + value.size() + kLineOverhead > stream->mostHeadBytes_) {
    blockTooLarge_ = true;
    return;
  }
  if (name == ":status") {
    // nghttp2 has seen to it that these are three digits.
    block_.append("HTTP/1.1 ").append(value).append(" \r\n");
  } else {
    block_.append(name).append(": ").append(value).append("\r\n");
    // nghttp2 has seen to it that it is a number, and that there is one.
    if (name == "content-length" && !stream->finalHead_)
      std::from_chars(value.data(), value.data() + value.size(), stream->announced_);
  }
}

void ClientConnection::endBlock(ClientStream& stream, bool ended) noexcept {
  if (blockTooLarge_ || stream.heads_.size() > kMostHeads * stream.mostHeadBytes_) {
    if (stream.end_ == ClientStream::End::kNone) stream.end_ = ClientStream::End::kHeadTooLarge;
    nghttp2_submit_rst_stream(session_, 0, stream.id, kCancel);
    return stream.wakeAll();
  }
  if (stream.finalHead_) {
    stream.trailers_ = block_;
  } else {
    constexpr size_t kStatusAt = sizeof "HTTP/1.1 " - 1;
    stream.finalHead_ = block_.size() > kStatusAt && block_[kStatusAt] != '1';
    block_.append("\r\n");
    if (!stream.heads_.append(block_.data(), block_.size())) {
      nghttp2_submit_rst_stream(session_, 0, stream.id, kInternalError);
      return;
    }
  }
  if (ended) return answered(stream);
  if (stream.reader_) scheduler_.wake(stream.reader_, 0);
}

void ClientConnection::received(ClientStream& stream, const void* data, size_t n) noexcept {
  stream.received_ += static_cast<int64_t>(n);
  if (stream.released_ || stream.end_ != ClientStream::End::kNone) {
    nghttp2_session_consume_connection(session_, n);
    return;
  }
  if (!stream.body_.append(data, n)) {
    nghttp2_session_consume_connection(session_, n);
    nghttp2_submit_rst_stream(session_, 0, stream.id, kInternalError);
    return;
  }
  if (stream.reader_) scheduler_.wake(stream.reader_, 0);
}

// The server has ended its side.
void ClientConnection::answered(ClientStream& stream) noexcept {
  if (stream.end_ == ClientStream::End::kNone) stream.end_ = ClientStream::End::kComplete;
  if (stream.reader_) scheduler_.wake(stream.reader_, 0);
}

void ClientConnection::closed(ClientStream& stream, uint32_t error) noexcept {
  using End = ClientStream::End;
  nghttp2_session_set_stream_user_data(session_, stream.id, nullptr);
  if (blockStream_ == &stream) blockStream_ = nullptr;
  if (const size_t unread = stream.body_.size()) nghttp2_session_consume_connection(session_, unread);
  // nghttp2 says the same of those that a GOAWAY leaves out.
  End end = error == kRefusedStream ? End::kUnprocessed : stream.resetByPeer_ ? End::kReset : End::kMalformed;
  // node:http2 leaves END_STREAM out when the window is used up, and sends this in its place.
  if (end == End::kReset && error == kNoError && stream.finalHead_ && stream.received_ == stream.announced_)
    end = End::kComplete;
  stream.over(end, error);
}

ssize_t ClientConnection::prepareData(ClientStream& stream, size_t most, uint32_t& flags) noexcept {
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
      FieldList list(stream.trailersOut_, 0);
      list.addLines();
      if (list.size() > 0 && nghttp2_submit_trailer(session_, stream.id, list.data(), list.size()) == 0)
        flags |= kDataNoEndStream;
    }
  }
  return static_cast<ssize_t>(n);
}

int ClientConnection::putData(ClientStream& stream, const uint8_t* frameHead, size_t n) noexcept {
  if (!sink_.putData(frameHead, stream.out_.data(), n)) return kWouldBlock;
  stream.out_.remove(n);
  budget_.earn(2);
  if (stream.writer_ && stream.out_.size() <= ClientStream::kMostQueued / 2)
    scheduler_.wake(stream.writer_, 0);
  return 0;
}

void ClientConnection::resume(ClientStream& stream) noexcept {
  if (stream.deferred_) {
    stream.deferred_ = false;
    nghttp2_session_resume_data(session_, stream.id);
  }
  outputWaits();
}

int ClientConnection::request(ClientStream& stream, std::string_view head, std::string_view body,
                              bool ended) noexcept {
  constexpr std::string_view kLineEnd = "\r\n";
  constexpr std::string_view kHost = "Host: ";
  if (failure_ != Failure::kNone || !socket_) return -EPIPE;
  const size_t methodEnd = head.find(' ');
  const size_t lineEnd = head.find(kLineEnd);
  if (methodEnd == std::string_view::npos || lineEnd == std::string_view::npos) return -EINVAL;
  const size_t pathEnd = head.rfind(' ', lineEnd);
  std::string_view rest = head.substr(lineEnd + kLineEnd.size());
  const size_t hostEnd = rest.find(kLineEnd);
  if (pathEnd <= methodEnd || rest.substr(0, kHost.size()) != kHost) return -EINVAL;
  const std::string_view host = rest.substr(kHost.size(), hostEnd - kHost.size());
  rest.remove_prefix(hostEnd + kLineEnd.size());

  FieldList list(rest, 4);
  list.add(pair(":method", head.substr(0, methodEnd), kNvNoCopyName));
  list.add(pair(":scheme", settings_.secure ? "https" : "http", kNvNoCopyName | kNvNoCopyValue));
  list.add(pair(":authority", host, kNvNoCopyName));
  list.add(pair(":path", head.substr(methodEnd + 1, pathEnd - methodEnd - 1), kNvNoCopyName));
  list.addLines();

  if (!stream.out_.append(body.data(), body.size())) return -ENOMEM;
  stream.outEnded_ = ended;
  nghttp2_data_provider provider;
  provider.source.ptr = &stream;
  provider.read_callback = Callbacks::prepare;
  const bool hasBody = !ended || !body.empty();
  const int32_t id = nghttp2_submit_request(session_, nullptr, list.data(), list.size(),
                                            hasBody ? &provider : nullptr, &stream);
  if (id < 0) {
    // The numbers of streams are used up: another connection has some.
    constexpr int kNoStreamNumber = -509;
    if (id != kNoStreamNumber) return -ENOMEM;
    closing_ = changed_ = true;
    return -EAGAIN;
  }
  stream.id = id;
  stream.next_ = first_;
  if (first_) first_->prev_ = &stream;
  first_ = &stream;
  budget_.earn(2);
  outputWaits();
  return 0;
}

}  // namespace stackful::http2
