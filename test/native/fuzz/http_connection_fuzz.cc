// libFuzzer, whole conversations: the first byte chooses how the handler behaves, the second where the input
// is cut; the rest is what a client sends. Built like http_parser_fuzz.cc, with
// native/{stack,sched,net,disk,http} and plain_engine.cc. A handler that reads its bodies must give the same
// answers however the input was cut; every handler must leave a well-formed sequence of responses, one a
// request, and no buffer behind.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "../http_harness.h"

using namespace harness;
using stackful::http::Method;

namespace {

#define REQUIRE(condition)          \
  do {                              \
    if (!(condition)) std::abort(); \
  } while (false)

enum Behaviour {
  kReadsAll,
  kReadsInSmallSteps,
  kIgnoresBody,
  kReadsSome,
  kStreams,
  kStreamsBack,
  kBehaviours
};

struct Conversation {
  std::string output;
  std::string bodies;  // what the handler saw
  int requests = 0;
  Next last = Next::kRequest;
  int error = 0;
};

Loop& loop() {
  static Loop one;
  return one;
}

const Limits& limits() {
  static Limits all = [] {
    Limits some;
    some.head.headBytes = 512;
    some.head.targetBytes = 100;
    some.head.fields = 10;
    some.bodyBytes = 300;
    some.drainBytes = 100;
    return some;
  }();
  return all;
}

// So that no client can put into a response what talk() looks for there.
void makeForeign(char* bytes, size_t n) {
  for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>(bytes[i] | 0x80);
}

void handle(Connection& c, Behaviour behaviour, Conversation& seen) {
  bool isHead = c.method() == Method::kHead;
  char piece[64];
  switch (behaviour) {
    case kReadsAll:
    case kReadsInSmallSteps: {
      std::string target(c.target());
      std::string body = bodyOf(c, behaviour == kReadsAll ? 5000 : 3);
      REQUIRE(c.target() == target);
      seen.bodies += target + "\n" + body + "\n";
      makeForeign(body.data(), body.size());
      REQUIRE(c.respond(200, "", body.data(), body.size(), isHead) == 0);
      break;
    }
    case kReadsSome:
      c.readBody(piece, 5);
      [[fallthrough]];
    case kIgnoresBody:
      REQUIRE(c.respond(200, "A: b\r\n", "ignored", 7, isHead) == 0);
      break;
    case kStreams:
      REQUIRE(c.begin(200, "", 8, isHead) == 0);
      REQUIRE(c.write("four", 4) == 0);
      REQUIRE(c.write("more", 4) == 0);
      REQUIRE(c.finish() == 0);
      break;
    default:
      REQUIRE(c.begin(200, "", Connection::kChunked, isHead) == 0);
      for (ssize_t n; (n = c.readBody(piece, sizeof piece)) > 0;) {
        makeForeign(piece, static_cast<size_t>(n));
        REQUIRE(c.write(piece, static_cast<size_t>(n)) == 0);
      }
      REQUIRE(c.finish() == 0);
      break;
  }
}

Conversation talk(const char* bytes, size_t n, Behaviour behaviour, uint32_t cutSeed) {
  Conversation seen;
  Server server(limits());
  Pair pair(loop(), cutSeed == 0 ? Wire::kStream : Wire::kPackets);
  loop().go([&] {
    Connection c(server, *pair.server);
    while ((seen.last = c.nextRequest()) == Next::kRequest) {
      ++seen.requests;
      handle(c, behaviour, seen);
    }
    seen.error = c.error();
    REQUIRE(server.buffers.lent() == 0);
    net::close(pair.server);
  });
  loop().go([&] {
    uint32_t state = cutSeed;
    for (size_t at = 0; at < n;) {
      size_t length = n - at;
      if (cutSeed != 0) {
        state = state * 1664525u + 1013904223u;
        length = std::min<size_t>(length, 1 + (state >> 24) % 60);
      }
      if (send(*pair.client, std::string(bytes + at, length)) < 0) break;
      at += length;
    }
    net::shutdownWrite(*pair.client);
    for (std::string piece; !(piece = receive(*pair.client)).empty() && piece[0] != '<';)
      seen.output += piece;
    net::close(pair.client);
  });
  loop().run();
  seen.output = withoutDates(seen.output);
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  for (size_t at; (at = seen.output.find(interim)) != std::string::npos;)
    seen.output.erase(at, interim.size());
  return seen;
}

// How many whole responses `text` is made of. Only for conversations without HEAD, where the length says it
// all.
int countResponses(const std::string& text) {
  int count = 0;
  for (size_t at = 0; at < text.size(); ++count) {
    REQUIRE(text.compare(at, 9, "HTTP/1.1 ") == 0);
    size_t end = text.find("\r\n\r\n", at);
    REQUIRE(end != std::string::npos);
    std::string head = text.substr(at, end + 2 - at);
    at = end + 4;
    size_t length = head.find("Content-Length: ");
    if (length != std::string::npos) {
      at += std::strtoul(head.c_str() + length + 16, nullptr, 10);
    } else if (head.find("Transfer-Encoding: chunked\r\n") != std::string::npos) {
      stackful::http::ChunkedDecoder decoder;
      while (!decoder.done()) {
        auto step = decoder.feed(text.data() + at, text.size() - at);
        REQUIRE(step.consumed > 0 && step.status != stackful::http::ChunkedDecoder::Status::kError);
        at += step.consumed;
      }
    } else {
      REQUIRE(head.find("Connection: close\r\n") != std::string::npos);
      at = text.size();
    }
    REQUIRE(at <= text.size());
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 4000) return 0;
  auto behaviour = static_cast<Behaviour>(data[0] % kBehaviours);
  const char* bytes = reinterpret_cast<const char*>(data) + 2;
  Conversation whole = talk(bytes, size - 2, behaviour, 0);
  Conversation pieces = talk(bytes, size - 2, behaviour, data[1] + 1u);
  if (behaviour == kReadsAll || behaviour == kReadsInSmallSteps) {
    REQUIRE(whole.output == pieces.output);
    REQUIRE(whole.bodies == pieces.bodies);
    REQUIRE(whole.requests == pieces.requests && whole.last == pieces.last && whole.error == pieces.error);
  }
  for (const Conversation& one : {whole, pieces}) {
    REQUIRE(one.last != Next::kRequest);
    REQUIRE(one.error >= 0);
    if (std::string(bytes, size - 2).find("HEAD") != std::string::npos) continue;
    REQUIRE(countResponses(one.output) == one.requests + (one.error > 0 ? 1 : 0));
  }
  return 0;
}
