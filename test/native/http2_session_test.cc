// Sessions of HTTP/2 over memory: the frames of clients by hand, and at random.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../../native/http2/session.h"
#include "environment.h"

using namespace stackful;
using http2::Session;
using http2::Settings;
using http2::Shared;
using http2::Stream;

namespace {

std::string frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload = "") {
  const auto n = static_cast<uint32_t>(payload.size());
  std::string bytes;
  for (const uint32_t byte :
       {n >> 16, n >> 8, n, uint32_t{type}, uint32_t{flags}, stream >> 24, stream >> 16, stream >> 8, stream})
    bytes.push_back(static_cast<char>(byte));
  return bytes + payload;
}

std::string uint32(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

// Names and values of less than 127 bytes.
std::string field(std::string_view name, std::string_view value) {
  std::string bytes(1, '\0');
  bytes.push_back(static_cast<char>(name.size()));
  bytes.append(name);
  bytes.push_back(static_cast<char>(value.size()));
  return bytes.append(value);
}

std::string request(std::string_view method, std::string_view path) {
  return field(":method", method) + field(":scheme", "http") + field(":path", path) +
         field(":authority", "a");
}

const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(http2::kSettings, 0, 0);

// A session whose calls never wait: what would park is ended early. `prompt`: it sends at once, as a connection does whose thread has
// nothing else to do; streams are over in the middle of calls then.
class Quiet : public Session {
 public:
  Quiet(Shared& shared, sched::Scheduler& scheduler) : Session(shared, scheduler) { REQUIRE(open() == 0); }
  ~Quiet() override { endStreams(); }

  // What has been sent since the last time, and waits to be.
  std::string output() {
    send();
    return std::exchange(sent_, {});
  }
  int take(const std::string& bytes) {
    busy_ = true;
    const int code = receive(bytes.data(), bytes.size());
    busy_ = false;
    if (code == 0) outputWaits();
    return code;
  }
  bool prompt = false;

 protected:
  void outputWaits() noexcept override {
    if (prompt && !busy_) send();
  }
  int32_t wait(sched::ParkKind, sched::Deadline) noexcept override { return -ECANCELED; }
  void forget(Stream& stream) noexcept override { delete &stream; }

 private:
  void send() {
    std::vector<char> room(Shared::kWireBytes);
    busy_ = true;
    while (const size_t n = produce(room.data(), room.size())) sent_.append(room.data(), n);
    busy_ = false;
  }

  bool busy_ = false;
  std::string sent_;
};

void done(Stream* stream) {
  if (stream->release()) delete stream;
}

// The payloads of a stream's frames of one type.
std::string payloads(const std::string& bytes, uint8_t type, uint32_t stream) {
  std::string all;
  for (size_t at = 0; at + 9 <= bytes.size();) {
    const auto byte = [&](size_t i) { return uint32_t{static_cast<unsigned char>(bytes[at + i])}; };
    const size_t n = byte(0) << 16 | byte(1) << 8 | byte(2);
    if (byte(3) == type && (byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)) == stream)
      all += bytes.substr(at + 9, n);
    at += 9 + n;
  }
  return all;
}

struct Fixture {
  explicit Fixture(const Settings& settings = {}, const http::Limits& limits = {})
      : server(limits), shared(server, settings) {}
  http::Server server;
  Shared shared;
};

// In a coroutine, because calls are charged to one.
void inCoroutine(const std::function<void(sched::Scheduler&)>& body) {
  test::Environment loop;
  bool ended = false;
  loop.go([&] {
    body(loop.scheduler);
    ended = true;
  });
  while (!ended) loop.run();
}

}  // namespace

TEST_CASE("http2: a request is read as HTTP/1.1's, and answered") {
  inCoroutine([](sched::Scheduler& scheduler) {
    Fixture fixture;
    {
      Quiet session(fixture.shared, scheduler);
      CHECK(session.take(kPreface +
                         frame(http2::kHeaders, 5, 1, request("GET", "/a?b") + field("x-y", "z"))) == 0);
      Stream* stream = session.takeNew();
      REQUIRE(stream);
      CHECK(session.takeNew() == nullptr);
      CHECK(stream->head().method == http::Method::kGet);
      CHECK(stream->head().target() == "/a?b");
      CHECK(stream->head().fieldCount == 2);
      CHECK(stream->head().value(0) == "a");
      CHECK(stream->head().name(1) == "x-y");
      CHECK(stream->respond(200, "X-A: b\r\nConnection: close\r\n", "hello", 5) == 0);
      const std::string output = session.output();
      CHECK(payloads(output, http2::kData, 1) == "hello");
      CHECK(payloads(output, http2::kHeaders, 1).find("close") == std::string::npos);
      CHECK(stream->session == nullptr);
      done(stream);
      CHECK_FALSE(session.hasStreams());
    }
    CHECK(fixture.shared.heads.lent() == 0);
  });
}

