// Sockets coming and going: listening, accepting, connecting, closing, and their addresses.
#include "net.h"

#include "../net/address.h"
#include "../net/dialling.h"
#include "buffers.h"
#include "environment_end.h"

namespace stackful::binding {

thread_local Net* Net::current = nullptr;

namespace {

Runtime& runtime() {
  return *Runtime::current();
}

// Arguments i and i + 1: a numeric host and a port, or the path of a Unix socket and -1. 0 or -errno.
int addressAt(const Info& info, int i, net::Address& out) {
  const Text host(info.GetIsolate(), info[i].As<v8::String>());
  if (!host) return -ENOMEM;
  const int32_t port = intAt(info, i + 1);
  if (port < 0) return out.setPath(host.data(), host.size()) ? 0 : -ENAMETOOLONG;
  return out.parseIp(host.data(), static_cast<uint16_t>(port)) ? 0 : -EINVAL;
}

// netListen(host, port, backlog, reusePort, options): a socket or a code.
void listen(const Info& info) {
  net::Address at;
  if (const int error = addressAt(info, 0, at)) return returnInt(info, error);
  net::ListenOptions options;
  options.backlog = intAt(info, 2);
  options.reusePort = boolAt(info, 3);
  const OptionList list(info[4]);
  options.options = list.options();
  net::Socket* socket = nullptr;
  const int result = net::listen(runtime().poller(), at, options, socket);
  returnSocket(info, result, socket);
}

// netConnect(host, port, options, localHost, localPort): a socket or a code. Parks, for as long as the kernel tries. `localHost`
// undefined: the system chooses.
void connect(const Info& info) {
  net::Address to;
  if (const int error = addressAt(info, 0, to)) return returnInt(info, error);
  const OptionList list(info[2]);
  net::Address from;
  net::ConnectOptions options{nullptr, list.options()};
  if (info[3]->IsString()) {
    if (const int error = addressAt(info, 3, from)) return returnInt(info, error);
    options.from = &from;
  }
  net::Socket* socket = nullptr;
  const int result = net::connect(runtime().poller(), to, options, socket);
  returnSocket(info, result, socket);
}

// netAccept(listener): a socket or a code. Parks.
void accept(const Info& info) {
  net::Socket* listener = socketAt(info);
  if (!listener) return returnInt(info, -EBADF);
  net::Socket* socket = nullptr;
  const int result = net::accept(*listener, socket);
  returnSocket(info, result, socket);
}

// netClose(socket): wakes the coroutines parked on it. Does nothing to a closed one.
void close(const Info& info) {
  net::Socket* socket = Net::current ? Net::current->sockets.remove(intAt(info, 0)) : nullptr;
  if (!socket || !Runtime::current()) return;
  net::close(socket);
  runtime().schedule();
}

// netAddress(socket, ofPeer): [host or path, port, 4, 6 or 0 for a Unix socket]; undefined when there is
// none.
void address(const Info& info) {
  net::Socket* socket = socketAt(info);
  net::Address at;
  if (!socket || (boolAt(info, 1) ? net::peerAddress(*socket, at) : net::localAddress(*socket, at)) < 0)
    return;
  char host[net::kAddressText];
  const size_t length = at.host(host, sizeof host);
  v8::Isolate* isolate = info.GetIsolate();
  const int family = at.family() == AF_INET6 ? 6 : at.family() == AF_INET ? 4 : 0;
  v8::Local<v8::Value> parts[] = {string(isolate, {host, length}), v8::Integer::New(isolate, at.port()),
                                  v8::Integer::New(isolate, family)};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 3));
}

}  // namespace

void defineNet(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  Buffers::create(context, exports);
  if (!Net::current) {
    Net::current = new Net;
    deleteAtEnvironmentEnd<Net>();
  }
  define(context, exports, "netListen", listen);
  define(context, exports, "netConnect", connect);
  define(context, exports, "netAccept", accept);
  define(context, exports, "netClose", close);
  define(context, exports, "netAddress", address);
  defineNetTransfer(context, exports);
  defineNetReadiness(context, exports);
  defineNetOptions(context, exports);
  defineNetDatagram(context, exports);
}

}  // namespace stackful::binding
