// UDP sockets. An address is a number of 32 bits (IPv4, so that an echo makes and parses no text) or text (IPv6).
#include "../net/datagram.h"

#include <memory>
#include <vector>

#include "../net/operation.h"
#include "buffers.h"
#include "net.h"

namespace stackful::binding {
namespace {

// False when it is no numeric address.
bool addressOf(v8::Isolate* isolate, v8::Local<v8::Value> host, uint16_t port, net::Address& out) {
  int32_t number;
  if (!isSmallInteger(host, number)) {
    if (!host->IsInt32()) {
      const Text text(isolate, host.As<v8::String>());
      return text && out.parseIp(text.data(), port);
    }
    number = host.As<v8::Int32>()->Value();
  }
  out.setIpv4(static_cast<uint32_t>(number), port);
  return true;
}

// The same, as the socket's family takes it.
bool destinationOf(v8::Isolate* isolate, v8::Local<v8::Value> host, uint16_t port, const net::Socket& s,
                   net::Address& out) {
  if (!addressOf(isolate, host, port, out)) return false;
  if (s.flags & net::kIpv6) out.mapToIpv6();
  return true;
}

// udpOpen(ipv6, options): a socket or a code.
void open(const Info& info) {
  const OptionList list(info[1]);
  net::Socket* socket = nullptr;
  const int family = boolAt(info, 0) ? AF_INET6 : AF_INET;
  const int result = net::openDatagram(Runtime::current()->poller(), family, list.options(), socket);
  returnSocket(info, result, socket);
}

// udpBind(socket, host, port): 0 or a code.
void bind(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  net::Address at;
  const bool valid = destinationOf(info.GetIsolate(), info[1], static_cast<uint16_t>(intAt(info, 2)), *s, at);
  returnInt(info, valid ? net::bindDatagram(*s, at) : -EINVAL);
}

// udpConnect(socket, host, port): 0 or a code. `host` undefined ends the connection.
void connect(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  if (info[1]->IsUndefined()) return returnInt(info, net::connectDatagram(*s, nullptr));
  net::Address to;
  const bool valid = destinationOf(info.GetIsolate(), info[1], static_cast<uint16_t>(intAt(info, 2)), *s, to);
  returnInt(info, valid ? net::connectDatagram(*s, &to) : -EINVAL);
}

// udpSend(socket, string or view, host, port): bytes sent or a code. `host` undefined: where it is connected. Parks.
void send(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  v8::Isolate* isolate = info.GetIsolate();
  net::Address to;
  const bool connected = info[2]->IsUndefined();
  if (!connected && !destinationOf(isolate, info[2], static_cast<uint16_t>(intAt(info, 3)), *s, to)) {
    return returnInt(info, -EINVAL);
  }
  const net::Address* at = connected ? nullptr : &to;
  if (info[1]->IsString()) {
    const Text text(isolate, info[1].As<v8::String>());
    if (!text) return returnInt(info, -ENOMEM);
    return returnResult(info, net::sendDatagram(*s, text.data(), text.size(), at));
  }
  const PinnedBytes bytes(info[1]);
  returnResult(info, net::sendDatagram(*s, bytes.data(), bytes.size(), at));
}

// udpSendMany(socket, views, hosts, ports): how many are out, one at least, or a code. At most 64, which the caller has checked.
// Parks.
void sendMany(const Info& info) {
  constexpr uint32_t kMost = 64;
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  auto views = info[1].As<v8::Array>(), hosts = info[2].As<v8::Array>(), ports = info[3].As<v8::Array>();
  const uint32_t count = std::min(views->Length(), kMost);
  // Not on the stack of a coroutine that may wait here.
  struct Messages {
    mmsghdr headers[kMost] = {};
    iovec parts[kMost];
    net::Address to[kMost];
    std::vector<PinnedBytes> bytes;
  };
  const auto m = std::make_unique<Messages>();
  m->bytes.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    v8::Local<v8::Value> view, host, port;
    if (!views->Get(context, i).ToLocal(&view) || !hosts->Get(context, i).ToLocal(&host) ||
        !ports->Get(context, i).ToLocal(&port)) {
      return;
    }
    const PinnedBytes& bytes = m->bytes.emplace_back(view);
    m->parts[i] = {const_cast<char*>(bytes.data()), bytes.size()};
    msghdr& header = m->headers[i].msg_hdr;
    header.msg_iov = &m->parts[i];
    header.msg_iovlen = 1;
    if (host->IsUndefined()) continue;
    const auto number = static_cast<uint16_t>(port.As<v8::Number>()->Value());
    if (!destinationOf(isolate, host, number, *s, m->to[i])) return returnInt(info, -EINVAL);
    header.msg_name = &m->to[i].any;
    header.msg_namelen = m->to[i].length;
  }
  returnResult(info, net::sendDatagrams(*s, m->headers, count));
}

// A batch in use, and the one that is not. A turn may end while one is being made into values, so the next gets another.
class BorrowedBatch {
 public:
  ~BorrowedBatch() { giveBack(); }
  net::DatagramBatch* get() noexcept {
    if (!batch_) batch_ = std::move(Net::current->spareBatch);
    if (!batch_) batch_.reset(net::DatagramBatch::make());
    return batch_.get();
  }
  void giveBack() noexcept {
    if (batch_ && Net::current && !Net::current->spareBatch) Net::current->spareBatch = std::move(batch_);
    batch_.reset();
  }

