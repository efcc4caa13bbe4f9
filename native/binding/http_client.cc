// The native half of lib/http/client: heads and bodies of answers. Nothing here is kept between two calls: sockets are those of
// the net module, bytes are Buffers of JavaScript.
#include "../http/chunked.h"
#include "../net/operation.h"
#include "../net/transport.h"
#include "buffers.h"
#include "http_told.h"
#include "net.h"

namespace stackful::binding {
namespace {

// What has arrived is in the scratch area, `length` bytes. Parks until the deadline, which is -ETIMEDOUT; one that the
// kernel reports has a code of its own.
ssize_t receiveBy(const Info& info, double ms) {
  // The yield that is due after so many reads comes first: between the system call and the copy out of the
  // scratch area no other coroutine may run.
  Runtime::current()->scheduler().chargeAhead();
  net::Socket* s = socketAt(info);
  if (!s) return -EBADF;
  return net::readOperation(*s, sched::ParkKind::kSocketRead, deadlineAfter(ms), [&]() noexcept -> ssize_t {
    const ssize_t n = net::receive(*s, Buffers::current()->scratch(), Buffers::kScratch);
    return n == -ETIMEDOUT ? ssize_t{kKernelTimedOut} : n;
  });
}

// httpClientRead(socket, ms): a Buffer, 0 at the end of the stream, or a code. Parks.
void read(const Info& info) {
  const ssize_t n = receiveBy(info, numberAt(info, 1));
  if (n <= 0) return returnInt(info, n);
  info.GetReturnValue().Set(Buffers::current()->fromScratch(info.GetIsolate(), static_cast<size_t>(n)));
}

// httpClientReadHead(socket, ms, told, most bytes, most fields): as httpClientRead, and tells of the head that the bytes begin
// with. Parks.
void readHead(const Info& info) {
  const ssize_t n = receiveBy(info, numberAt(info, 1));
  if (n <= 0) return returnInt(info, n);
  Buffers& buffers = *Buffers::current();
  Told told(info, 2);
  tellHead({buffers.scratch(), static_cast<size_t>(n)}, numberAt(info, 3), numberAt(info, 4), told);
  info.GetReturnValue().Set(buffers.fromScratch(info.GetIsolate(), static_cast<size_t>(n)));
}

// httpClientSend(socket, head): bytes sent, or a code; the head goes out as Latin-1. Parks.
void send(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  const auto head = info[1].As<v8::String>();
  const int length = head->Length();
  // On the coroutine's stack, as of Text.
  char small[1000];
  std::unique_ptr<char[]> large;
  char* bytes = small;
  if (static_cast<size_t>(length) > sizeof small) {
    large.reset(new char[static_cast<size_t>(length)]);
    bytes = large.get();
  }
  writeOneByte(info.GetIsolate(), head, bytes, length);
  writeWhole(info, s, bytes, static_cast<size_t>(length), false);
}

std::string_view bytesUpTo(const Info& info, int bytes, int length) {
  const Bytes all = bytesAt(info, bytes);
  return {all.data, std::min(all.size, static_cast<size_t>(numberAt(info, length)))};
}

// httpClientParse(bytes, length, told, most bytes, most fields): tells of the head that the bytes begin with.
void parse(const Info& info) {
  Told told(info, 2);
  tellHead(bytesUpTo(info, 0, 1), numberAt(info, 3), numberAt(info, 4), told);
}

std::string_view fieldsOf(std::string_view head) {
  const size_t end = head.find('\n');
  return head.substr(end == std::string_view::npos ? head.size() : end + 1);
}

// httpClientFields(bytes, length, trailer): name, value, ... of a complete head, or of a trailer.
void fields(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  std::string_view bytes = bytesUpTo(info, 0, 1);
  if (!boolAt(info, 2)) bytes = fieldsOf(bytes);
  std::vector<v8::Local<v8::Value>> list;
  http::eachField(bytes, [&](std::string_view name, std::string_view value) {
    list.push_back(asciiString(isolate, name));
    list.push_back(asciiString(isolate, value));
    return true;
  });
  info.GetReturnValue().Set(v8::Array::New(isolate, list.data(), list.size()));
}

// httpClientField(bytes, length, name): the value of the fields of that name, joined with commas, or undefined.
void field(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const Text name(isolate, info[2].As<v8::String>());
  if (!name) return;
  std::string_view first;
  std::string joined;
  size_t count = 0;
  http::eachField(fieldsOf(bytesUpTo(info, 0, 1)), [&](std::string_view other, std::string_view value) {
    if (!http::equalsIgnoringCase(other, {name.data(), name.size()})) return true;
    if (count++ == 0) {
      first = value;
    } else {
      if (count == 2) joined = first;
      joined.append(", ").append(value);
    }
    return true;
  });
  if (count > 0) info.GetReturnValue().Set(asciiString(isolate, count == 1 ? first : joined));
}

// httpClientReason(bytes, length): the phrase of the status line.
void reason(const Info& info) {
  std::string_view line = bytesUpTo(info, 0, 1);
  line = line.substr(0, line.find('\r'));
  constexpr size_t kBefore = sizeof "HTTP/1.1 200 " - 1;
  info.GetReturnValue().Set(
      asciiString(info.GetIsolate(), line.size() < kBefore ? "" : line.substr(kBefore)));
}

// httpClientDecode(state, bytes, from, to, told): decodes a body in chunks where it lies. `state` is a Uint8Array of zeros at
// the body's first byte. told: 0 more is needed, 1 done, -1 malformed; the position behind what was used; bytes of payload, which
// now begin at `from`; and where the trailer's bytes among them begin and end.
void decode(const Info& info) {
  using Status = http::ChunkedDecoder::Status;
  static_assert(std::is_trivially_copyable_v<http::ChunkedDecoder>);
  const Bytes state = bytesAt(info, 0), bytes = bytesAt(info, 1);
  const auto from = static_cast<size_t>(numberAt(info, 2)), to = static_cast<size_t>(numberAt(info, 3));
  Told told(info, 4);
  if (state.size < sizeof(http::ChunkedDecoder) || from > to || to > bytes.size) {
    told[0] = -1;
    return;
  }
  http::ChunkedDecoder decoder;
  memcpy(static_cast<void*>(&decoder), state.data, sizeof decoder);
  size_t at = from, payload = from, trailerFrom = 0, trailerTo = 0;
  Status status = Status::kNeedMore;
  while (at < to) {
    const bool trailer = decoder.atTrailer();
    const http::ChunkedDecoder::Step step = decoder.feedToTrailer(bytes.data + at, to - at);
    status = step.status;
    if (trailer) {
      trailerFrom = at;
      trailerTo = at + step.consumed;
    }
    at += step.consumed;
    if (status == Status::kDone || status == Status::kError) break;
    if (status != Status::kData) continue;
    if (step.data != bytes.data + payload) memmove(bytes.data + payload, step.data, step.length);
    payload += step.length;
  }
  memcpy(state.data, static_cast<const void*>(&decoder), sizeof decoder);
  told[0] = status == Status::kDone ? 1 : status == Status::kError ? -1 : 0;
  told[1] = static_cast<double>(at);
  told[2] = static_cast<double>(payload - from);
  told[3] = static_cast<double>(trailerFrom);
  told[4] = static_cast<double>(trailerTo);
}

}  // namespace

void defineHttpClient(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "httpClientSend", send);
  define(context, exports, "httpClientRead", read);
  define(context, exports, "httpClientReadHead", readHead);
  define(context, exports, "httpClientParse", parse);
  define(context, exports, "httpClientFields", fields);
  define(context, exports, "httpClientField", field);
  define(context, exports, "httpClientReason", reason);
  define(context, exports, "httpClientDecode", decode);
}

}  // namespace stackful::binding