TEST_CASE("http2: extended CONNECT becomes a tunnel, which ends on both sides") {
  inCoroutine([](sched::Scheduler& scheduler) {
    const auto asks = [](std::string_view protocol) {
      return field(":method", "CONNECT") + field(":protocol", protocol) + field(":scheme", "http") +
             field(":path", "/chat") + field(":authority", "a");
    };
    Fixture fixture;
    Quiet session(fixture.shared, scheduler);
    CHECK(session.take(kPreface + frame(http2::kSettings, 1, 0) +
                       frame(http2::kHeaders, 4, 1, asks("other")) +
                       frame(http2::kHeaders, 4, 3, asks("websocket")) +
                       frame(http2::kHeaders, 4, 5, asks("websocket"))) == 0);
    Stream* stream = session.takeNew();
    Stream* left = session.takeNew();
    REQUIRE(stream);
    REQUIRE(left);
    CHECK(session.takeNew() == nullptr);
    CHECK(payloads(session.output(), http2::kData, 1) == "501 Not Implemented\n");
    CHECK(stream->connects());
    CHECK(stream->head().method == http::Method::kGet);
    CHECK(stream->head().target() == "/chat");
    CHECK(stream->head().name(0) == "upgrade");
    CHECK(stream->head().hasBody() == false);
    char byte;
    CHECK(stream->readBody(&byte, 1) == 0);
    CHECK(stream->openTunnel("x-y: z\r\n") == 0);
    CHECK(stream->openTunnel("") == -EALREADY);
    CHECK(stream->awaitBytes(net::kNoDeadline) == -ECANCELED);
    CHECK(session.take(frame(http2::kData, 0, 3, "abc")) == 0);
    CHECK(stream->awaitBytes(net::kNoDeadline) == 3);
    CHECK(stream->bytesThere() == "abc");
    std::free(stream->takeBytes());
    const std::string text(1000, 't');
    const iovec parts[] = {{const_cast<char*>(text.data()), 400}, {const_cast<char*>(text.data()), 600}};
    CHECK(stream->send(parts, 2) == 0);
    CHECK(stream->trySend("y", 1) == 0);
    CHECK(stream->queued() == 1001);
    CHECK(payloads(session.output(), http2::kData, 3) == text + "y");
    // More than the queue has room for, which cannot be waited for here: it is given up in the middle.
    const std::string much(Stream::kMostQueued + 1, 'm');
    const iovec whole{const_cast<char*>(much.data()), much.size()};
    CHECK(left->openTunnel("") == 0);
    CHECK(left->trySend(much.data(), much.size()) == 1);
    CHECK(left->send(&whole, 1) == -ECANCELED);
    CHECK(left->send(parts, 1) == kSocketBroken);
    left->closeTunnel();
    CHECK(left->awaitBytes(net::kNoDeadline) == -EBADF);
    CHECK(payloads(session.output(), http2::kRstStream, 5) == uint32(http2::kCancel));
    // This side has ended; the other one has not.
    CHECK(stream->endTunnel() == 0);
    CHECK(payloads(session.output(), http2::kRstStream, 3).empty());
    CHECK(stream->send(parts, 1) == -EPIPE);
    CHECK(session.take(frame(http2::kData, 1, 3, "late")) == 0);
    CHECK(stream->readBody(&byte, 1) == 1);
    CHECK(byte == 'l');
    done(stream);
    done(left);
    CHECK_FALSE(session.hasStreams());
  });
}

TEST_CASE("http2: a body is kept until it is read, and the window opens then") {
  inCoroutine([](sched::Scheduler& scheduler) {
    Settings settings;
    settings.streamWindow = 1000;
    Fixture fixture(settings);
    Quiet session(fixture.shared, scheduler);
    CHECK(session.take(kPreface + frame(http2::kSettings, 1, 0) +
                       frame(http2::kHeaders, 4, 1, request("POST", "/"))) == 0);
    Stream* stream = session.takeNew();
    REQUIRE(stream);
    session.output();
    CHECK(session.take(frame(http2::kData, 0, 1, std::string(1000, 'x'))) == 0);
    CHECK(payloads(session.output(), http2::kWindowUpdate, 1).empty());
    char bytes[2000];
    CHECK(stream->readBody(bytes, 600) == 600);
    CHECK(payloads(session.output(), http2::kWindowUpdate, 1) == uint32(600));
    CHECK(stream->readBody(bytes, sizeof bytes) == 400);
    CHECK(stream->readBody(bytes, sizeof bytes) == -ECANCELED);
    CHECK(session.take(frame(http2::kData, 1, 1, "end")) == 0);
    CHECK(stream->wholeBody(100).data() == nullptr);
    CHECK(stream->readBody(bytes, sizeof bytes) == 3);
    CHECK(stream->readBody(bytes, sizeof bytes) == 0);
    done(stream);
  });
}