 private:
  std::unique_ptr<net::DatagramBatch> batch_;
};

// udpReceive(socket): what has come, as [Buffer, host, port] one after another, or a code. 0: others have run, and may have received
// some that wait in JavaScript. Parks.
void receive(const Info& info) {
  if (Runtime::current()->scheduler().chargeAhead()) return returnInt(info, 0);
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  BorrowedBatch batch;
  const ssize_t n =
      net::readOperation(*s, sched::ParkKind::kDatagramReceive, net::kNoDeadline, [&]() noexcept -> ssize_t {
        net::DatagramBatch* room = batch.get();
        if (!room) return -ENOMEM;
        const ssize_t got = room->receive(*s);
        // A coroutine that waits keeps none.
        if (got == -EAGAIN) batch.giveBack();
        return got;
      });
  if (n <= 0) return returnResult(info, n);
  v8::Isolate* isolate = info.GetIsolate();
  Buffers& buffers = *Buffers::current();
  v8::Local<v8::Value> parts[3 * net::DatagramBatch::kMost];
  for (unsigned i = 0; i < static_cast<unsigned>(n); ++i) {
    net::Address from;
    batch.get()->from(i, from);
    parts[3 * i] = buffers.copy(isolate, batch.get()->data(i), batch.get()->size(i));
    if (parts[3 * i].IsEmpty()) return;
    if (from.family() == AF_INET) {
      parts[3 * i + 1] = v8::Integer::New(isolate, static_cast<int32_t>(ntohl(from.v4.sin_addr.s_addr)));
    } else {
      char host[net::kAddressText];
      parts[3 * i + 1] = asciiString(isolate, {host, from.host(host, sizeof host)});
    }
    parts[3 * i + 2] = v8::Integer::New(isolate, from.port());
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 3 * static_cast<size_t>(n)));
}

// unixSend(path, text): 0 or -errno; an abstract path begins with a zero byte.
void sendToPath(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::String::Utf8Value path(isolate, info[0]);
  const v8::String::Utf8Value text(isolate, info[1]);
  net::Address to;
  if (!to.setPath(*path, static_cast<size_t>(path.length()))) return returnInt(info, -ENAMETOOLONG);
  returnInt(info, net::sendToPath(to, *text, static_cast<size_t>(text.length())));
}

}  // namespace

void defineNetDatagram(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "udpOpen", open);
  define(context, exports, "udpBind", bind);
  define(context, exports, "udpConnect", connect);
  define(context, exports, "udpSend", send);
  define(context, exports, "udpSendMany", sendMany);
  define(context, exports, "udpReceive", receive);
  define(context, exports, "unixSend", sendToPath);
}

}  // namespace stackful::binding
