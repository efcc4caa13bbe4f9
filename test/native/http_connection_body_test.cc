// Connection: bodies of requests.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "http_harness.h"

using namespace harness;
using stackful::kBodyMalformed;
using stackful::kBodyTooLarge;

namespace {

const std::string kGet = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";

std::string post(const std::string& fields, const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body;
}

std::string withLength(const std::string& body) {
  return post("Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}

std::string chunked(const std::string& body, size_t chunk) {
  std::string text;
  for (size_t at = 0; at < body.size(); at += chunk) {
    size_t n = std::min(chunk, body.size() - at);
    char size[32];
    text.append(size, static_cast<size_t>(snprintf(size, sizeof size, "%zx\r\n", n)));
    text.append(body, at, n);
    text += "\r\n";
  }
  return post("Transfer-Encoding: chunked\r\n", text + "0\r\n\r\n");
}

std::string randomText(size_t n) {
  std::mt19937 random(static_cast<unsigned>(n));
  std::string text(n, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

// Reads the body in steps of `step` and answers; the next request is answered too.
struct Reader {
  size_t step;
  std::string body;
  void operator()(Connection& c) {
    if (c.target() == "/next") return echo(c);
    body = bodyOf(c, step);
    respond(c, "read");
  }
};

}  // namespace

TEST_CASE("body: of every size, by length and in chunks, read in steps of every size") {
  Limits limits;
  limits.bodyBytes = 1 << 30;
  for (size_t size : {1, 10, 4095, 4096, 20000, 300000}) {
    const std::string body = randomText(size);
    for (size_t step : {7, 1000, 5000, 100000}) {
      if (size / step > 3000) continue;
      for (const std::string& text : {withLength(body), chunked(body, 50), chunked(body, 70000)}) {
        if (text.size() > 4 * size + 200) continue;  // 300,000 bytes in chunks of one do not need to be tried
        CAPTURE(size);
        CAPTURE(step);
        Reader reader{step, ""};
        Outcome out = serve({text + kGet}, std::ref(reader), limits, Wire::kStream);
        CHECK((reader.body == body));
        CHECK(out.output() == ok("read") + ok("GET /next "));
        CHECK(out.last == Next::kEnd);
      }
    }
  }
}

TEST_CASE("body: a head near the end of the buffer leaves room for its body") {
  // Small requests fill the buffer so that the last head ends anywhere near its end.
  const size_t room = Server::inputBytes({});
  for (size_t padding = 0; padding < 60; ++padding) {
    std::string text;
    while (text.size() + 2 * kGet.size() < room - 60) text += kGet;
    text += "GET /" + std::string(padding, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n";
    text += chunked("hello world", 3) + withLength("next") + kGet;
    std::string last;
    Outcome out = serve(
        {text},
        [&](Connection& c) {
          std::string host(c.header("Host"));
          last = bodyOf(c, 5);
          CHECK(c.header("Host") == host);
          respond(c, last);
        },
        {}, Wire::kStream);
    CAPTURE(padding);
    CHECK(out.last == Next::kEnd);
    CHECK(out.output().find(ok("hello world") + ok("next")) != std::string::npos);
  }
}

TEST_CASE("body: 100-continue is sent when the body is asked for") {
  const std::string head = post("Content-Length: 5\r\nExpect: 100-continue\r\n", "");
  SUBCASE("asked for") {
    Outcome out = converse(
        [&](net::Socket& socket, Outcome& outcome) {
          send(socket, kGet + head);
          outcome.messages.push_back(withoutDates(receive(socket)));
          send(socket, "hello" + kGet);
          net::shutdownWrite(socket);
        },
        echo);
    CHECK(out.messages == std::vector<std::string>{ok("GET /next ") + "HTTP/1.1 100 Continue\r\n\r\n",
                                                   ok("POST / hello") + ok("GET /next ")});
  }
  SUBCASE("not when the body is there already") {
    CHECK(serve({head + "hello"}, echo).output() == ok("POST / hello"));
  }
  SUBCASE("not asked for: the response closes, because the client may send the body or not") {
    Outcome out = serve({head, kGet}, [](Connection& c) { respond(c, "no", 403); });
    CHECK(out.output() == "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    CHECK(out.requests == 1);
    CHECK(out.last == Next::kEnd);
  }
  SUBCASE("not without a body") {
    CHECK(serve({post("Expect: 100-continue\r\n", "")}, echo).output() == ok("POST / "));
    CHECK(serve({post("Content-Length: 0\r\nExpect: 100-continue\r\n", "")}, echo).output() == ok("POST / "));
  }
}

TEST_CASE("body: not read") {
  auto ignore = [](Connection& c) { respond(c, std::string(c.target())); };
  for (const std::string& text : {withLength("hello"), chunked("hello world", 4)}) {
    // In one piece, and with the body arriving after the response.
    size_t headEnd = text.find("\r\n\r\n") + 4;
    CHECK(serve({text + kGet}, ignore).output() == ok("/") + ok("/next"));
    CHECK(serve({text.substr(0, headEnd + 3), text.substr(headEnd + 3) + kGet}, ignore).output() ==
          ok("/") + ok("/next"));
  }
  Limits limits;
  limits.drainBytes = 1000;
  // Known to be too long: said in the response.
  const std::string longBody(30000, 'x');
  Outcome out = serve({withLength(longBody) + kGet}, ignore, limits, Wire::kTcp);
  CHECK(out.output() == ok("/", "Connection: close\r\n"));
  CHECK(out.last == Next::kEnd);
  // Found to be too long.
  out = serve({chunked(longBody, 100) + kGet}, ignore, limits, Wire::kTcp);
  CHECK(out.output() == ok("/"));
  CHECK(out.last == Next::kEnd);
  // Malformed.
  out = serve({post("Transfer-Encoding: chunked\r\n", "zzz") + kGet}, ignore);
  CHECK(out.output() == ok("/"));
  CHECK(out.last == Next::kEnd);
}

TEST_CASE("body: too large") {
  Limits limits;
  limits.bodyBytes = 10;
  const std::string closing = "Connection: close\r\n";
  CHECK(serve({withLength("0123456789") + kGet}, echo, limits).output() ==
        ok("POST / 0123456789") + ok("GET /next "));
  CHECK(serve({withLength("0123456789a") + kGet}, echo, limits).output() == ok("POST / <-20001>", closing));
  CHECK(serve({chunked("0123456789", 3) + kGet}, echo, limits).output() ==
        ok("POST / 0123456789") + ok("GET /next "));
  CHECK(serve({chunked("0123456789a", 3) + kGet}, echo, limits).output() == ok("POST / <-20001>", closing));
  CHECK(serve({chunked(std::string(20000, 'x'), 20000) + kGet}, echo, limits, Wire::kStream).output() ==
        ok("POST / <-20001>", closing));

  Outcome out = serve(
      {withLength("0123456789a")},
      [](Connection& c) {
        c.limitBody(11);
        echo(c);
      },
      limits);
  CHECK(out.output() == ok("POST / 0123456789a"));

  // The error stays, and refuses in the end.
  out = serve(
      {withLength("0123456789a")},
      [](Connection& c) {
        char byte;
        CHECK(c.readBody(&byte, 1) == kBodyTooLarge);
        CHECK(c.readBody(&byte, 1) == kBodyTooLarge);
        CHECK_FALSE(c.keepAlive());
        CHECK(c.respondError(413) == 0);
      },
      limits);
  CHECK(out.output().substr(0, 30) == "HTTP/1.1 413 Content Too Large");
  CHECK(out.last == Next::kEnd);
}

TEST_CASE("body: malformed or cut short") {
  auto read = [](const std::string& text) {
    std::string body;
    Outcome out = serve({text}, [&](Connection& c) {
      body = bodyOf(c);
      respond(c, "");
      CHECK_FALSE(c.keepAlive());
    });
    CHECK(out.last == Next::kEnd);
    CHECK(out.requests == 1);
    return body;
  };
  const std::string te = "Transfer-Encoding: chunked\r\n";
  CHECK(read(post(te, "5\r\nhello!\r\n0\r\n\r\n")) == "<" + std::to_string(kBodyMalformed) + ">");
  CHECK(read(post(te, "xyz")) == "<" + std::to_string(kBodyMalformed) + ">");
  CHECK(read(post(te, "5\r\nhel")) == "<-104>");
  CHECK(read(post("Content-Length: 5\r\n", "hel")) == "<-104>");
}

TEST_CASE("body: read while the response is being written") {
  Outcome out = converse(
      [](net::Socket& socket, Outcome& outcome) {
        send(socket, post("Transfer-Encoding: chunked\r\n", ""));
        for (const char* word : {"one", "two"}) {
          send(socket, "3\r\n" + std::string(word) + "\r\n");
          outcome.messages.push_back(withoutDates(receive(socket)));
        }
        send(socket, "0\r\n\r\n" + kGet);
        net::shutdownWrite(socket);
      },
      [](Connection& c) {
        if (c.target() == "/next") return echo(c);
        c.begin(200, "", Connection::kChunked, false);
        char piece[100];
        for (ssize_t n; (n = c.readBody(piece, sizeof piece)) > 0;) c.write(piece, static_cast<size_t>(n));
        c.finish();
      });
  CHECK(out.output() ==
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n" +
            ok("GET /next "));
}

TEST_CASE("body: the socket is closed under its reader") {
  Loop loop;
  Limits limits;
  Server server(limits);
  Pair pair(loop, Wire::kStream);
  loop.go([&] {
    Connection c(server, *pair.server);
    REQUIRE(c.nextRequest() == Next::kRequest);
    CHECK(bodyOf(c) == "<-9>");
    CHECK(respond(c, "x") == -EBADF);
    CHECK(c.nextRequest() == Next::kFailed);
    CHECK(c.error() == -EBADF);
  });
  loop.go([&] {
    send(*pair.client, post("Content-Length: 9\r\n", "abc"));
    sched::sleepUntil(loop.scheduler, sched::monotonicNow() + 1'000'000);
    net::close(pair.server);
    net::close(pair.client);
  });
  loop.run();
  CHECK(server.buffers.lent() == 0);
}
