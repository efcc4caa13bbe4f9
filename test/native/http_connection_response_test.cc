// Connection: responses, complete and in pieces.
#include <doctest/doctest.h>
#include <sys/mman.h>

#include "http_harness.h"

using namespace harness;

namespace {

const std::string kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kHead = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kOld = "GET / HTTP/1.0\r\n\r\n";
const std::string kOldKeepAlive = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";

std::string withStatus(int status, const std::string& request = kGet) {
  return serve({request}, [=](Connection& c) { respond(c, "body", status); }).output();
}

std::string number(size_t n) {
  return std::to_string(n);
}

}  // namespace

TEST_CASE("response: framing by status and method") {
  CHECK(withStatus(200) == ok("body"));
  CHECK(withStatus(200, kHead) == "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
  CHECK(withStatus(204) == "HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(withStatus(304) == "HTTP/1.1 304 Not Modified\r\n\r\n");
  CHECK(withStatus(299) == "HTTP/1.1 299 \r\nContent-Length: 4\r\n\r\nbody");
  CHECK(withStatus(200, kOld) == ok("body", "Connection: close\r\n"));
  CHECK(withStatus(200, kOldKeepAlive) == ok("body", "Connection: keep-alive\r\n"));
}

TEST_CASE("response: fields, and the date") {
  Loop loop;
  Limits limits;
  Server server(limits);
  Pair pair(loop, Wire::kPackets);
  std::string raw;
  loop.go([&] {
    Connection c(server, *pair.server);
    c.nextRequest();
    c.respond(200, "A: 1\r\nB: 2\r\n", "x", 1, false);
    net::close(pair.server);
  });
  loop.go([&] {
    send(*pair.client, kGet);
    raw = receive(*pair.client);
  });
  loop.run();
  CHECK(withoutDates(raw) == "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nContent-Length: 1\r\n\r\nx");
  CHECK(raw.find("\r\nDate: ") != std::string::npos);
}

TEST_CASE("response: bodies of every size, alone and pipelined") {
  for (size_t size : {0, 1, 4096, 4097, 16000, 20000, 22000, 1000000}) {
    const std::string body(size, 'b');
    CAPTURE(size);
    auto handler = [&](Connection& c) { CHECK(respond(c, body) == 0); };
    Outcome one = serve({kGet}, handler, {}, Wire::kStream);
    CHECK((one.output() == ok(body)));
    Outcome three = serve({kGet + kGet + kGet}, handler, {}, Wire::kTcp);
    CHECK((three.output() == ok(body) + ok(body) + ok(body)));
    CHECK(three.lent == 0);
  }
}

TEST_CASE("response: more fields than a buffer holds") {
  std::string fields;
  while (fields.size() < 100000) fields += "X: " + std::string(100, 'y') + "\r\n";
  Outcome out = serve(
      {kGet + kGet}, [&](Connection& c) { CHECK(c.respond(200, fields, "x", 1, false) == 0); }, {},
      Wire::kStream);
  std::string one = "HTTP/1.1 200 OK\r\n" + fields + "Content-Length: 1\r\n\r\nx";
  CHECK((out.output() == one + one));
}

TEST_CASE("response: many pipelined requests") {
  std::string text;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    text += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    expected += ok("GET /" + std::to_string(i) + " ");
  }
  Outcome out = serve({text}, echo, {}, Wire::kStream);
  CHECK(out.requests == 2000);
  CHECK((out.output() == expected));
}

TEST_CASE("response in pieces: chunked") {
  auto handler = [](Connection& c) {
    CHECK(c.begin(200, "A: b\r\n", Connection::kChunked, c.method() == stackful::http::Method::kHead) == 0);
    CHECK(c.write("hello", 5) == 0);
    CHECK(c.write("", 0) == 0);
    CHECK(c.write("0123456789abcdefX", 17) == 0);
    CHECK(c.finish() == 0);
  };
  const std::string head = "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n";
  Outcome out = serve({kGet}, handler);
  // The head goes with the first piece.
  CHECK(out.messages ==
        std::vector<std::string>{head + "5\r\nhello\r\n", "11\r\n0123456789abcdefX\r\n", "0\r\n\r\n"});
  CHECK(serve({kGet + kGet}, handler).requests == 2);

  CHECK(serve({kHead + kGet}, handler).output().substr(0, 2 * head.size()) == head + head);
  out = serve({kOld}, handler);
  CHECK(out.output() == "HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\nhello0123456789abcdefX");
  CHECK(out.last == Next::kEnd);
  // A client of HTTP/1.0 cannot tell the end otherwise, even if it asked for keep-alive.
  CHECK(serve({kOldKeepAlive + kGet}, handler).output() == out.output());
}

TEST_CASE("response in pieces: of known length") {
  auto handler = [](Connection& c) {
    CHECK(c.begin(200, "", 10, c.method() == stackful::http::Method::kHead) == 0);
    CHECK(c.write("hello", 5) == 0);
    CHECK(c.write("world", 5) == 0);
    CHECK(c.finish() == 0);
    CHECK(c.finish() == -EALREADY);
  };
  CHECK(serve({kGet + kGet}, handler).output() == ok("helloworld") + ok("helloworld"));
  CHECK(serve({kHead}, handler).output() == "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");

  Outcome out = serve({kGet + kGet}, [](Connection& c) {
    c.begin(200, "", 5, false);
    CHECK(c.write("hello!", 6) == -EMSGSIZE);
    CHECK(c.write("hello", 5) == 0);
    CHECK(c.write("!", 1) == -EMSGSIZE);
    CHECK(c.finish() == 0);
  });
  CHECK(out.output() == ok("hello") + ok("hello"));

  out = serve({kGet + kGet}, [](Connection& c) {
    c.begin(200, "", 5, false);
    CHECK(c.write("hell", 4) == 0);
    CHECK(c.finish() == -EMSGSIZE);
    CHECK_FALSE(c.keepAlive());
  });
  CHECK(out.requests == 1);
  CHECK(out.last == Next::kFailed);
}

TEST_CASE("response in pieces: nothing written, no body allowed, large pieces") {
  auto empty = [](Connection& c) {
    c.begin(c.target() == "/204" ? 204 : 200, "", Connection::kChunked, false);
    c.finish();
  };
  CHECK(serve({kGet}, empty).messages ==
        std::vector<std::string>{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"});
  CHECK(serve({"GET /204 HTTP/1.1\r\nHost: h\r\n\r\n"}, empty).output() == "HTTP/1.1 204 No Content\r\n\r\n");

  for (size_t size : {4000, 5000, 30000, 500000}) {
    const std::string piece(size, 'p');
    char hex[32];
    snprintf(hex, sizeof hex, "%zx\r\n", size);
    for (bool chunked : {true, false}) {
      Outcome out = serve(
          {kGet + kGet},
          [&](Connection& c) {
            c.begin(200, "", chunked ? Connection::kChunked : static_cast<int64_t>(2 * size), false);
            CHECK(c.write(piece.data(), size) == 0);
            CHECK(c.write(piece.data(), size) == 0);
            CHECK(c.finish() == 0);
          },
          {}, Wire::kTcp);
      std::string one =
          chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (hex + piece + "\r\n") +
                        (hex + piece + "\r\n") + "0\r\n\r\n"
                  : "HTTP/1.1 200 OK\r\nContent-Length: " + number(2 * size) + "\r\n\r\n" + piece + piece;
      CHECK((out.output() == one + one));
    }
  }
}

namespace {

// A piece at a time, which is said to be cached when its turn comes.
int sendFile(Connection& c, int file, int64_t offset, int64_t length) {
  struct Pieces {
    int64_t said, end;
  } pieces{offset, offset + length};
  return c.sendFile(
      file, offset, length,
      [](void* context, int64_t at) {
        auto* p = static_cast<Pieces*>(context);
        CHECK(at <= p->said);
        if (at == p->said) p->said = std::min(at + 300'000, p->end);
        return p->said - at;
      },
      &pieces);
}

// The responses to `requests`, each answered by `answer`, which knows a file of `size` bytes.
std::string withFile(const std::string& requests, size_t size,
                     const std::function<void(Connection&, int file)>& answer) {
  Loop loop;
  Limits limits;
  Server server(limits);
  Pair pair(loop, Wire::kTcp);
  const int file = memfd_create("sent", MFD_CLOEXEC);
  const std::string content(size, 'f');
  CHECK(write(file, content.data(), size) == static_cast<ssize_t>(size));
  std::string received;
  loop.go([&] {
    Connection c(server, *pair.server);
    while (c.nextRequest() == Next::kRequest) answer(c, file);
    net::close(pair.server);
  });
  loop.go([&] {
    send(*pair.client, requests);
    net::shutdownWrite(*pair.client);
    for (std::string piece; !(piece = receive(*pair.client)).empty();) received += piece;
    net::close(pair.client);
  });
  CHECK(loop.run());
  CHECK(server.buffers.lent() == 0);
  close(file);
  return withoutDates(received);
}

}  // namespace

TEST_CASE("response from a file: more than a socket's buffer holds, and a part") {
  constexpr int64_t kSize = 8 << 20;
  int requests = 0;
  const std::string received = withFile(kGet + kGet, kSize, [&](Connection& c, int file) {
    const int64_t length = ++requests == 1 ? kSize : 4;
    CHECK(c.begin(200, "", length, false) == 0);
    CHECK(sendFile(c, file, kSize - length, length) == 0);
    CHECK(c.finish() == 0);
  });
  CHECK((received == ok(std::string(kSize, 'f')) + ok("ffff")));
}

TEST_CASE("response from a file: one that has become shorter ends the connection") {
  const std::string received = withFile(kGet + kGet, 1000, [](Connection& c, int file) {
    CHECK(c.begin(200, "", 2000, false) == 0);
    CHECK(sendFile(c, file, 0, 2000) == 0);
    CHECK(c.finish() == -EMSGSIZE);
    CHECK_FALSE(c.keepAlive());
  });
  CHECK(received == "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + std::string(1000, 'f'));
}

TEST_CASE("response from a file: only announced to HEAD, and refused where it does not fit") {
  int requests = 0;
  const std::string received = withFile(kHead + kGet + kGet, 1000, [&](Connection& c, int file) {
    const bool isHead = ++requests == 1;
    CHECK(sendFile(c, file, 0, 4) == -EALREADY);
    CHECK(c.begin(200, "", requests == 3 ? Connection::kChunked : 4, isHead) == 0);
    if (!isHead) CHECK(sendFile(c, file, 0, 5) == -EMSGSIZE);
    if (requests == 3) {
      CHECK(c.write("file", 4) == 0);
    } else {
      CHECK(sendFile(c, file, 0, 4) == 0);
    }
    CHECK(c.finish() == 0);
  });
  CHECK(received == "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + ok("ffff") +
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfile\r\n0\r\n\r\n");
}

TEST_CASE("response from a file: a descriptor that is none, and a disk that fails, are errors") {
  withFile(kGet, 10, [](Connection& c, int) {
    CHECK(c.begin(200, "", 4, false) == 0);
    CHECK(sendFile(c, -1, 0, 4) == -EBADF);
    CHECK(c.sendFile(
              0, 0, 4, [](void*, int64_t) { return int64_t{-EIO}; }, nullptr) == -EIO);
  });
}

TEST_CASE("response: room is made before it is needed") {
  const std::string body(4096, 'r');
  Outcome out = serve({kGet + kGet + kGet + kGet + kGet + kGet + kGet + kGet}, [&](Connection& c) {
    CHECK(c.reserve(1 << 20) == -EMSGSIZE);
    CHECK(c.reserve(body.size() + 512) == 0);
    CHECK(respond(c, body) == 0);
  });
  // Several responses a message, each of them whole.
  CHECK(out.messages.size() < 8);
  for (const std::string& message : out.messages) CHECK(message.size() % ok(body).size() == 0);
  CHECK(out.output().size() == 8 * ok(body).size());
}

TEST_CASE("response: to a client that has gone") {
  Loop loop;
  Limits limits;
  Server server(limits);
  Pair pair(loop, Wire::kStream);
  loop.go([&] {
    send(*pair.client, kGet + kGet);
    net::close(pair.client);
  });
  loop.go([&] {
    Connection c(server, *pair.server);
    REQUIRE(c.nextRequest() == Next::kRequest);
    CHECK(respond(c, "x") == 0);  // queued, for there is another request
    REQUIRE(c.nextRequest() == Next::kRequest);
    CHECK(respond(c, "x") == -EPIPE);
    CHECK(respond(c, "x") == -EPIPE);
    CHECK(c.begin(200, "", 1, false) == -EPIPE);
    CHECK_FALSE(c.keepAlive());
    CHECK(c.nextRequest() == Next::kFailed);
    CHECK(c.error() == -EPIPE);
    CHECK(c.nextRequest() == Next::kFailed);
    net::close(pair.server);
  });
  loop.run();
  CHECK(server.buffers.lent() == 0);
}
