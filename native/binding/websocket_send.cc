// WebSockets: frames that are sent, over sockets of net and streams of HTTP/2.
#include <cstdlib>
#include <cstring>

#include "../net/operation.h"
#include "../net/transport.h"
#include "../websocket/mask.h"
#include "buffers.h"
#include "websocket_records.h"

namespace stackful::binding {
namespace {

// Up to here a payload is copied behind its header, which is cheaper than a second part of a gathering write.
constexpr size_t kCopyBytes = 4096;

// A frame, its payload behind its header.
class Frame {
 public:
  ~Frame() {
    if (memory_ != inline_) free(memory_);
  }
  Frame() = default;
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  // False when there is no memory.
  bool make(v8::Isolate* isolate, uint8_t first, v8::Local<v8::Value> data, bool masked) {
    return data->IsString() ? makeText(isolate, first, data.As<v8::String>(), masked)
                            : makeBytes(first, PinnedBytes(data), masked);
  }
  bool makeBytes(uint8_t first, const PinnedBytes& bytes, bool masked) {
    if (!room(bytes.size())) return false;
    if (masked) return finish(first, bytes.data(), bytes.size(), true);
    memcpy(payload(), bytes.data(), bytes.size());
    return finish(first, payload(), bytes.size(), false);
  }

  const char* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }

 private:
  char* payload() noexcept { return memory_ + websocket::kMostHeader; }

  bool room(size_t size) {
    if (size + websocket::kMostHeader <= sizeof inline_) return true;
    memory_ = static_cast<char*>(malloc(size + websocket::kMostHeader));
    if (memory_) return true;
    memory_ = inline_;
    return false;
  }

  bool makeText(v8::Isolate* isolate, uint8_t first, v8::Local<v8::String> text, bool masked) {
    const auto length = static_cast<size_t>(text->Length());
    if (text->IsOneByte()) {
      if (!room(length)) return false;
      writeOneByte(isolate, text, payload(), static_cast<int>(length));
      if (isAscii(payload(), length)) return finish(first, payload(), length, masked);
      if (memory_ != inline_) free(memory_);
      memory_ = inline_;
    }
    const size_t size = utf8Length(isolate, text);
    if (!room(size)) return false;
    writeUtf8(isolate, text, payload(), size);
    return finish(first, payload(), size, masked);
  }

  bool finish(uint8_t first, const char* from, size_t size, bool masked) {
    uint32_t key = 0;
    if (masked) {
      key = WebSockets::current->keys.next();
      websocket::applyMask(payload(), from, size, key);
    }
    const size_t header = websocket::headerBytes(size, masked);
    data_ = payload() - header;
    size_ = header + size;
    websocket::writeHeader(payload() - header, first, size, masked ? &key : nullptr);
    return true;
  }

