// WebSockets: what is received, message by message, and frames that are sent. The bytes come from a socket of net, or, for
// other transports, from JavaScript.
#include <sys/random.h>

#include <cstdlib>
#include <cstring>

#include "../net/operation.h"
#include "../net/transport.h"
#include "../websocket/mask.h"
#include "../websocket/reader.h"
#include "buffers.h"
#include "net.h"
#include "numbered.h"

namespace stackful::binding {
namespace {

using websocket::Reader;

// From here on the rest of a payload is received into the message itself, which saves a copy.
constexpr size_t kDirectBytes = 16 * 1024;
// Up to here a payload is copied behind its header, which is cheaper than a second part of a gathering write.
constexpr size_t kCopyBytes = 4096;

struct Record {
  explicit Record(const Reader::Terms& terms) : reader(terms) {}

  Reader reader;
  uint32_t slot = 0;
  bool receiving = false;  // a coroutine is in wsReceive
  bool closed = false;     // then the end of that call frees the record
};

// Keys for masks: so few bytes each that a system call for every one would be most of its cost.
class Keys {
 public:
  uint32_t next() noexcept {
    if (left_ == 0) {
      // Never interrupted nor short for so few bytes, once the system's generator is ready.
      if (getrandom(keys_, sizeof keys_, 0) != sizeof keys_) abort();
      left_ = kKeys;
    }
    return keys_[--left_];
  }

 private:
  static constexpr size_t kKeys = 64;
  uint32_t keys_[kKeys];
  size_t left_ = 0;
};

struct WebSockets {
  static thread_local WebSockets* current;
  Numbered<Record> records;
  Keys keys;
};

thread_local WebSockets* WebSockets::current = nullptr;

Record* recordAt(const Info& info) {
  return WebSockets::current ? WebSockets::current->records.at(intAt(info, 0)) : nullptr;
}

// wsOpen(masked, may be compressed, most bytes of a message): a record's number.
void open(const Info& info) {
  auto* record = new Record({boolAt(info, 0), boolAt(info, 1), static_cast<uint64_t>(numberAt(info, 2))});
  record->slot = WebSockets::current->records.add(record);
  returnInt(info, record->slot);
}

// wsFree(record): the number is free for another one.
void release(const Info& info) {
  Record* record = recordAt(info);
  if (!record || record->closed) return;
  record->closed = true;
  if (!record->receiving) WebSockets::current->records.remove(record->slot);
}

// A call that may park: the record stays valid until it is over.
class Receiving {
 public:
  explicit Receiving(Record& record) : record_(record) { record_.receiving = true; }
  ~Receiving() {
    record_.receiving = false;
    if (record_.closed) WebSockets::current->records.remove(record_.slot);
  }
  Receiving(const Receiving&) = delete;
  Receiving& operator=(const Receiving&) = delete;