TEST_CASE(
    "http2: a client that resets a stream is told of, and its record goes with the last that names it") {
  inCoroutine([](sched::Scheduler& scheduler) {
    Fixture fixture;
    Quiet session(fixture.shared, scheduler);
    CHECK(session.take(kPreface + frame(http2::kHeaders, 5, 1, request("GET", "/")) +
                       frame(http2::kHeaders, 5, 3, request("GET", "/"))) == 0);
    Stream* first = session.takeNew();
    REQUIRE(first);
    // The second was not told of yet, and is nobody's business any more.
    CHECK(session.take(frame(http2::kRstStream, 0, 3, uint32(8)) +
                       frame(http2::kRstStream, 0, 1, uint32(8))) == 0);
    CHECK(session.takeNew() == nullptr);
    CHECK(session.takeLeft() == first);
    CHECK(session.takeLeft() == nullptr);
    CHECK(first->left);
    CHECK(first->respond(200, "", "x", 1) == -EPIPE);
    done(first);
  });
}

TEST_CASE(
    "http2: responses that their clients do not take are reset, and their records go in the middle of that") {
  inCoroutine([](sched::Scheduler& scheduler) {
    Fixture fixture;
    Quiet session(fixture.shared, scheduler);
    session.prompt = true;
    const std::string noWindow = std::string("\0\4", 2) + uint32(0);
    CHECK(session.take(kPreface + frame(http2::kSettings, 0, 0, noWindow)) == 0);
    constexpr uint32_t kStreams = 5;
    for (uint32_t i = 0; i < kStreams; ++i) {
      CHECK(session.take(frame(http2::kHeaders, 5, 2 * i + 1, request("GET", "/"))) == 0);
      Stream* stream = session.takeNew();
      REQUIRE(stream);
      CHECK(stream->respond(200, "", "x", 1) == 0);
      done(stream);
    }
    session.sweep();
    CHECK(session.drains());
    session.output();
    session.sweep();
    CHECK_FALSE(session.hasStreams());
    CHECK_FALSE(session.drains());
    const std::string output = session.output();
    for (uint32_t i = 0; i < kStreams; ++i)
      CHECK(payloads(output, http2::kRstStream, 2 * i + 1) == uint32(http2::kCancel));
  });
}

TEST_CASE("http2: streams outlive their session") {
  inCoroutine([](sched::Scheduler& scheduler) {
    Fixture fixture;
    Stream* stream = nullptr;
    Stream* over = nullptr;
    {
      Quiet session(fixture.shared, scheduler);
      session.take(kPreface + frame(http2::kHeaders, 5, 1, request("GET", "/")) +
                   frame(http2::kHeaders, 5, 3, request("GET", "/")));
      stream = session.takeNew();
      over = session.takeNew();
      over->respond(200, "", "x", 1);
      session.output();
    }
    CHECK(stream->write("x", 1) == -EPIPE);
    done(stream);
    done(over);
  });
}

