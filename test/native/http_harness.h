// Runs an http::Connection against a scripted client, on real descriptors, with the scheduler and the poller.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "../../native/http/connection.h"
#include "environment.h"

namespace harness {

using stackful::http::Connection;
using stackful::http::Limits;
using stackful::http::Next;
using stackful::http::Server;
namespace net = stackful::net;
namespace sched = stackful::sched;

using Loop = stackful::test::Environment;

// kPackets keeps the boundaries of writes, so that tests see exactly what was sent and received by one call.
enum class Wire { kPackets, kStream, kTcp };

inline void tcpPair(int (&fds)[2]) {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  fds[1] = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, any, length) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, any, &length) != 0 || connect(fds[1], any, length) != 0) {
    std::abort();
  }
  fds[0] = accept(listener, nullptr, nullptr);
  close(listener);
  for (int fd : fds) fcntl(fd, F_SETFL, O_NONBLOCK);
}

struct Pair {
  Pair(Loop& loop, Wire wire) {
    int fds[2];
    if (wire == Wire::kTcp) {
      tcpPair(fds);
    } else if (socketpair(AF_UNIX, (wire == Wire::kPackets ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_NONBLOCK, 0,
                          fds)) {
      std::abort();
    }
    auto kind = wire == Wire::kTcp ? net::Kind::kTcp : net::Kind::kOtherSocket;
    server = net::attach(loop.poller, fds[0], kind);
    client = net::attach(loop.poller, fds[1], kind);
  }
  net::Socket* server;
  net::Socket* client;
};

inline int send(net::Socket& socket, const std::string& text) {
  ssize_t n = net::writeAll(socket, text.data(), text.size());
  return n < 0 ? static_cast<int>(n) : 0;
}

// One read; empty at the end of the stream.
inline std::string receive(net::Socket& socket) {
  std::string text(64 * 1024, '\0');
  ssize_t n = net::read(socket, text.data(), text.size());
  if (n < 0) return "<error " + std::to_string(-n) + ">";
  text.resize(static_cast<size_t>(n));
  return text;
}

inline std::string withoutDates(std::string text) {
  for (size_t at; (at = text.find("Date: ")) != std::string::npos;) text.erase(at, 37);
  return text;
}

using Handler = std::function<void(Connection&)>;

struct Outcome {
  std::vector<std::string> messages;  // what the client received, read by read
  Next last = Next::kRequest;
  int error = 0;
  int requests = 0;
  size_t lent = 0;  // buffers still lent at the end
  std::string output() const {
    std::string all;
    for (const std::string& message : messages) all += message;
    return withoutDates(all);
  }
};

// `client` is the client's coroutine; the harness reads what it leaves unread, to the end.
inline Outcome converse(const std::function<void(net::Socket&, Outcome&)>& client, const Handler& handler,
                        const Limits& limits = {}, Wire wire = Wire::kPackets) {
  Loop loop;
  Server server(limits);
  Pair pair(loop, wire);
  Outcome outcome;
  loop.go([&] {
    Connection connection(server, *pair.server);
    for (;;) {
      outcome.last = connection.nextRequest();
      if (outcome.last != Next::kRequest) break;
      ++outcome.requests;
      handler(connection);
    }
    outcome.error = connection.error();
    outcome.lent = server.buffers.lent();
    net::close(pair.server);
  });
  loop.go([&] {
    client(*pair.client, outcome);
    for (;;) {
      std::string message = receive(*pair.client);
      if (message.empty()) break;
      // A date may be cut in two on a stream; output() sees it whole.
      outcome.messages.push_back(wire == Wire::kPackets ? withoutDates(message) : message);
      if (message[0] == '<') break;
    }
    net::close(pair.client);
  });
  loop.run();
  return outcome;
}

// Sends the pieces one by one without waiting for anything, then the end of the stream.
inline Outcome serve(const std::vector<std::string>& pieces, const Handler& handler,
                     const Limits& limits = {}, Wire wire = Wire::kPackets) {
  return converse(
      [&](net::Socket& socket, Outcome&) {
        for (const std::string& piece : pieces) {
          if (!piece.empty() && send(socket, piece) < 0) return;
        }
        net::shutdownWrite(socket);
      },
      handler, limits, wire);
}

// The whole body, or "<code>".
inline std::string bodyOf(Connection& connection, size_t step = 1000) {
  std::string body;
  std::vector<char> piece(step);
  for (;;) {
    ssize_t n = connection.readBody(piece.data(), piece.size());
    if (n < 0) return "<" + std::to_string(n) + ">";
    if (n == 0) return body;
    body.append(piece.data(), static_cast<size_t>(n));
  }
}

inline int respond(Connection& connection, const std::string& body, int status = 200) {
  return connection.respond(status, "", body.data(), body.size(),
                            connection.method() == stackful::http::Method::kHead);
}

// Says what the request was.
inline void echo(Connection& connection) {
  std::string text = std::string(connection.head().methodName()) + " " + std::string(connection.target());
  std::string body = bodyOf(connection);
  respond(connection, text + " " + body);
}

inline std::string ok(const std::string& body, const std::string& fields = "") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + fields + "\r\n" +
         body;
}

}  // namespace harness
