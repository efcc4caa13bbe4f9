// What the files of the net module share.
#pragma once

#include <memory>
#include <vector>

#include "../net/datagram.h"
#include "../net/options.h"
#include "../net/readiness.h"
#include "../net/splice.h"
#include "socket_table.h"
#include "values.h"

namespace stackful::binding {

struct Net {
  static thread_local Net* current;
  SocketTable sockets;
  net::Pipes pipes;
  std::unique_ptr<net::DatagramBatch> spareBatch;  // see net_datagram.cc
};

// Of an Int32Array.
inline std::vector<int32_t> numbersOf(v8::Local<v8::Value> value) {
  auto list = value.As<v8::Int32Array>();
  std::vector<int32_t> numbers(list->Length());
  list->CopyContents(numbers.data(), numbers.size() * sizeof(int32_t));
  return numbers;
}

// An argument that lists socket options: an Int32Array of level, name and value each.
class OptionList {
 public:
  explicit OptionList(v8::Local<v8::Value> triples) : numbers_(numbersOf(triples)) {}
  net::SocketOptions options() const noexcept {
    return {reinterpret_cast<const net::SocketOption*>(numbers_.data()),
            static_cast<uint32_t>(numbers_.size() / 3)};
  }

 private:
  std::vector<int32_t> numbers_;
};
static_assert(sizeof(net::SocketOption) == 3 * sizeof(int32_t));

// Null for a socket that is closed.
inline net::Socket* socketAt(const Info& info) {
  return Net::current ? Net::current->sockets.at(intAt(info, 0)) : nullptr;
}

// A time limit around the call has a code of its own; ETIMEDOUT came from the kernel.
inline void returnResult(const Info& info, int64_t result) {
  returnInt(info, result == -ETIMEDOUT ? kKernelTimedOut : result);
}

// After a write: the socket still exists when the result is EPIPE, because nothing has run since.
inline void returnWritten(const Info& info, net::Socket* s, ssize_t result) {
  returnResult(info, result == -EPIPE && s->broken() ? kSocketBroken : result);
}

// Takes all bytes and returns their number, or a code. Those that more follow are put off where that may be. Parks.
void writeWhole(const Info& info, net::Socket* s, const char* data, size_t size, bool more);

// The number of a new socket, or the code of the call that was to make it.
inline void returnSocket(const Info& info, int result, net::Socket* socket) {
  if (result < 0) return returnResult(info, result);
  const int32_t number = Net::current->sockets.add(socket);
  if (number < 0) net::close(socket);
  returnInt(info, number < 0 ? -ENFILE : number);
}

// An Int32Array of pairs, a socket and 1 to wait for writing. False when one of the sockets is closed.
bool sidesOf(v8::Local<v8::Value> pairs, std::vector<net::Side>& out);

void defineNetTransfer(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineNetReadiness(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineNetOptions(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineNetDatagram(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);

}  // namespace stackful::binding
