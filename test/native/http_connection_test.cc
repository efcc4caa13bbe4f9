// Connection: requests one after the other, pipelining, refusals, deadlines, the end.
#include "../../native/http/connection.h"

#include <doctest/doctest.h>

#include "http_harness.h"

using namespace harness;
using stackful::kBodyTooLarge;

namespace {

const std::string kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

std::string refusal(int status) {
  std::string body(stackful::http::errorText(status));
  return "HTTP/1.1 " + body.substr(0, body.size() - 1) +
         "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("connection: requests one after the other, each answered by one write") {
  Outcome out = converse(
      [](net::Socket& socket, Outcome& outcome) {
        for (int i = 0; i < 3; ++i) {
          send(socket, kGet);
          outcome.messages.push_back(withoutDates(receive(socket)));
        }
        net::shutdownWrite(socket);
      },
      echo);
  CHECK(out.messages == std::vector<std::string>(3, ok("GET /a ")));
  CHECK(out.last == Next::kEnd);
  CHECK(out.error == 0);
  CHECK(out.lent == 0);
}

TEST_CASE("connection: pipelined requests are answered by one write") {
  Outcome out = serve({kGet + kGet + "\r\n" + kGet}, echo);
  CHECK(out.requests == 3);
  REQUIRE(out.messages.size() == 1);
  CHECK(out.messages[0] == ok("GET /a ") + ok("GET /a ") + ok("GET /a "));
  CHECK(out.last == Next::kEnd);
}

TEST_CASE("connection: a queued response does not wait for the rest of a pipelined request") {
  Outcome out = converse(
      [](net::Socket& socket, Outcome& outcome) {
        send(socket, kGet + kGet.substr(0, 10));
        outcome.messages.push_back(withoutDates(receive(socket)));
        send(socket, kGet.substr(10) + "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
        outcome.messages.push_back(withoutDates(receive(socket)));
        send(socket, "llo");
        outcome.messages.push_back(withoutDates(receive(socket)));
        net::shutdownWrite(socket);
      },
      echo);
  CHECK(out.messages == std::vector<std::string>{ok("GET /a "), ok("GET /a "), ok("POST /b hello")});
}

TEST_CASE("connection: every way of cutting a conversation in two, and byte by byte") {
  const std::string text =
      "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello\r\n"
      "POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: "
      "u\r\n\r\n"
      "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n"
      "POST /4 HTTP/1.0\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nxy"
      "HEAD /5 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  const std::string expected = ok("POST /1 hello") + ok("POST /2 abcdefg") + ok("GET /3 ") +
                               ok("POST /4 xy", "Connection: keep-alive\r\n") +
                               "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\n";
  for (size_t cut = 0; cut < text.size(); ++cut) {
    CAPTURE(cut);
    Outcome out = serve({text.substr(0, cut), text.substr(cut)}, echo);
    CHECK(out.output() == expected);
    CHECK(out.last == Next::kEnd);
    CHECK(out.lent == 0);
  }
  std::vector<std::string> bytes;
  for (char c : text) bytes.emplace_back(1, c);
  for (Wire wire : {Wire::kPackets, Wire::kTcp}) CHECK(serve(bytes, echo, {}, wire).output() == expected);
}

TEST_CASE("connection: an idle connection holds no buffer") {
  Loop loop;
  Limits limits;
  Server server(limits);
  for (Wire wire : {Wire::kPackets, Wire::kTcp}) {
    Pair pair(loop, wire);
    Connection connection(server, *pair.server);
    loop.go([&] {
      while (connection.nextRequest() == Next::kRequest) {
        CHECK(server.buffers.lent() == 1);
        respond(connection, "x");
      }
      net::close(pair.server);
    });
    loop.go([&] {
      for (int i = 0; i < 3; ++i) {
        sched::sleepUntil(loop.scheduler, sched::monotonicNow() + 1'000'000);
        CHECK(server.buffers.lent() == 0);
        CHECK_FALSE(connection.holdsBuffers());
        send(*pair.client, kGet);
        receive(*pair.client);
      }
      net::close(pair.client);
    });
    loop.run();
  }
  // The one given back last is lent again.
  char* buffer = server.buffers.take();
  server.buffers.give(buffer);
  CHECK(server.buffers.take() == buffer);
}

TEST_CASE("connection: requests that cannot be read are answered and end the connection") {
  Limits limits;
  limits.head.headBytes = 300;
  limits.head.targetBytes = 100;
  struct Case {
    std::string text;
    int status;
  };
  const std::vector<Case> cases = {
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: h\n\n", 400},
      {"\x16\x03\x01", 400},
      {"GET /" + std::string(200, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
      {"GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(400, 'x') + "\r\n\r\n", 431},
      {"GET / HTTP/1.1\r\nHost: h\r\nExpect: money\r\n\r\n", 417},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400},
      {"PRI * HTTP/2.0\r\n\r\n", 505},
      {"GET / HT", 400},  // the peer's end of stream in the middle of a head
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    Outcome alone = serve({c.text}, echo, limits);
    CHECK(alone.output() == refusal(c.status));
    CHECK(alone.last == Next::kFailed);
    CHECK(alone.error == c.status);
    CHECK(alone.lent == 0);
    Outcome second = serve({kGet + c.text}, echo, limits);
    CHECK(second.output() == ok("GET /a ") + refusal(c.status));
    CHECK(second.requests == 1);
  }
  // To HEAD without a body.
  Outcome out = serve({"HEAD / HTTP/1.1\r\n\r\n"}, echo);
  CHECK(out.output() == refusal(400).substr(0, out.output().size()));
  CHECK(out.output().find("\r\n\r\n") == out.output().size() - 4);
}

TEST_CASE("connection: a refusal reaches a client that is still sending") {
  // Without lingering, closing with unread input would reset the connection and lose the response.
  std::string received;
  Outcome out = converse(
      [&](net::Socket& socket, Outcome&) {
        send(socket, "BROKEN\r\n" + std::string(100 * 1024, 'x'));
        for (std::string piece; !(piece = receive(socket)).empty();) {
          received += piece;
          if (piece[0] == '<') break;
        }
      },
      echo, {}, Wire::kTcp);
  CHECK(withoutDates(received) == refusal(400));
}

TEST_CASE("connection: lingering ends, by amount and by time") {
  Limits limits;
  limits.lingerBytes = 10'000;
  limits.lingerMs = 20;
  auto flood = [](net::Socket& socket, Outcome&) {
    const std::string piece(4096, 'x');
    send(socket, "BROKEN\r\n");
    while (send(socket, piece) == 0) sched::sleepUntil(socket.poller->scheduler(), 0);
  };
  Outcome out = converse(flood, echo, limits, Wire::kStream);
  CHECK(out.error == 400);
  Outcome silent = converse([](net::Socket& socket, Outcome&) { send(socket, "BROKEN\r\n"); }, echo, limits,
                            Wire::kStream);
  CHECK(silent.output() == refusal(400));
  limits.lingerMs = 3'600'000;
  limits.lingerIdleMs = 20;
  silent = converse([](net::Socket& socket, Outcome&) { send(socket, "BROKEN\r\n"); }, echo, limits,
                    Wire::kStream);
  CHECK(silent.output() == refusal(400));
}

TEST_CASE("connection: deadlines") {
  Limits limits;
  limits.firstByteMs = 30;
  limits.idleMs = 30;
  limits.headMs = 30;
  auto quiet = [](const std::string& text) {
    return [text](net::Socket& socket, Outcome&) {
      if (!text.empty()) send(socket, text);
    };
  };
  SUBCASE("nothing at all: closed silently") {
    Outcome out = converse(quiet(""), echo, limits);
    CHECK(out.output() == "");
    CHECK(out.last == Next::kEnd);
  }
  SUBCASE("nothing after a response") {
    Outcome out = converse(quiet(kGet), echo, limits);
    CHECK(out.output() == ok("GET /a "));
    CHECK(out.last == Next::kEnd);
  }
  SUBCASE("that of the first byte means nothing once it has come") {
    limits.idleMs = 10'000;
    Outcome out = converse(
        [](net::Socket& socket, Outcome&) {
          for (int i = 0; i < 2; ++i) {
            send(socket, kGet);
            sched::sleepUntil(socket.poller->scheduler(), sched::monotonicNow() + 70'000'000);
          }
          net::shutdownWrite(socket);
        },
        echo, limits);
    CHECK(out.requests == 2);
    CHECK(out.last == Next::kEnd);
  }
  SUBCASE("each request starts the idle time anew, and ends one that is longer") {
    limits.firstByteMs = 10'000;
    limits.idleMs = 200;
    Outcome out = converse(
        [](net::Socket& socket, Outcome&) {
          for (int i = 0; i < 5; ++i) {
            send(socket, kGet);
            sched::sleepUntil(socket.poller->scheduler(), sched::monotonicNow() + 70'000'000);
          }
        },
        echo, limits);
    CHECK(out.requests == 5);
    CHECK(out.last == Next::kEnd);
  }
  SUBCASE("only an empty line is nothing") {
    Outcome out = converse(quiet("\r\n\r"), echo, limits);
    CHECK(out.output() == "");
    CHECK(out.last == Next::kEnd);
  }
  SUBCASE("part of a head: 408") {
    Outcome out = converse(quiet(kGet + "G"), echo, limits);
    CHECK(out.output() == ok("GET /a ") + refusal(408));
    CHECK(out.last == Next::kFailed);
    CHECK(out.error == 408);
  }
  SUBCASE("a head byte by byte does not start the time anew") {
    Outcome out = converse(
        [&](net::Socket& socket, Outcome&) {
          for (char c : kGet) {
            if (send(socket, std::string(1, c)) < 0) return;
            sched::sleepUntil(socket.poller->scheduler(), sched::monotonicNow() + 10'000'000);
          }
        },
        echo, limits);
    CHECK(out.error == 408);
  }
  SUBCASE("a body that does not come: the handler decides") {
    limits.bodyMs = 30;
    Outcome out = converse(quiet("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"), echo, limits);
    CHECK(out.output() == "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\nPOST / <-110>");
    CHECK(out.last == Next::kEnd);
  }
  SUBCASE("a client that does not read") {
    limits.sendMs = 30;
    const std::string body(8 * 1024 * 1024, 'x');
    int result = 0;
    Outcome out = converse(
        [&](net::Socket& socket, Outcome&) {
          send(socket, kGet);
          sched::sleepUntil(socket.poller->scheduler(), sched::monotonicNow() + 100'000'000);
        },
        [&](Connection& c) { result = respond(c, body); }, limits, Wire::kStream);
    CHECK(result == -ETIMEDOUT);
    CHECK(out.last == Next::kFailed);
    CHECK(out.error == -ETIMEDOUT);
  }
}

TEST_CASE("connection: cancellation") {
  Loop loop;
  Limits limits;
  Server server(limits);
  Pair pair(loop, Wire::kStream);
  Next last = Next::kRequest;
  int error = 0;
  sched::Coroutine* c = loop.go([&] {
    Connection connection(server, *pair.server);
    last = connection.nextRequest();
    error = connection.error();
  });
  loop.go([&] {
    sched::sleepUntil(loop.scheduler, sched::monotonicNow() + 1'000'000);
    loop.scheduler.cancel(c);
  });
  loop.run();
  CHECK(last == Next::kFailed);
  CHECK(error == -ECANCELED);
  CHECK(server.buffers.lent() == 0);
}

TEST_CASE("connection: what a handler leaves undone") {
  SUBCASE("no response") {
    Outcome out = serve({kGet + kGet}, [](Connection&) {});
    CHECK(out.output() == refusal(500));
    CHECK(out.requests == 1);
    CHECK(out.last == Next::kEnd);
  }
  SUBCASE("half a response") {
    Outcome out = serve({kGet + kGet}, [](Connection& c) {
      c.begin(200, "", 10, false);
      c.write("half", 4);
    });
    CHECK(out.output() == "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    CHECK(out.last == Next::kFailed);
  }
  SUBCASE("a second response") {
    int second = 0;
    Outcome out = serve({kGet}, [&](Connection& c) {
      respond(c, "x");
      second = respond(c, "y");
    });
    CHECK(second == -EALREADY);
    CHECK(out.output() == ok("x"));
  }
}

TEST_CASE("connection: the last response") {
  CHECK(serve({"GET / HTTP/1.0\r\n\r\n" + kGet}, echo).output() == ok("GET / ", "Connection: close\r\n"));
  Outcome out = serve({kGet + kGet}, [](Connection& c) {
    CHECK(c.keepAlive());
    c.forceClose();
    CHECK_FALSE(c.keepAlive());
    echo(c);
  });
  CHECK(out.output() == ok("GET /a ", "Connection: close\r\n"));
  CHECK(out.last == Next::kEnd);
}

TEST_CASE("connection: upgrade leaves what follows the head to the other protocol") {
  std::string rest;
  Outcome out = serve({"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nraw bytes"},
                      [&](Connection& c) {
                        CHECK(c.head().upgrade);
                        c.respond(101, "Upgrade: echo\r\nConnection: Upgrade\r\n", nullptr, 0, false);
                        rest = c.unread();
                      });
  CHECK(out.output() == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
  CHECK(rest == "raw bytes");
}

TEST_CASE("connection: fields of the request") {
  serve({"GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nEmpty:\r\n\r\n"}, [](Connection& c) {
    CHECK(c.header("x-a") == "1");
    CHECK(c.header("Empty").empty());
    CHECK(c.header("Empty").data() != nullptr);
    CHECK(c.header("absent").data() == nullptr);
    respond(c, "");
  });
}
