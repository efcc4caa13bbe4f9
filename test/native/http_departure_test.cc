// Clients that leave while their request is under way.
#include <doctest/doctest.h>

#include "http_harness.h"

namespace {

using namespace harness;

const std::string kRequest = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

// A server with one connection, the coroutine that hears of departures, and a client.
struct Fixture {
  explicit Fixture(const Limits& limits, Wire wire = Wire::kTcp) : server(limits), pair(loop, wire) {
    loop.poller.tellHangUps([](net::Socket& socket) { static_cast<Connection*>(socket.owner)->hungUp(); });
    pair.server->flags |= net::kTellsHangUp;
  }

  void serve(Handler handler) {
    handling = loop.go([this, handler] {
      Connection connection(server, *pair.server);
      pair.server->owner = &connection;
      while (connection.nextRequest() == Next::kRequest) handler(connection);
      connection.forgetClient();
      net::close(pair.server);
      over = true;
    });
    loop.go([this] {
      while (!over) {
        {
          stackful::http::Departures::Waiting waiting(server.departures, loop.scheduler);
          if (server.departures.empty()) sched::sleepFor(loop.scheduler, 5'000'000);
        }
        while (stackful::http::Departure* d = server.departures.take()) {
          told.push_back(d->gone);
          if (d->gone) loop.scheduler.cancel(handling);
        }
      }
    });
  }

  Loop loop;
  Server server;
  Pair pair;
  sched::Coroutine* handling = nullptr;
  std::vector<bool> told;
  bool over = false;
};

Limits shortly() {
  Limits limits;
  limits.halfCloseMs = 20;
  return limits;
}

void reset(net::Socket* socket) {
  linger hard{1, 0};
  setsockopt(socket->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  net::close(socket);
}

}  // namespace

TEST_CASE("a reset is told at once, and once") {
  Fixture f(shortly());
  int32_t ended = 0;
  f.serve([&](Connection&) { ended = sched::sleepFor(f.loop.scheduler, int64_t{3600} * 1'000'000'000); });
  f.loop.go([&] {
    send(*f.pair.client, kRequest);
    sched::sleepFor(f.loop.scheduler, 1'000'000);
    reset(f.pair.client);
  });
  f.loop.run();
  CHECK(ended == -ECANCELED);
  CHECK(f.told == std::vector<bool>{true});
  CHECK(f.server.buffers.lent() == 0);
}

TEST_CASE("the end of the stream is told at once, and again when the time for an answer is over") {
  Fixture f(shortly());
  int32_t ended = 0;
  f.serve([&](Connection&) { ended = sched::sleepFor(f.loop.scheduler, int64_t{3600} * 1'000'000'000); });
  f.loop.go([&] {
    send(*f.pair.client, kRequest);
    net::shutdownWrite(*f.pair.client);
  });
  f.loop.run();
  CHECK(ended == -ECANCELED);
  CHECK(f.told == std::vector<bool>{false, true});
}

TEST_CASE("a client that has closed its half keeps its time while something is sent to it") {
  Fixture f(shortly());
  f.serve([&](Connection& connection) {
    connection.begin(200, "", Connection::kChunked, false);
    for (int i = 0; i < 10; i++) {
      sched::sleepFor(f.loop.scheduler, 8'000'000);
      CHECK(connection.write("x", 1) == 0);
    }
    CHECK(connection.finish() == 0);
  });
  std::string answer;
  f.loop.go([&] {
    send(*f.pair.client, kRequest);
    net::shutdownWrite(*f.pair.client);
    for (std::string piece; !(piece = receive(*f.pair.client)).empty();) answer += piece;
    net::close(f.pair.client);
  });
  f.loop.run();
  CHECK(answer.size() > 5);
  CHECK(answer.substr(answer.size() - 5) == "0\r\n\r\n");
  CHECK(f.told == std::vector<bool>{false});
}

TEST_CASE("each request of a client that has closed its half is told") {
  Fixture f(shortly());
  int requests = 0;
  f.serve([&](Connection& connection) {
    ++requests;
    sched::sleepFor(f.loop.scheduler, 1'000'000);
    respond(connection, "x");
  });
  f.loop.go([&] {
    send(*f.pair.client, kRequest + kRequest + kRequest);
    net::shutdownWrite(*f.pair.client);
    while (!receive(*f.pair.client).empty())
      ;
    net::close(f.pair.client);
  });
  f.loop.run();
  CHECK(requests == 3);
  CHECK(f.told == std::vector<bool>{false, false, false});
}

TEST_CASE("a socket that was never waited for is watched as soon as its handler waits") {
  Fixture f(shortly());
  bool asked = false;
  f.loop.go([&] { send(*f.pair.client, kRequest); });
  f.serve([&](Connection& connection) {
    asked = true;
    CHECK(!(connection.socket().flags & net::kRegistered));
    sched::sleepFor(f.loop.scheduler, int64_t{3600} * 1'000'000'000);
  });
  f.loop.go([&] {
    while (!asked) f.loop.scheduler.yieldNow();
    sched::sleepFor(f.loop.scheduler, 1'000'000);
    reset(f.pair.client);
  });
  f.loop.run();
  CHECK(f.told == std::vector<bool>{true});
}

TEST_CASE("what this side shuts down is no departure") {
  Fixture f(shortly());
  f.serve([&](Connection& connection) {
    net::shutdownRead(connection.socket());
    sched::sleepFor(f.loop.scheduler, 40'000'000);
    respond(connection, "x");
  });
  std::string answer;
  f.loop.go([&] {
    send(*f.pair.client, kRequest);
    for (std::string piece; !(piece = receive(*f.pair.client)).empty();) answer += piece;
    net::close(f.pair.client);
  });
  f.loop.run();
  CHECK(withoutDates(answer) == ok("x"));
  CHECK(f.told.empty());
}

TEST_CASE("a departure that was not taken goes with its connection") {
  Fixture f(shortly());
  f.loop.go([&] {
    Connection connection(f.server, *f.pair.server);
    f.pair.server->owner = &connection;
    CHECK(connection.nextRequest() == Next::kRequest);
    while (f.server.departures.empty()) sched::sleepFor(f.loop.scheduler, 1'000'000);
    connection.forgetClient();
    net::close(f.pair.server);
  });
  f.loop.go([&] {
    send(*f.pair.client, kRequest);
    net::shutdownWrite(*f.pair.client);
  });
  f.loop.run();
  CHECK(f.server.departures.empty());
}