  // On the coroutine's stack, as of Text.
  char inline_[1000];
  char* memory_ = inline_;
  const char* data_ = nullptr;
  size_t size_ = 0;
};

// The header apart, the payload where it is.
[[gnu::noinline]] void sendLong(const Info& info, net::Socket* s, uint8_t first, const PinnedBytes& bytes) {
  char header[websocket::kMostHeader];
  websocket::writeHeader(header, first, bytes.size(), nullptr);
  const iovec parts[] = {{header, websocket::headerBytes(bytes.size(), false)},
                         {const_cast<char*>(bytes.data()), bytes.size()}};
  returnWritten(info, s, net::writeAll(*s, parts, 2));
}

// As below, over a stream of HTTP/2.
[[gnu::noinline]] void sendOver(const Info& info, http2::Stream& stream) {
  StreamCall call(stream);
  const auto first = static_cast<uint8_t>(intAt(info, 2));
  const Record* record = recordAt(info);
  const bool more = record && record->reader.hasInput();
  if (info[3]->IsArrayBufferView() && info[3].As<v8::ArrayBufferView>()->ByteLength() > kCopyBytes) {
    const PinnedBytes bytes(info[3]);
    char header[websocket::kMostHeader];
    websocket::writeHeader(header, first, bytes.size(), nullptr);
    const iovec parts[] = {{header, websocket::headerBytes(bytes.size(), false)},
                           {const_cast<char*>(bytes.data()), bytes.size()}};
    return returnResult(info, stream.send(parts, 2, more));
  }
  Frame frame;
  if (!frame.make(info.GetIsolate(), first, info[3], false)) return returnInt(info, -ENOMEM);
  const iovec part{const_cast<char*>(frame.data()), frame.size()};
  returnResult(info, stream.send(&part, 1, more));
}

// wsSend(record, carrier, first byte of the frame, string or view, masked): bytes sent, or a code. Small frames are put off while there
// are messages to be received that have come with the last one, and while others have their turns in this batch: see
// EndOfBatch. Parks.
void send(const Info& info) {
  if (http2::Stream* stream = streamOf(intAt(info, 1))) return sendOver(info, *stream);
  net::Socket* s = socketOf(intAt(info, 1));
  if (!s) return returnInt(info, -EBADF);
  const auto first = static_cast<uint8_t>(intAt(info, 2));
  const bool masked = boolAt(info, 4);
  if (!masked && info[3]->IsArrayBufferView() && info[3].As<v8::ArrayBufferView>()->ByteLength() > kCopyBytes)
    return sendLong(info, s, first, PinnedBytes(info[3]));
  Frame frame;
  if (!frame.make(info.GetIsolate(), first, info[3], masked)) return returnInt(info, -ENOMEM);
  const Record* record = recordAt(info);
  const bool others = frame.size() <= kCopyBytes && Runtime::current()->scheduler().readyLength() > 0;
  writeWhole(info, s, frame.data(), frame.size(), others || (record && record->reader.hasInput()));
}

// wsFrame(first byte, string or view, masked): a frame as a Buffer; undefined when there is no memory.
void frame(const Info& info) {
  Frame frame;
  v8::Isolate* isolate = info.GetIsolate();
  if (!frame.make(isolate, static_cast<uint8_t>(intAt(info, 0)), info[1], boolAt(info, 2))) return;
  const v8::Local<v8::Value> bytes = Buffers::current()->copy(isolate, frame.data(), frame.size());
  if (!bytes.IsEmpty()) info.GetReturnValue().Set(bytes);
}

// The frame goes out, or is put off as a whole or in part; else 1, and none of it has gone.
int32_t trySend(net::Socket* s, const Bytes& frame) {
  if (!s) return -EBADF;
  // What does not go out has to fit where it is put off.
  if (frame.size > net::Output::kMost || (s->flags & net::kLayered)) return 1;
  if (s->flags & net::kUnwritable) return static_cast<int32_t>(net::unwritable(*s));
  const ssize_t n = net::mayTransmit(*s) ? net::transmit(*s, frame.data, frame.size) : -EAGAIN;
  if (n == -EAGAIN) return net::buffer(*s, frame.data, frame.size) ? 0 : 1;
  if (n < 0) return static_cast<int32_t>(n);
  const auto sent = static_cast<size_t>(n);
  if (sent < frame.size && !net::buffer(*s, frame.data + sent, frame.size - sent)) {
    s->flags |= net::kBroken;
    return -ENOMEM;
  }
  return 0;
}

// wsBroadcast(carriers, frame): sends it to each of an Int32Array of carriers, whose places then hold 0, or what trySend says. Never
// parks.
void broadcast(const Info& info) {
  auto list = info[0].As<v8::Int32Array>();
  auto* carriers =
      reinterpret_cast<int32_t*>(static_cast<char*>(list->Buffer()->Data()) + list->ByteOffset());
  const Bytes frame = bytesAt(info, 1);
  for (size_t i = 0, count = list->Length(); i < count; ++i) {
    http2::Stream* stream = streamOf(carriers[i]);
    carriers[i] = stream ? stream->trySend(frame.data, frame.size) : trySend(socketOf(carriers[i]), frame);
  }
}

}  // namespace

void defineWebSocketSending(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "wsSend", send);
  define(context, exports, "wsFrame", frame);
  define(context, exports, "wsBroadcast", broadcast);
}

}  // namespace stackful::binding