// STACKFUL_HTTP2_FRAMES and STACKFUL_HTTP2_SEED: more of them, and others.
TEST_CASE("http2: frames at random do no harm") {
  const char* const wanted = std::getenv("STACKFUL_HTTP2_FRAMES");
  const char* const seed = std::getenv("STACKFUL_HTTP2_SEED");
  const long frames = wanted ? std::atol(wanted) : 20'000;
  std::mt19937 random(seed ? static_cast<unsigned>(std::atol(seed)) : 1);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  long sessions = 0, requests = 0, sent = 0;

  inCoroutine([&](sched::Scheduler& scheduler) {
    Settings settings;
    settings.maxConcurrentStreams = 10;
    settings.streamWindow = 5000;
    http::Limits limits;
    limits.head.headBytes = 1000;
    limits.bodyBytes = 3000;
    Fixture fixture(settings, limits);
    while (sent < frames) {
      ++sessions;
      Quiet session(fixture.shared, scheduler);
      session.prompt = below(2);
      std::vector<Stream*> streams;
      const auto let = [&](size_t i) {
        done(streams[i]);
        streams[i] = streams.back();
        streams.pop_back();
      };
      uint32_t next = 1;
      bool fine = session.take(kPreface) == 0;
      while (fine && session.wantsRead() && sent < frames) {
        ++sent;
        // What begins with a new stream is mostly right, and what is wrong is mostly so in one respect: the first violation of the
        // protocol ends a session.
        static constexpr uint8_t kTypes[] = {1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 8, 8, 8, 3, 2, 4, 6, 16, 200};
        auto type = below(50) == 0 ? static_cast<uint8_t>(below(12)) : kTypes[below(sizeof kTypes)];
        uint32_t stream = next > 1 ? next - 2 * (1 + below(std::min(next, 12u) / 2)) : next;
        if ((type == http2::kHeaders && below(10)) || below(200) == 0) stream = next;
        uint8_t flags = 0;
        std::string payload;
        switch (type) {
          case http2::kHeaders:
            flags = static_cast<uint8_t>((below(60) ? http2::kEndHeaders : 0) |
                                         (below(2) ? http2::kEndStream : 0));
            payload = request(below(4) ? "GET" : "POST", below(20) ? "/path" : "path");
            for (uint32_t i = below(4); i > 0; --i)
              payload += field(below(9) ? "x-y" : "content-length", below(9) ? "12" : " b");
            if (stream != next) payload = field("x-trailer", "z");
            if (stream == next) next += 2;
            break;
          case http2::kData:
            flags = below(5) == 0 ? http2::kEndStream : 0;
            payload.assign(below(2) ? below(200) : below(2000), 'd');
            break;
          case http2::kRstStream:
          case http2::kWindowUpdate:
            payload = uint32(1 + below(100'000));
            break;
          case http2::kSettings:
            for (uint32_t i = below(3); i > 0; --i)
              payload += std::string({'\0', static_cast<char>(below(9))}) +
                         uint32(below(2) ? below(2) : 16384 + below(70'000));
            flags = below(4) ? 0 : http2::kAck;
            if (flags) payload.clear();
            break;
          case http2::kPing:
            payload.assign(8, 'p');
            break;
          case http2::kPriority:
            payload = uint32(0) + "w";
            break;
          case http2::kPriorityUpdate:
            payload = uint32(stream) + (below(2) ? "u=1, i" : "u=");
            break;
          default:
            for (uint32_t i = below(100); i > 0; --i) payload.push_back(static_cast<char>(below(256)));
        }
        if (below(200) == 0) flags = static_cast<uint8_t>(below(256));
        const uint32_t of =
            type == http2::kSettings || type == http2::kPing || type == http2::kPriorityUpdate ? 0 : stream;
        std::string bytes = frame(type, flags, of, payload);
        for (uint32_t i = below(100) == 0 ? below(4) : 0; i > 0; --i)
          bytes[below(static_cast<uint32_t>(bytes.size()))] ^= static_cast<char>(1 << below(8));
        // In pieces, now and then.
        const size_t cut = below(4) == 0 ? below(static_cast<uint32_t>(bytes.size())) : 0;
        fine = session.take(bytes.substr(0, cut)) == 0 && session.take(bytes.substr(cut)) == 0;
        while (Stream* begun = session.takeNew()) {
          ++requests;
          REQUIRE(begun->mayRead());
          streams.push_back(begun);
        }
        while (Stream* left = session.takeLeft()) REQUIRE(left->left);
        if (!streams.empty()) {
          const size_t i = below(static_cast<uint32_t>(streams.size()));
          Stream& s = *streams[i];
          char to[700];
          switch (below(9)) {
            case 0:
              s.respond(below(5) ? 200 : 304, "X-A: b\r\n", "hello", 5);
              break;
            case 1:
              s.begin(200, "content-type: text/plain\r\n", below(2) ? 1000 : -1);
              break;
            case 2:
              s.write(to, below(sizeof to));
              break;
            case 3:
              s.finish(below(2) ? "x-t: u\r\n" : "");
              break;
            case 4:
              s.respond(200, "", std::string(100'000, 'l').data(), 100'000);
              break;
            case 5:
              let(i);
              break;
            case 6:
              if (const std::string_view body = s.wholeBody(5000); body.data()) s.consume(body.size());
              break;
            case 7:
              s.inform(103, "link: x\r\n");
              break;
            default:
              s.readBody(to, sizeof to);
          }
        }
        if (below(3) == 0) session.output();
        if (below(200) == 0) session.sweep();
        if (below(2000) == 0) session.shutDown(below(2) == 0);
      }
      session.output();
      while (!streams.empty() && below(2)) let(0);
      session.endStreams();
      while (!streams.empty()) let(0);
    }
    CHECK(fixture.shared.heads.lent() == 0);
  });
  MESSAGE(sent, " frames in ", sessions, " sessions, ", requests, " requests");
  CHECK(requests > sent / 20);
}
