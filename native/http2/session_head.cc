// Session: header blocks of requests. Their fields are written as HTTP/1.1 has them, and read by the parser of those: a path, a
// length, a host, and what is too long or too many, are judged alike whatever the protocol. Characters that could end a line early
// do not come this far: nghttp2 refuses them.
#include <cstdlib>
#include <cstring>
#include <new>

#include "../http/coarse_clock.h"
#include "session.h"

namespace stackful::http2 {

namespace {

constexpr std::string_view kVersion = " HTTP/1.1\r\n";
constexpr std::string_view kLineEnd = "\r\n";

}  // namespace

void Session::giveHead() noexcept {
  if (headBytes_) shared_.heads.give(headBytes_);
  headBytes_ = nullptr;
  headStream_ = nullptr;
}

void Session::beginHead(int32_t id) noexcept {
  giveHead();
  // Handlers of streams that were reset count until they have ended: a client must not have as many as it likes.
  const bool crowded = handlers_ >= 2 * shared_.settings.maxConcurrentStreams;
  Stream* stream = crowded ? nullptr : new (std::nothrow) Stream(*this, id);
  if (stream) headBytes_ = shared_.heads.take();
  if (!headBytes_) {
    delete stream;
    nghttp2_submit_rst_stream(session_, 0, id, kRefusedStream);
    return;
  }
  headStream_ = stream;
  headFill_ = textAt_ = 0;
  headStatus_ = 0;
  method_ = path_ = authority_ = protocol_ = {};
  stream->link(first_);
  ++handlers_;
  nghttp2_session_set_stream_user_data(session_, id, stream);
}

// False, and the request is refused, when there is no room.
bool Session::putHead(std::string_view text) noexcept {
  if (headStatus_ != 0) return false;
  if (text.size() > shared_.headRoom() - headFill_) {
    headStatus_ = 431;
    return false;
  }
  std::memcpy(headBytes_ + sizeof(http::Head) + headFill_, text.data(), text.size());
  headFill_ += text.size();
  return true;
}

void Session::addPseudo(std::string_view name, std::string_view value) noexcept {
  Slice* slice = name == ":method"      ? &method_
                 : name == ":path"      ? &path_
                 : name == ":authority" ? &authority_
                 : name == ":protocol"  ? &protocol_
                                        : nullptr;
  if (!slice) return;
  *slice = {static_cast<uint32_t>(headFill_), static_cast<uint32_t>(value.size()), true};
  putHead(value);
}

void Session::putRequestLine() noexcept {
  const char* const bytes = headBytes_ + sizeof(http::Head);
  const auto of = [&](const Slice& slice) { return std::string_view(bytes + slice.at, slice.length); };
  textAt_ = headFill_;
  const bool connects = of(method_) == "CONNECT" && !protocol_.given;
  // A target of another form means another host than the one that the connection is for.
  if (!connects && (path_.length == 0 || (bytes[path_.at] != '/' && of(path_) != "*"))) headStatus_ = 400;
  // Extended CONNECT (RFC 8441) is read as the request of HTTP/1.1 that asks for the same; nghttp2 sees to it that its other
  // pseudo-fields are there.
  if (protocol_.given && of(protocol_) != "websocket") headStatus_ = 501;
  putHead(protocol_.given ? "GET" : of(method_));
  putHead(" ");
  putHead(connects ? of(authority_) : of(path_));
  putHead(kVersion);
  if (protocol_.given) putHead("upgrade: websocket\r\n");
  if (!authority_.given) return;
  putHead("host: ");
  putHead(of(authority_));
  putHead(kLineEnd);
}

void Session::addField(std::string_view name, std::string_view value) noexcept {
  if (!name.empty() && name[0] == ':') return addPseudo(name, value);
  if (textAt_ == 0) putRequestLine();
  // It has to say the same as :authority, which stands here already.
  if (authority_.given && name == "host") {
    if (value != std::string_view(headBytes_ + sizeof(http::Head) + authority_.at, authority_.length))
      headStatus_ = 400;
    return;
  }
  putHead(name);
  putHead(": ");
  putHead(value);
  putHead(kLineEnd);
}

void Session::endHead(Stream& stream, bool ended) noexcept {
  heardRequests_ = true;
  if (textAt_ == 0) putRequestLine();
  putHead(kLineEnd);
  auto* head = new (headBytes_) http::Head();
  const char* const text = headBytes_ + sizeof(http::Head) + textAt_;
  if (headStatus_ == 0) {
    const http::ParseResult result =
        http::parseHead(text, headFill_ - textAt_, shared_.server.limits.head, *head);
    if (result.status == http::ParseStatus::kError) headStatus_ = result.error;
    if (result.status == http::ParseStatus::kNeedMore) headStatus_ = 400;
  }
  stream.connects_ = protocol_.given;
  // Its length is that of a body, which there is none of.
  if (stream.connects_ && headStatus_ == 0 && head->contentLength != http::Head::kNoLength) headStatus_ = 400;
  const int status = headStatus_;
  if (status != 0) {
    // A refused head is not looked at; the response has a body whatever the method was.
    head->reset();
    head->data = text;
  }
  if (!ended && head->contentLength == http::Head::kNoLength && !stream.connects_) head->chunked = true;
  stream.setHead(*head, ended);
  giveHead();
  if (!stream.head_) return stream.reset(kInternalError);
  if (status == 0) {
    stream.stage = Stream::Stage::kWaiting;
    stream.arrival = arrival_;
    new_.push(stream);
    return;
  }
  stream.released_ = true;
  stream.stage = Stream::Stage::kRequest;
  const std::string_view body = http::errorText(status);
  stream.respond(status, "content-type: text/plain; charset=utf-8\r\n", body.data(), body.size());
}

// Keeps as much of it as it has.
void Stream::setHead(const http::Head& parsed, bool ended) noexcept {
  const size_t fixed = offsetof(http::Head, fields) + parsed.fieldCount * sizeof(http::Field);
  auto* copy = static_cast<char*>(std::malloc(fixed + parsed.next));
  if (!copy) return;
  std::memcpy(copy, static_cast<const void*>(&parsed), fixed);
  std::memcpy(copy + fixed, parsed.data, parsed.next);
  head_ = reinterpret_cast<http::Head*>(copy);
  head_->data = copy + fixed;
  const http::Limits& limits = session->shared_.server.limits;
  bodyEnded_ = ended;
  bodyLimit_ = limits.bodyBytes;
  if (ended) return;
  bodyPatience_ = http::milliseconds(limits.bodyMs);
  bodyEnd_ = http::coarseNow() + http::milliseconds(limits.requestMs);
  continuePending_ = head_->expectContinue;
}

}  // namespace stackful::http2
