// WebSockets: what is received, message by message. The bytes come from a socket of net, a stream of HTTP/2, or, for other
// transports, from JavaScript.
#include <cstdlib>
#include <cstring>

#include "../net/operation.h"
#include "../net/transport.h"
#include "buffers.h"
#include "websocket_records.h"

namespace stackful::binding {

thread_local WebSockets* WebSockets::current = nullptr;

namespace {

using websocket::Reader;

// From here on the rest of a payload is received into the message itself, which saves a copy.
constexpr size_t kDirectBytes = 16 * 1024;
// wsOpen(masked, may be compressed, most bytes of a message, lends them): a record's number.
void open(const Info& info) {
  auto* record = new Record({boolAt(info, 0), boolAt(info, 1), static_cast<uint64_t>(numberAt(info, 2))},
                            boolAt(info, 3));
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
    const size_t size = reader.message().size();
    value = bytesOf(isolate, reader);
    if (record.lends && size > Buffers::kMostShared && !value.IsEmpty()) record.loan.begin(isolate, value);
  }
  if (value.IsEmpty()) return returnInt(info, -ENOMEM);
  info.GetReturnValue().Set(value);
}

// The next bytes of a stream of HTTP/2 go to the reader, with the memory that they are in. Positive; or as a read of a socket.
ssize_t receiveFrom(http2::Stream& stream, Reader& reader, net::Deadline deadline) {
  if (const int32_t code = net::refusal(Runtime::current()->scheduler())) return code;
  StreamCall call(stream);
  const ssize_t n = stream.awaitBytes(deadline);
  if (n <= 0) return n;
  const std::string_view there = stream.bytesThere();
  if (const Reader::Space space = reader.spaceFor(kDirectBytes); space.data) {
    const size_t taken = std::min(space.size, there.size());
    memcpy(space.data, there.data(), taken);
    reader.received(taken);
    stream.consume(taken);
  } else {
    reader.adopt(stream.takeBytes(), const_cast<char*>(there.data()), there.size());
  }
  return n;
}

// wsReceive(record, carrier, ms): a message, as a string or a Buffer; a number as give() says; 0 at the end of the stream; or a code.
// -ETIMEDOUT: nothing has come for `ms`, if that is not negative. With the carrier -1 -EAGAIN: wsFeed has to be called. Parks.
void receive(const Info& info) {
  Record* record = recordAt(info);
  if (!record || record->closed) return returnInt(info, -EBADF);
  if (record->receiving) return returnInt(info, kConnectionBusy);
  sched::Scheduler& scheduler = Runtime::current()->scheduler();
  if (const int32_t code = net::refusal(scheduler)) return returnInt(info, code);
  Receiving call(*record);
  record->loan.end(info.GetIsolate());
  Reader& reader = record->reader;
  const int32_t carrier = intAt(info, 1);
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
    if (carrier < 0) return returnInt(info, -EAGAIN);
    if (http2::Stream* stream = streamOf(carrier)) {
      const ssize_t n = receiveFrom(*stream, reader, deadlineAfter(ms));
      if (n <= 0) return returnResult(info, n);
      continue;
    }
    net::Socket* s = socketOf(carrier);
    if (!s) return returnInt(info, -EBADF);
    Reader::Space space{};
    char* scratch = nullptr;
    // The alarm takes part only in waits that have time: it rings at the next turn of the wheel at the earliest.
    const bool alarmed = ms > 0;
    if (alarmed) record->alarm.begin(scheduler, deadlineAfter(ms));
    const net::Deadline deadline = alarmed ? net::kNoDeadline : deadlineAfter(ms);
    const ssize_t n =
        net::readOperation(*s, sched::ParkKind::kSocketRead, deadline, [&]() noexcept -> ssize_t {
          space = reader.spaceFor(kDirectBytes);
          if (space.data) return net::receive(*s, space.data, space.size);
          scratch = Buffers::current()->scratch();
          return net::receive(*s, scratch, Buffers::kScratch);
        });
    record->alarm.end();
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

}  // namespace

void defineWebSocket(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  if (!WebSockets::current) {
    WebSockets::current = new WebSockets;
    node::AddEnvironmentCleanupHook(
        v8::Isolate::GetCurrent(),
        [](void*) {
          // The wheel has gone before.
          for (Record* record : WebSockets::current->records.all()) {
            if (record) record->alarm.forget();
          }
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
  defineWebSocketSending(context, exports);
}

}  // namespace stackful::binding
