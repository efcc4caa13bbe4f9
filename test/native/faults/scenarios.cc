#include "scenarios.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../../../native/http/connection.h"
#include "../child_harness.h"
#include "../disk_harness.h"
#include "inject.h"
#include "scenario_harness.h"

namespace stackful::faults {
namespace {

// A connection over TCP: 300 KB one way, an answer back.
Outcome tcp() {
  Outcome outcome;
  Codes codes{outcome};
  std::string sent = test::pattern(300'000), arrived, answer;
  {
    Environment e;
    if (!opened(e, outcome)) return outcome;
    net::Socket* listener = nullptr;
    net::Address bound;
    if (!codes.ok(net::listen(e.poller, test::loopback(0), {}, listener)) ||
        !codes.ok(net::localAddress(*listener, bound))) {
      if (listener) net::close(listener);
      return outcome.ended = true, outcome;
    }
    go(e, codes, [&] {
      net::Socket* s = nullptr;
      if (!codes.ok(net::accept(*listener, s, test::in(kPatienceMs)))) return;
      if (readToEnd(codes, *s, arrived)) codes.ok(net::writeAll(*s, "right", 5, test::in(kPatienceMs)));
      net::close(s);
    });
    go(e, codes, [&] {
      net::Socket* s = nullptr;
      if (!codes.ok(net::connect(e.poller, test::loopback(bound.port()), s, test::in(kPatienceMs)))) return;
      if (codes.ok(net::writeAll(*s, sent.data(), sent.size(), test::in(kPatienceMs))) &&
          codes.ok(net::shutdownWrite(*s))) {
        readToEnd(codes, *s, answer);
      }
      net::close(s);
    });
    finish(e, outcome, true);
    net::close(listener);
  }
  outcome.complete = outcome.ended && arrived == sent && answer == "right";
  sameBytes(outcome, sent, arrived);
  return outcome;
}

// Many parts out, and a file.
Outcome parts() {
  Outcome outcome;
  Codes codes{outcome};
  std::string piece = test::pattern(30'000), content = test::pattern(100'000), sent, arrived;
  for (int i = 0; i < 5; ++i) sent += piece;
  sent += content;
  {
    int file, fds[2];
    {
      Calm calm;
      test::Directory directory;
      test::writeWhole(directory / "file", content);
      file = ::open((directory / "file").c_str(), O_RDONLY | O_CLOEXEC);
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
    }
    Environment e;
    if (opened(e, outcome, {fds[0], fds[1]})) {
      net::Socket* out = net::attach(e.poller, fds[0], net::Kind::kOtherSocket);
      net::Socket* in = net::attach(e.poller, fds[1], net::Kind::kOtherSocket);
      go(e, codes, [&] {
        iovec list[5];
        for (iovec& one : list) one = {piece.data(), piece.size()};
        bool ok = codes.ok(net::writeAll(*out, list, 5, test::in(kPatienceMs)));
        for (size_t at = 0; ok && at < content.size();) {
          const ssize_t n = net::sendFileSome(*out, file, static_cast<int64_t>(at), content.size() - at,
                                              test::in(kPatienceMs));
          ok = codes.ok(n) && n > 0;
          if (ok) at += static_cast<size_t>(n);
        }
        net::close(out);
      });
      go(e, codes, [&] {
        char buffer[10'000];
        ssize_t n;
        while ((n = net::read(*in, buffer, sizeof buffer, test::in(kPatienceMs))) > 0) {
          arrived.append(buffer, static_cast<size_t>(n));
        }
        codes.ok(n);
        net::close(in);
      });
      finish(e, outcome, true);
    }
    Calm calm;
    ::close(file);
  }
  outcome.complete = outcome.ended && arrived == sent;
  sameBytes(outcome, sent, arrived);
  return outcome;
}

// Through a pipe, which has calls of its own.
Outcome pipes() {
  Outcome outcome;
  Codes codes{outcome};
  std::string sent = test::pattern(200'000);
  int fds[2];
  {
    Calm calm;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) return outcome;
  }
  Environment e;
  if (!opened(e, outcome, {fds[0], fds[1]})) return outcome;
  net::Socket* from = net::attach(e.poller, fds[0], net::Kind::kPipe);
  net::Socket* to = net::attach(e.poller, fds[1], net::Kind::kPipe);
  go(e, codes, [&] {
    const iovec list[] = {{sent.data(), 50'000}, {sent.data() + 50'000, 50'000}};
    if (codes.ok(net::writeAll(*to, list, 2, test::in(kPatienceMs))))
      codes.ok(net::writeAll(*to, sent.data() + 100'000, 100'000, test::in(kPatienceMs)));
    net::close(to);
  });
  receiveAll(e, outcome, codes, from, sent);
  return outcome;
}

// Without its dates, of which the last may be cut off.
std::string withoutDates(std::string text) {
  const std::string name = "Date: ";
  for (size_t at; (at = text.find(name)) != std::string::npos;) text.erase(at, name.size() + 31);
  for (size_t n = name.size() - 1; n > 0; --n) {
    if (text.size() >= n && text.compare(text.size() - n, n, name, 0, n) == 0)
      return text.erase(text.size() - n);
  }
  return text;
}

// Three requests on a connection: a short response, a body that is read to its end, a response in pieces.
Outcome http() {
  Outcome outcome;
  Codes codes{outcome};
  const std::string body = test::pattern(60'000), content = test::pattern(200'000);
  const std::string requests =
      "GET / HTTP/1.1\r\nHost: h\r\n\r\nPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body +
      "GET /pieces HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  const auto ok = [](const std::string& fields, const std::string& text) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(text.size()) + "\r\n" + fields + "\r\n" +
           text;
  };
  const std::string expected =
      ok("", "hello") + ok("", std::to_string(body.size())) + ok("Connection: close\r\n", content);
  std::string arrived;
  int fds[2];
  {
    Calm calm;
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
  }
  Environment e;
  if (!opened(e, outcome, {fds[0], fds[1]})) return outcome;
  stackful::http::Server server{stackful::http::Limits{}};
  net::Socket* serving = net::attach(e.poller, fds[0], net::Kind::kOtherSocket);
  net::Socket* asking = net::attach(e.poller, fds[1], net::Kind::kOtherSocket);
  go(e, codes, [&] {
    {
      stackful::http::Connection connection(server, *serving);
      stackful::http::Next next;
      int served = 0;
      while ((next = connection.nextRequest()) == stackful::http::Next::kRequest) {
        ++served;
        std::string text(100'000, 0);
        size_t length = 0;
        ssize_t n;
        while ((n = connection.readBody(text.data() + length, text.size() - length)) > 0)
          length += static_cast<size_t>(n);
        if (!codes.ok(n)) continue;
        if (length > 0 && (length != body.size() || text.compare(0, length, body) != 0))
          outcome.wrong = "the body of the request";
        const std::string answer = length > 0 ? std::to_string(length) : "hello";
        if (connection.target() != "/pieces") {
          codes.ok(connection.respond(200, "", answer.data(), answer.size(), false));
        } else if (codes.ok(connection.begin(200, "", static_cast<int64_t>(content.size()), false)) &&
                   codes.ok(connection.write(content.data(), 100'000)) &&
                   codes.ok(connection.write(content.data() + 100'000, content.size() - 100'000))) {
          codes.ok(connection.finish());
        }
      }
      if (next == stackful::http::Next::kFailed) codes.ok(connection.error());
      // The kernel's time limit is taken for the connection's own, which ends it without an error.
      if (next == stackful::http::Next::kEnd && served < 3) outcome.codes.push_back(0);
    }
    net::close(serving);
  });
  go(e, codes, [&] {
    // As much as fits is on its way before the first answer is read.
    codes.ok(net::writeAll(*asking, requests.data(), requests.size(), test::in(kPatienceMs)));
    readToEnd(codes, *asking, arrived);
    net::close(asking);
  });
  finish(e, outcome, true);
  const std::string seen = withoutDates(arrived);
  outcome.complete = outcome.ended && seen == expected;
  // A request that is cut off is answered by an error's status.
  const size_t same =
      std::mismatch(seen.begin(), seen.end(), expected.begin(), expected.end()).first - seen.begin();
  if (same < seen.size() && seen[same] != '4' && seen[same] != '5' && outcome.wrong.empty())
    outcome.wrong = "the response: " + seen.substr(same, 60);
  return outcome;
}

// A file is written, closed, looked at, read in three ways, and listed.
Outcome files() {
  Outcome outcome;
  Codes codes{outcome};
  const std::string content = test::pattern(200'000);
  bool complete = true;
  std::string path, directoryPath;
  test::Directory* directory;
  {
    Calm calm;
    directory = new test::Directory;
    path = *directory / "file";
    directoryPath = directory->path;
  }
  {
    Environment e;
    if (opened(e, outcome)) {
      go(e, codes, [&] {
        auto step = [&](ssize_t result) {
          const bool ok = codes.ok(result);
          complete = complete && ok;
          return ok;
        };
        const int out = disk::open(e.pool, path.c_str(), O_WRONLY | O_CREAT, 0644);
        bool written = false;
        if (step(out)) {
          const ssize_t n = disk::pwrite(e.pool, out, content.data(), content.size(), 0, {});
          written = step(n) && n == static_cast<ssize_t>(content.size());
          complete = written && complete;
          step(disk::close(e.pool, out));
        }
        struct statx info;
        if (step(disk::stat(e.pool, path.c_str(), info)) && written && info.stx_size != content.size())
          outcome.wrong = "the size";
        disk::Bytes bytes;
        if (step(disk::readFile(e.pool, path.c_str(), bytes))) {
          if (written &&
              (bytes.size != content.size() || memcmp(bytes.data, content.data(), bytes.size) != 0))
            outcome.wrong = "what readFile gave";
          free(bytes.data);
        }
        // A file whose length only a read tells.
        disk::Bytes version;
        if (step(disk::readFile(e.pool, "/proc/version", version))) {
          if (version.size == 0) outcome.wrong = "what readFile gave of a file without a length";
          free(version.data);
        }
        const int in = disk::open(e.pool, path.c_str(), O_RDONLY, 0);
        if (step(in)) {
          std::string part(50'000, 0);
          const ssize_t n = disk::pread(e.pool, in, part.data(), part.size(), 1000, {});
          if (step(n) && written &&
              part.compare(0, static_cast<size_t>(n), content, 1000, static_cast<size_t>(n)) != 0)
            outcome.wrong = "what pread gave";
          step(disk::fstat(e.pool, in, info));
          disk::Bytes rest;
          if (step(disk::readFile(e.pool, in, rest))) {
            if (written && (rest.size != content.size() || memcmp(rest.data, content.data(), rest.size) != 0))
              outcome.wrong = "what readFile gave of a descriptor";
            free(rest.data);
          }
          step(disk::close(e.pool, in));
        }
        disk::Listing found;
        if (step(disk::readdir(e.pool, directoryPath.c_str(), found)) && written && found.entries.size() != 1)
          outcome.wrong = "what readdir gave";
        std::string real;
        step(disk::realpath(e.pool, path.c_str(), real));
        step(disk::exists(e.pool, path.c_str()));
        const auto call = [&](disk::CallKind kind, const char* from, const char* to = "",
                              int64_t number = 0) {
          disk::Call one{kind, *directory / from, *to ? *directory / to : "", -1, number};
          return step(disk::run(e.pool, one));
        };
        using Kind = disk::CallKind;
        call(Kind::kMkdir, "d", "", 0700);
        call(Kind::kRmdir, "d");
        if (call(Kind::kCopy, "file", "copy") && written) {
          struct stat copy;
          const Calm calm;
          if (::stat((*directory / "copy").c_str(), &copy) != 0 ||
              copy.st_size != static_cast<off_t>(content.size()))
            outcome.wrong = "the copy";
        }
        call(Kind::kLink, "file", "linked");
        call(Kind::kSymlink, "file", "soft");
        call(Kind::kReadlink, "soft");
        call(Kind::kChmod, "file", "", 0600);
        call(Kind::kRename, "linked", "renamed");
        call(Kind::kAccess, "file", "", R_OK);
        call(Kind::kUnlink, "renamed");
        call(Kind::kMkdtemp, "made-");
      });
      finish(e, outcome, true);
    }
  }
  {
    Calm calm;
    delete directory;
  }
  outcome.complete = outcome.complete && complete;
  return outcome;
}

Outcome filesOfThePool() {
  beOldKernel();
  return files();
}

// A child that gives back what it is fed.
Outcome children() {
  Outcome outcome;
  Codes codes{outcome};
  const std::string sent = test::pattern(100'000);
  std::string arrived;
  bool ended = false;
  {
    test::ChildEnvironment e;
    if (!opened(e, outcome)) return outcome;
    go(e, codes, [&] {
      child::Child* cat = nullptr;
      std::vector<net::Socket*> ends;
      child::Launch launch = test::shell("exec cat");
      launch.group = child::Group::kOwnUnlessTerminal;
      if (!codes.ok(e.start(launch,
                            {{child::Stdio::kPipe}, {child::Stdio::kPipe}, {}, {child::Stdio::kBothWays}},
                            cat, ends)))
        return;
      go(e, codes, [&, in = ends[0]] {
        codes.ok(net::writeAll(*in, sent.data(), sent.size(), test::in(kPatienceMs)));
        net::close(in);
      });
      readToEnd(codes, *ends[1], arrived);
      net::close(ends[1]);
      net::close(ends[3]);
      child::Exit how;
      ended = codes.ok(e.children.wait(*cat, test::in(20 * kPatienceMs))) && cat->process->ended(&how) &&
              how.code == 0;
      if (!ended) cat->process->signal(SIGKILL);
      e.children.drop(cat);
    });
    finish(e, outcome, true);
  }
  outcome.complete = outcome.ended && ended && arrived == sent;
  sameBytes(outcome, sent, arrived);
  return outcome;
}

Outcome childrenOfAnOldKernel() {
  beOldKernel();
  return children();
}

// Coroutines on new stacks, some deep, that sleep and end.
Outcome stacks() {
  Outcome outcome;
  int ran = 0, spawned = 0;
  {
    Environment e;
    if (!opened(e, outcome)) return outcome;
    for (int i = 0; i < 40; ++i) {
      auto* coroutine = e.go([&e, &ran, i] {
        volatile char deep[60'000];
        for (size_t at = 0; at < sizeof deep; at += 4096) deep[at] = static_cast<char>(i);
        sched::sleepFor(e.scheduler, (i % 3) * test::kMs);
        ++ran;
      });
      if (coroutine)
        ++spawned;
      else
        outcome.codes.push_back(-ENOMEM);
    }
    finish(e, outcome, true);
  }
  outcome.complete = outcome.ended && ran == 40;
  if (outcome.ended && ran != spawned) outcome.wrong = "a coroutine was spawned and did not run";
  return outcome;
}

}  // namespace

const Scenario scenarios[] = {
    {"tcp", tcp},           {"parts", parts},         {"pipes", pipes},
    {"http", http},         {"files", files},         {"pool", filesOfThePool},
    {"stacks", stacks},     {"children", children},   {"old children", childrenOfAnOldKernel},
    {"putOff", putOff},     {"datagrams", datagrams}, {"descriptors", descriptors},
    {"splicing", splicing},
};
const size_t scenarioCount = sizeof scenarios / sizeof *scenarios;

}  // namespace stackful::faults
