// What the files of the net module share.
#pragma once

#include "socket_table.h"
#include "values.h"

namespace stackful::binding {

// Results besides -errno and sched's codes; lib/net/failure.ts knows them by number.
inline constexpr int32_t kKernelTimedOut =
    -10101;  // ETIMEDOUT of the system, not of a time limit around the call
inline constexpr int32_t kSocketBroken = -10102;  // an earlier write was given up in the middle

struct Net {
  static thread_local Net* current;
  SocketTable sockets;
};

// Null for a socket that is closed.
inline net::Socket* socketAt(const Info& info) {
  return Net::current ? Net::current->sockets.at(intAt(info, 0)) : nullptr;
}

// A time limit around the call has a code of its own; ETIMEDOUT came from the kernel.
inline void returnResult(const Info& info, int64_t result) {
  returnInt(info, result == -ETIMEDOUT ? kKernelTimedOut : result);
}

void defineNetTransfer(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);
void defineNetReadiness(v8::Local<v8::Context> context, v8::Local<v8::Object> exports);

}  // namespace stackful::binding
