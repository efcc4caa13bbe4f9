// A client's HTTP/2 connections over socket pairs: the frames of servers by hand, and at random.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../../native/http2/client_connection.h"
#include "net_harness.h"

using namespace stackful;
using http2::ClientConnection;
using http2::ClientSettings;
using http2::ClientStream;
using test::Environment;
using test::UnixPair;

namespace {

const std::string kHead = "GET /a HTTP/1.1\r\nHost: b\r\nX-C: d\r\nConnection: close\r\n\r\n";

std::string frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload = "") {
  const auto n = static_cast<uint32_t>(payload.size());
  std::string bytes;
  for (const uint32_t byte :
       {n >> 16, n >> 8, n, uint32_t{type}, uint32_t{flags}, stream >> 24, stream >> 16, stream >> 8, stream})
    bytes.push_back(static_cast<char>(byte));
  return bytes + payload;
}

std::string field(std::string_view name, std::string_view value) {
  std::string bytes(1, '\0');
  bytes.push_back(static_cast<char>(name.size()));
  bytes.append(name);
  bytes.push_back(static_cast<char>(value.size()));
  return bytes.append(value);
}

// A connection whose reader runs in a coroutine of its own. `theirs` does not block.
struct Client {
  Environment& e;
  http::BufferPool wire{ClientConnection::kWireBytes};
  net::Socket* socket;
  int theirs;
  bool over = false;
  std::unique_ptr<ClientConnection> connection;

  explicit Client(Environment& environment, const ClientSettings& settings = {}) : e(environment) {
    const UnixPair pair;
    theirs = pair.theirs;
    fcntl(theirs, F_SETFL, O_NONBLOCK);
    socket = net::attach(e.poller, pair.ours, net::Kind::kOtherSocket);
    connection = std::make_unique<ClientConnection>(wire, *socket, settings,
                                                    [](ClientStream& stream) { delete &stream; });
    REQUIRE(connection->open() == 0);
    e.go([this] {
      for (;;) {
        switch (connection->next()) {
          case ClientConnection::Event::kChanged:
            continue;
          case ClientConnection::Event::kSendRest:
            e.go([this] { connection->sendRest(); });
            continue;
          case ClientConnection::Event::kOver:
            over = true;
            return;
        }
      }
    });
    yield();
  }
  // In a coroutine: the reader has to end first.
  ~Client() {
    connection->close();
    net::close(socket);
    while (!over) yield();
    yield();
    connection.reset();
    CHECK(wire.lent() == 0);
    ::close(theirs);
  }

  void yield() { e.scheduler.yieldNow(); }
  void say(const std::string& bytes) { test::sendText(theirs, bytes); }
  std::string heard() {
    static char bytes[256 << 10];
    const ssize_t n = recv(theirs, bytes, sizeof bytes, MSG_DONTWAIT);
    return {bytes, n > 0 ? static_cast<size_t>(n) : 0};
  }
  ClientStream* ask(const std::string& body = "", bool ended = true) {
    auto* stream = new ClientStream(*connection, 4096);
    if (connection->request(*stream, kHead, body, ended) == 0) return stream;
    delete stream;
    return nullptr;
  }
};

void done(ClientStream* stream) {
  if (stream->release()) delete stream;
}

template <class Body>
void inCoroutine(Body body) {
  Environment loop;
  bool ended = false;
  loop.go([&] {
    body(loop);
    ended = true;
  });
  while (!ended) loop.run();
}

const sched::Deadline kSoon = 1;

}  // namespace

TEST_CASE("http2 client: an answer is given as HTTP/1.1's, with its body and trailers") {
  inCoroutine([](Environment& e) {
    Client client(e);
    ClientStream* stream = client.ask();
    REQUIRE(stream);
    client.say(frame(http2::kSettings, 0, 0) + frame(http2::kHeaders, 4, 1, field(":status", "103")) +
               frame(http2::kHeaders, 4, 1, field(":status", "200") + field("x", "y")) +
               frame(http2::kData, 0, 1, "body") + frame(http2::kHeaders, 5, 1, field("t", "u")));
    CHECK(stream->await(sched::kNoDeadline) == 1);
    CHECK(std::string(stream->heads().data(), stream->heads().size()) ==
          "HTTP/1.1 103 \r\n\r\nHTTP/1.1 200 \r\nx: y\r\n\r\n");
    CHECK(std::string(stream->body().data(), stream->body().size()) == "body");
    CHECK(stream->complete());
    CHECK(stream->trailers() == "t: u\r\n");
    stream->heads().remove(stream->heads().size());
    stream->body().remove(4);
    stream->consumed(4);
    CHECK(stream->await(sched::kNoDeadline) == 0);
    // The request as it was sent: no line about the connection.
    const std::string sent = client.heard();
    CHECK(sent.find("close") == std::string::npos);
    done(stream);
  });
}

