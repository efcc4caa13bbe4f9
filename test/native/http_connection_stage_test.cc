// Connection: its life, as far as it is seen from outside.
#include <doctest/doctest.h>

#include "http_harness.h"

using namespace harness;

TEST_CASE("connection: the stages as they are seen from outside") {
  Loop loop;
  Server server{Limits{}};
  Pair pair(loop, Wire::kStream);
  Connection c(server, *pair.server);
  const std::string request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  char byte;
  CHECK(c.fresh());
  CHECK_FALSE(c.idle());  // no coroutine waits yet
  loop.go([&] {
    REQUIRE(c.nextRequest() == Next::kRequest);
    CHECK_FALSE(c.fresh());
    CHECK(c.hasRequest());
    CHECK(c.write("x", 1) == -EALREADY);
    CHECK(respond(c, "one") == 0);
    CHECK(c.hasRequest());
    CHECK(respond(c, "again") == -EALREADY);
    REQUIRE(c.nextRequest() == Next::kRequest);
    CHECK(c.begin(200, "", 3, false) == 0);
    CHECK(c.begin(200, "", 3, false) == -EALREADY);
    CHECK(c.write("two", 3) == 0);
    CHECK(c.finish() == 0);
    CHECK(c.finish() == -EALREADY);
    CHECK(c.nextRequest() == Next::kEnd);
    CHECK_FALSE(c.hasRequest());
    CHECK(c.readBody(&byte, 1) == -EINVAL);
    CHECK(c.respond(200, "", "", 0, false) == -EALREADY);
    CHECK(c.nextRequest() == Next::kEnd);
    net::close(pair.server);
  });
  loop.turn(0);
  CHECK(c.fresh());
  CHECK(c.idle());
  CHECK_FALSE(c.hasRequest());
  loop.go([&] {
    send(*pair.client, request);
    CHECK(receive(*pair.client).substr(0, 15) == "HTTP/1.1 200 OK");
    CHECK(c.idle());
    CHECK_FALSE(c.hasRequest());
    send(*pair.client, "GET ");
    while (!c.holdsBuffers()) sched::sleepFor(loop.scheduler, stackful::test::kMs);
    CHECK_FALSE(c.idle());  // part of a head is there
    send(*pair.client, request.substr(4));
    CHECK(receive(*pair.client).substr(0, 15) == "HTTP/1.1 200 OK");
    net::close(pair.client);
  });
  CHECK(loop.run());
}