 private:
  Record& record_;
};

v8::Local<v8::Value> textOf(v8::Isolate* isolate, std::string_view text) {
  if (text.size() > static_cast<size_t>(v8::String::kMaxLength)) return {};
  const auto size = static_cast<int>(text.size());
  v8::MaybeLocal<v8::String> made =
      isAscii(text.data(), text.size())
          ? v8::String::NewFromOneByte(isolate, reinterpret_cast<const uint8_t*>(text.data()),
                                       v8::NewStringType::kNormal, size)
          : v8::String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kNormal, size);
  return made.FromMaybe(v8::Local<v8::String>());
}

// Bytes of the message as a Buffer; those in memory of their own without a copy.
v8::Local<v8::Value> bytesOf(v8::Isolate* isolate, Reader& reader) {
  const std::string_view message = reader.message();
  if (char* memory = reader.takeMemory()) return Buffers::current()->adopt(isolate, memory, message.size());
  return Buffers::current()->copy(isolate, message.data(), message.size());
}

// What next() has found. Numbers up to 15 are the opcode of a control frame, kCompressedText and kCompressedBytes announce such a
// message, both for wsTake; from kViolations on they tell a violation.
constexpr int32_t kCompressedText = 17;
constexpr int32_t kCompressedBytes = 18;
constexpr int32_t kViolations = 32;

void give(const Info& info, Record& record, Reader::Found found) {
  Reader& reader = record.reader;
  if (found == Reader::Found::kViolation)
    return returnInt(info, kViolations + static_cast<int32_t>(reader.violation()));
  if (found == Reader::Found::kControl) return returnInt(info, reader.controlOpcode());
  if (reader.isCompressed()) return returnInt(info, reader.isText() ? kCompressedText : kCompressedBytes);
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Value> value;
  if (reader.isText()) {
    value = textOf(isolate, reader.message());
    free(reader.takeMemory());
  } else {
    value = bytesOf(isolate, reader);
  }
  if (value.IsEmpty()) return returnInt(info, -ENOMEM);
  info.GetReturnValue().Set(value);
}

// wsReceive(record, socket, ms): a message, as a string or a Buffer; a number as give() says; 0 at the end of the stream; or a code.
// -ETIMEDOUT: nothing has come for `ms`, if that is not negative. With the socket -1 -EAGAIN: wsFeed has to be called. Parks.
void receive(const Info& info) {
  Record* record = recordAt(info);
  if (!record || record->closed) return returnInt(info, -EBADF);
  if (record->receiving) return returnInt(info, kConnectionBusy);
  sched::Scheduler& scheduler = Runtime::current()->scheduler();
  if (const int32_t code = net::refusal(scheduler)) return returnInt(info, code);
  Receiving call(*record);
  Reader& reader = record->reader;
  const int32_t socket = intAt(info, 1);
  const double ms = numberAt(info, 2);
  for (;;) {
    // The yield that is due after so many messages comes here: below, no other coroutine may run between the system call and the
    // last use of the scratch area.
    scheduler.chargeAhead();
    if (record->closed) return returnInt(info, -EBADF);
    const bool had = reader.hasInput();
    Reader::Found found = reader.next();
    if (found != Reader::Found::kNothing) {
      if (had) scheduler.charge();
      if (record->closed) return returnInt(info, -EBADF);
      return give(info, *record, found);
    }
    reader.keep();
    if (socket < 0) return returnInt(info, -EAGAIN);
    net::Socket* s = Net::current->sockets.at(socket);
    if (!s) return returnInt(info, -EBADF);
    Reader::Space space{};
    char* scratch = nullptr;
    const ssize_t n =
        net::readOperation(*s, sched::ParkKind::kSocketRead, deadlineAfter(ms), [&]() noexcept -> ssize_t {
          space = reader.spaceFor(kDirectBytes);
          if (space.data) return net::receive(*s, space.data, space.size);
          scratch = Buffers::current()->scratch();
          return net::receive(*s, scratch, Buffers::kScratch);
        });
    if (n <= 0) return returnResult(info, n);
    if (space.data) {
      reader.received(static_cast<size_t>(n));
      continue;
    }
    reader.give(scratch, static_cast<size_t>(n));
    found = reader.next();
    if (found == Reader::Found::kMessage && !reader.isCompressed() && !reader.hasInput())
      return give(info, *record, found);
    if (found == Reader::Found::kNothing) continue;
    // More is behind it, and the scratch area is not ours for long.
    if (found == Reader::Found::kMessage && !reader.own()) return returnInt(info, -ENOMEM);
    if (!reader.keep()) return returnInt(info, -ENOMEM);
    return give(info, *record, found);
  }
}

// wsFeed(record, bytes): the next ones of the stream.
void feed(const Info& info) {
  Record* record = recordAt(info);
  if (!record || record->closed) return;
  const Bytes bytes = bytesAt(info, 1);
  returnInt(info, record->reader.add(bytes.data, bytes.size) ? 0 : -ENOMEM);
}

// wsTake(record): what a number of wsReceive has announced, as a Buffer.
void take(const Info& info) {
  Record* record = recordAt(info);
  if (!record || record->closed) return;
  v8::Isolate* isolate = info.GetIsolate();
  Reader& reader = record->reader;
  if (boolAt(info, 1)) {
    const std::string_view control = reader.control();
    return info.GetReturnValue().Set(Buffers::current()->copy(isolate, control.data(), control.size()));
  }
  const v8::Local<v8::Value> bytes = bytesOf(isolate, reader);
  if (!bytes.IsEmpty()) info.GetReturnValue().Set(bytes);
}

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

// wsSend(record, socket, first byte of the frame, string or view, masked): bytes sent, or a code. Small frames are put off while there
// are messages to be received that have come with the last one, and while others have their turns in this batch: see
// EndOfBatch. Parks.
void send(const Info& info) {
  net::Socket* s = Net::current ? Net::current->sockets.at(intAt(info, 1)) : nullptr;
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

// wsBroadcast(sockets, frame): sends it to each of an Int32Array of sockets, whose places then hold 0, or what trySend says. Never
// parks.
void broadcast(const Info& info) {
  auto list = info[0].As<v8::Int32Array>();
  auto* sockets = reinterpret_cast<int32_t*>(static_cast<char*>(list->Buffer()->Data()) + list->ByteOffset());
  const Bytes frame = bytesAt(info, 1);
  for (size_t i = 0, count = list->Length(); i < count; ++i) {
    sockets[i] = trySend(Net::current->sockets.at(sockets[i]), frame);
  }
}

}  // namespace

void defineWebSocket(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  if (!WebSockets::current) {
    WebSockets::current = new WebSockets;
    node::AddEnvironmentCleanupHook(
        v8::Isolate::GetCurrent(),
        [](void*) {
          delete WebSockets::current;
          WebSockets::current = nullptr;
        },
        nullptr);
  }
  define(context, exports, "wsOpen", open);
  define(context, exports, "wsFree", release);
  define(context, exports, "wsReceive", receive);
  define(context, exports, "wsFeed", feed);
  define(context, exports, "wsTake", take);
  define(context, exports, "wsSend", send);
  define(context, exports, "wsFrame", frame);
  define(context, exports, "wsBroadcast", broadcast);
}

}  // namespace stackful::binding
