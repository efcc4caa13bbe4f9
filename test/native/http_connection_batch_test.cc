// Connection: responses that are put off to the end of a batch, because other coroutines are ready.
#include <doctest/doctest.h>

#include "http_harness.h"

using namespace harness;

namespace {

const std::string kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

void answerAll(Connection& connection, const std::string& body) {
  while (connection.nextRequest() == Next::kRequest) {
    if (respond(connection, body) < 0) return;
  }
}

}  // namespace

TEST_CASE("batch: what a client does not take at once comes later, and whole") {
  constexpr int kRequests = 100;
  const std::string body(4000, 'b');
  for (Wire wire : {Wire::kPackets, Wire::kStream, Wire::kTcp}) {
    Outcome outcome = converse(
        [&](net::Socket& socket, Outcome&) {
          // Ready while the server answers, and not reading.
          for (int i = 0; i < kRequests; ++i) {
            REQUIRE(send(socket, kGet) == 0);
            for (int turn = 0; turn < 3; ++turn) socket.poller->scheduler().yieldNow();
          }
          net::shutdownWrite(socket);
        },
        [&](Connection& c) { CHECK(respond(c, body) == 0); }, {}, wire);
    CHECK(outcome.requests == kRequests);
    CHECK(outcome.last == Next::kEnd);
    CHECK(outcome.lent == 0);
    std::string expected;
    for (int i = 0; i < kRequests; ++i) expected += ok(body);
    CHECK((outcome.output() == expected));
  }
}

TEST_CASE("batch: responses go out together, before a read waits") {
  constexpr int kConnections = 100;  // more than are put off at most
  Loop loop;
  Server server;
  std::vector<Pair> pairs;
  pairs.reserve(kConnections);
  for (int i = 0; i < kConnections; ++i) pairs.emplace_back(loop, Wire::kStream);
  int answered = 0;
  for (Pair& pair : pairs) {
    loop.go([&] {
      Connection connection(server, *pair.server);
      answerAll(connection, "x");
      net::close(pair.server);
    });
  }
  for (Pair& pair : pairs) {
    loop.go([&] {
      for (int i = 0; i < 3; ++i) {
        REQUIRE(send(*pair.client, kGet) == 0);
        CHECK(withoutDates(receive(*pair.client)) == ok("x"));
        ++answered;
      }
      net::close(pair.client);
    });
  }
  CHECK(loop.run());
  CHECK(answered == 3 * kConnections);
  CHECK(server.buffers.lent() == 0);
}

TEST_CASE(
    "batch: what was answered goes out when the connection's coroutine is told to end in the same batch") {
  for (bool endOfStream : {false, true}) {
    Loop loop;
    Server server;
    Pair pair(loop, Wire::kStream);
    std::string received;
    sched::Coroutine* owner = loop.go([&] {
      Connection connection(server, *pair.server);
      REQUIRE(connection.nextRequest() == Next::kRequest);
      loop.go([&] {
        if (endOfStream) {
          shutdown(pair.server->fd, SHUT_RD);
        } else {
          loop.scheduler.cancel(owner);
        }
      });
      respond(connection, "kept");
      CHECK(connection.nextRequest() != Next::kRequest);
      net::close(pair.server);
    });
    loop.go([&] {
      send(*pair.client, kGet);
      received = receive(*pair.client);
      net::close(pair.client);
    });
    CHECK(loop.run());
    CHECK(withoutDates(received) == ok("kept"));
    CHECK(server.buffers.lent() == 0);
  }
}

TEST_CASE("batch: a client that has gone is noticed after the response was put off") {
  Loop loop;
  Server server;
  Pair pair(loop, Wire::kStream);
  Next last = Next::kRequest;
  loop.go([&] {
    Connection connection(server, *pair.server);
    REQUIRE(connection.nextRequest() == Next::kRequest);
    loop.go([&] { net::close(pair.client); });
    CHECK(respond(connection, "lost") == 0);
    last = connection.nextRequest();
    CHECK(connection.error() == -EPIPE);
    net::close(pair.server);
  });
  loop.go([&] { send(*pair.client, kGet); });
  CHECK(loop.run());
  CHECK(last == Next::kFailed);
  CHECK(server.buffers.lent() == 0);
}
