// What the connections of one server have in common.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "buffer_pool.h"
#include "coarse_clock.h"
#include "departure.h"
#include "parser.h"
#include "response.h"
#include "shedder.h"

namespace stackful::http {

struct Limits {
  HeadLimits head;
  int64_t bodyBytes = 1024 * 1024;  // a longer request body: readBody returns kBodyTooLarge
  int64_t drainBytes = 64 * 1024;   // of an unread body, discarded to keep the connection; beyond: close
  // Read after a response that closes the connection before its request is at an end, so that the client gets to see it:
  // most read no response while they send, and a reset destroys it. As much as a large upload, at 0.4 ms of CPU a megabyte.
  int64_t lingerBytes = 128 * 1024 * 1024;
  uint32_t firstByteMs = 30'000;  // a connection without a first byte of its first request: closed silently
  uint32_t idleMs = 75'000;       // the same after a request
  uint32_t headMs = 10'000;       // first byte of a head to its last: 408
  uint32_t requestMs = 300'000;   // end of a head to the last byte of its body: 408
  // Bodies and responses: patience that is used up by waiting, and earned by bytes at the slowest rate put up
  // with. A fixed deadline would cut long transfers off; one that starts anew with every byte would
  // never end for a client that sends bytes one by one.
  uint32_t bodyMs = 30'000;
  uint32_t sendMs = 30'000;
  uint32_t slowestBytesPerSecond = 1024;
  uint32_t halfCloseMs = 5'000;   // for a client that has sent the end of its stream; see departure.h
  uint32_t lingerMs = 30'000;     // at most, and
  uint32_t lingerIdleMs = 5'000;  // with nothing coming
  uint32_t shedDelayMs = 0;       // see Shedder; 0: no request is refused for having waited
  uint32_t shedIntervalMs = 100;
};

struct Server {
  explicit Server(const Limits& given = Limits()) noexcept
      : limits(given),
        buffers(sizeof(Head) + inputBytes(given)),
        shedder(milliseconds(given.shedDelayMs), milliseconds(given.shedIntervalMs)) {
    limits.head.headBytes = static_cast<uint32_t>(std::min<size_t>(limits.head.headBytes, kMostHeadBytes));
  }

  Limits limits;
  BufferPool buffers;  // both of a head with what follows it, and of output
  DateField date;
  Shedder shedder;
  Departures departures;
  bool speaksHttp2 = false;    // a connection may begin with HTTP/2's preface
  uint64_t bytesReceived = 0;  // by all connections so far, without what was read only to be thrown away
  uint64_t bytesSent = 0;

  // Behind the longest head there is always room to receive body into.
  static constexpr size_t kLeastBodyRoom = 4096;
  static size_t inputBytes(const Limits& limits) {
    return std::min<size_t>(limits.head.headBytes, kMostHeadBytes) + kLeastBodyRoom;
  }
};

}  // namespace stackful::http