TEST_CASE("http2 client: how streams end") {
  inCoroutine([](Environment& e) {
    Client client(e);
    ClientStream* streams[4];
    for (ClientStream*& stream : streams) REQUIRE((stream = client.ask()));
    const auto error = [](char code) { return std::string(3, '\0') + code; };
    client.say(frame(http2::kSettings, 0, 0) + frame(http2::kRstStream, 0, 1, error(2)) +
               frame(http2::kRstStream, 0, 3, error(7)) + frame(http2::kHeaders, 5, 5, field("a", "b")) +
               frame(http2::kHeaders, 4, 7, field(":status", "200")));
    for (int i = 0; i < 3; ++i) CHECK(streams[i]->await(sched::kNoDeadline) == -EPIPE);
    CHECK(streams[0]->end() == ClientStream::End::kReset);
    CHECK(streams[0]->error() == 2);
    CHECK(streams[1]->end() == ClientStream::End::kUnprocessed);
    CHECK(streams[2]->end() == ClientStream::End::kMalformed);
    CHECK(streams[3]->await(sched::kNoDeadline) == 1);
    streams[3]->heads().remove(streams[3]->heads().size());
    CHECK(streams[3]->await(kSoon) == -ETIMEDOUT);
    ::shutdown(client.theirs, SHUT_RDWR);
    CHECK(streams[3]->await(sched::kNoDeadline) == -EPIPE);
    CHECK(streams[3]->end() == ClientStream::End::kConnection);
    CHECK(streams[3]->failure() == http2::Failure::kEnded);
    for (ClientStream* stream : streams) done(stream);
    CHECK(client.ask() == nullptr);
  });
}

TEST_CASE("http2 client: a body waits for the server's window") {
  inCoroutine([](Environment& e) {
    Client client(e);
    ClientStream* stream = client.ask("", false);
    REQUIRE(stream);
    size_t written = 0;
    bool ended = false;
    e.go([&] {
      const std::string piece(10'000, 'x');
      for (; written < 300'000 && stream->write(piece.data(), piece.size()) == 0;) written += piece.size();
      stream->finish({});
      ended = true;
    });
    for (int i = 0; i < 50; ++i) client.yield();
    CHECK(written < 140'000);
    client.heard();
    const std::string more = std::string("\0\x0f\0\0", 4);
    client.say(frame(http2::kSettings, 0, 0) + frame(http2::kWindowUpdate, 0, 0, more) +
               frame(http2::kWindowUpdate, 0, 1, more));
    while (!ended) {
      client.heard();
      client.yield();
    }
    CHECK(written == 300'000);
    done(stream);
  });
}

TEST_CASE("http2 client: frames at random") {
  const char* seedText = std::getenv("SEED");
  std::mt19937 random(seedText ? static_cast<uint32_t>(std::atoi(seedText)) : 1);
  const auto below = [&](size_t n) { return static_cast<uint32_t>(random() % n); };
  size_t sent = 0, answers = 0;
  inCoroutine([&](Environment& e) {
    for (int round = 0; round < 200; ++round) {
      Client client(e);
      std::vector<ClientStream*> streams;
      client.say(frame(http2::kSettings, 0, 0));
      size_t asked = 0;
      bool headed[256] = {};
      for (int step = 0; step < 60; ++step) {
        if (asked == 0 || below(3) == 0) {
          ++asked;
          if (ClientStream* stream = client.ask(below(2) ? "" : "abc", below(2) == 0))
            streams.push_back(stream);
        }
        // Seldom one that is no stream, which ends the connection.
        const uint32_t id = 1 + 2 * below(asked + (below(200) == 0 ? 2 : 0));
        std::string bytes;
        // DATA before a head ends the connection.
        uint32_t kind = below(8);
        if (kind / 2 == 1 && !headed[id % 256]) kind = 0;
        headed[id % 256] |= kind < 2;
        switch (kind) {
          case 0:
          case 1:
            bytes = frame(http2::kHeaders, static_cast<uint8_t>(4 | below(2)), id,
                          field(":status", "200") + field("a", "b"));
            break;
          case 2:
          case 3:
            bytes = frame(http2::kData, static_cast<uint8_t>(below(2)), id, std::string(below(2000), 'd'));
            break;
          case 4:
            bytes = frame(http2::kRstStream, 0, id, std::string(3, '\0') + static_cast<char>(below(14)));
            break;
          case 5:
            bytes = below(4)
                        ? frame(http2::kPing, 0, 0, "12345678")
                        : frame(http2::kGoaway, 0, 0, std::string(7, '\0') + static_cast<char>(below(3)));
            break;
          case 6:
            bytes = frame(http2::kHeaders, 4, id, field(":status", "103"));
            break;
          default:
            if (below(40) == 0) {
              std::string noise(below(60), '\0');
              for (char& c : noise) c = static_cast<char>(below(256));
              bytes = frame(static_cast<uint8_t>(below(12)), static_cast<uint8_t>(below(64)), id, noise);
            }
        }
        if (!bytes.empty()) ++sent;
        client.say(bytes);
        client.heard();
        for (int turns = 0; turns < 3; ++turns) client.yield();
        if (streams.empty()) continue;
        const size_t i = below(streams.size());
        ClientStream& stream = *streams[i];
        switch (below(6)) {
          case 0:
            done(&stream);
            streams.erase(streams.begin() + static_cast<std::ptrdiff_t>(i));
            break;
          case 1:
            ++stream.calls;
            stream.write("0123456789", 10);
            --stream.calls;
            break;
          case 2:
            stream.finish({});
            break;
          default: {
            ++stream.calls;
            if (stream.await(kSoon) == 1) {
              ++answers;
              const size_t n = stream.body().size();
              stream.heads().remove(stream.heads().size());
              stream.body().remove(n);
              stream.consumed(n);
            }
            --stream.calls;
          }
        }
      }
      if (below(2)) client.connection->close();
      for (ClientStream* stream : streams) done(stream);
    }
  });
  MESSAGE(sent, " frames, ", answers, " pieces of answers");
  CHECK(answers > 100);
}
