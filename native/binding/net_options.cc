// Options of sockets, descriptors that come from elsewhere or go there, and bytes from one socket to another.
#include "../net/options.h"

#include <memory>
#include <vector>

#include "../net/ancillary.h"
#include "../net/dialling.h"
#include "../net/splice.h"
#include "buffers.h"
#include "net.h"

namespace stackful::binding {
namespace {

net::Poller& poller() {
  return Runtime::current()->poller();
}

// netSetOptions(socket, triples): 0 or a code. `triples`: an Int32Array of level, name and value each.
void setOptions(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  const OptionList list(info[1]);
  returnInt(info, net::setOptions(s->fd, list.options()));
}

// netGetOption(socket, level, name, into): 0, and the value in `into[0]`, an Int32Array; or a code.
void getOption(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  int value = 0;
  const int result = net::getOption(s->fd, intAt(info, 1), intAt(info, 2), value);
  if (result == 0) memcpy(bytesAt(info, 3).data, &value, sizeof(value));
  returnInt(info, result);
}

// netMembership(socket, join, group, interface, source): 0 or a code. `source` undefined: all.
void membership(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  v8::Isolate* isolate = info.GetIsolate();
  const Text group(isolate, info[2].As<v8::String>());
  const Text interface(isolate, info[3].As<v8::String>());
  const bool fromOne = info[4]->IsString();
  const Text source(isolate, fromOne ? info[4].As<v8::String>() : v8::String::Empty(isolate));
  returnInt(info, net::changeMembership(s->fd, boolAt(info, 1), group.data(), interface.data(),
                                        fromOne ? source.data() : nullptr));
}

// netMulticastInterface(socket, interface): 0 or a code.
void multicastInterface(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  const Text interface(info.GetIsolate(), info[1].As<v8::String>());
  returnInt(info, net::setMulticastInterface(s->fd, interface.data()));
}

// netDescriptor(socket): its descriptor, which stays the socket's; -EBADF.
void descriptor(const Info& info) {
  net::Socket* s = socketAt(info);
  returnInt(info, s ? s->fd : -EBADF);
}

// netAdopt(descriptor, listening): a socket, which the descriptor now belongs to, or a code.
void adopt(const Info& info) {
  net::Socket* socket = nullptr;
  const int fd = intAt(info, 0);
  const int result = net::adopt(poller(), fd, boolAt(info, 1), socket);
  if (result < 0) return returnResult(info, result);
  const int32_t number = Net::current->sockets.add(socket);
  // The caller keeps what it could not hand over.
  if (number < 0) net::detach(socket);
  returnInt(info, number < 0 ? -ENFILE : number);
}

// netCredentials(socket): [pid, uid, gid] of the peer, or a code.
void credentials(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  ucred peer{};
  if (const int error = net::peerCredentials(*s, peer)) return returnInt(info, error);
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Value> parts[] = {v8::Integer::New(isolate, peer.pid),
                                  v8::Integer::NewFromUnsigned(isolate, peer.uid),
                                  v8::Integer::NewFromUnsigned(isolate, peer.gid)};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 3));
}

// netSendDescriptors(socket, view, descriptors): bytes sent, all there are, or a code. Parks. `descriptors`: an Int32Array of 253
// at most.
void sendDescriptors(const Info& info) {
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  const PinnedBytes bytes(info[1]);
  auto list = info[2].As<v8::Int32Array>();
  int descriptors[net::kMostDescriptors];
  const size_t count = std::min<size_t>(list->Length(), net::kMostDescriptors);
  list->CopyContents(descriptors, count * sizeof(int));
  returnWritten(info, s,
                net::sendDescriptors(*s, bytes.data(), bytes.size(), descriptors, static_cast<int>(count)));
}

// netReceiveDescriptors(socket, max): [Buffer, whether some were lost, descriptors...], 0 at the end of the stream, or a code.
// Parks.
void receiveDescriptors(const Info& info) {
  Runtime::current()->scheduler().chargeAhead();
  net::Socket* s = socketAt(info);
  if (!s) return returnInt(info, -EBADF);
  Buffers& buffers = *Buffers::current();
  const size_t max = std::min(static_cast<size_t>(numberAt(info, 1)), Buffers::kScratch);
  // Not on the stack of a coroutine that waits here: 1 KiB.
  const auto received = std::make_unique<net::Received>();
  const ssize_t n = net::receiveDescriptors(*s, buffers.scratch(), max, *received);
  if (n <= 0) return returnResult(info, n);
  v8::Isolate* isolate = info.GetIsolate();
  std::vector<v8::Local<v8::Value>> parts;
  parts.reserve(static_cast<size_t>(2 + received->count));
  parts.push_back(buffers.fromScratch(isolate, static_cast<size_t>(n)));
  parts.push_back(v8::Boolean::New(isolate, received->cut));
  for (int i = 0; i < received->count; ++i)
    parts.push_back(v8::Integer::New(isolate, received->descriptors[i]));
  info.GetReturnValue().Set(v8::Array::New(isolate, parts.data(), parts.size()));
}

// netPipe(from, to, most, told): 0 at the end of the stream or after `most` bytes, or a code; `told`, a Float64Array, gets the
// bytes that `to` has taken, and 1 when the code is of the reading side. -EOPNOTSUPP: not with these sockets. Parks.
void pipe(const Info& info) {
  net::Socket* from = socketAt(info);
  net::Socket* to = Net::current ? Net::current->sockets.at(intAt(info, 1)) : nullptr;
  double told[2] = {0, from ? 0.0 : 1.0};
  int64_t result = -EBADF;
  if (from && to) {
    uint64_t moved = 0;
    bool reading = true;
    const bool wasBroken = to->broken();
    const double most = numberAt(info, 2);
    result = net::spliceable(*from) && net::spliceable(*to)
                 ? net::splice(*from, *to, Net::current->pipes,
                               most < 1e18 ? static_cast<uint64_t>(most) : UINT64_MAX, moved, reading)
                 : -EOPNOTSUPP;
    if (result == -EPIPE && wasBroken) result = kSocketBroken;
    told[0] = static_cast<double>(moved);
    told[1] = reading;
  }
  memcpy(bytesAt(info, 3).data, told, sizeof(told));
  returnResult(info, result);
}

}  // namespace

void defineNetOptions(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "netSetOptions", setOptions);
  define(context, exports, "netGetOption", getOption);
  define(context, exports, "netMembership", membership);
  define(context, exports, "netMulticastInterface", multicastInterface);
  define(context, exports, "netDescriptor", descriptor);
  define(context, exports, "netAdopt", adopt);
  define(context, exports, "netCredentials", credentials);
  define(context, exports, "netSendDescriptors", sendDescriptors);
  define(context, exports, "netReceiveDescriptors", receiveDescriptors);
  define(context, exports, "netPipe", pipe);
}

}  // namespace stackful::binding
