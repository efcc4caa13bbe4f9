// What the scenarios share.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "../net_harness.h"
#include "inject.h"
#include "scenarios.h"

namespace stackful::faults {

using test::Environment;

// Long enough for data that does come, short enough for a run of a thousand.
inline constexpr int64_t kPatienceMs = 400;

// Collects what calls return; false for an error.
struct Codes {
  Outcome& outcome;
  bool ok(ssize_t result) {
    if (result < 0) outcome.codes.push_back(static_cast<int>(result));
    return result >= 0;
  }
};

// Could the environment be opened? It does not return the error. If not, no scenario needs the descriptors.
inline bool opened(Environment& e, Outcome& outcome, std::initializer_list<int> descriptors = {}) {
  if (e.opened) return true;
  outcome.ended = true;
  outcome.codes.push_back(0);
  Calm calm;
  for (int fd : descriptors) ::close(fd);
  return false;
}

// What has arrived may lack the end of what was sent, and nothing else.
inline void sameBytes(Outcome& outcome, const std::string& sent, const std::string& arrived) {
  if (sent.compare(0, arrived.size(), arrived) != 0)
    outcome.wrong = "the bytes that arrived are not those that were sent";
}

// Spawns a coroutine; a missing stack for it is an error of the caller.
template <class Body>
void go(Environment& e, Codes& codes, Body body) {
  if (!e.go(std::move(body))) codes.ok(-ENOMEM);
}

inline void finish(Environment& e, Outcome& outcome, bool complete) {
  outcome.ended = e.run();
  outcome.complete = outcome.ended && complete;
}

// Reads to the end of the stream; whether it came without an error.
inline bool readToEnd(Codes& codes, net::Socket& socket, std::string& text) {
  char buffer[16384];
  ssize_t n;
  while ((n = net::read(socket, buffer, sizeof buffer, test::in(kPatienceMs))) > 0)
    text.append(buffer, static_cast<size_t>(n));
  return codes.ok(n);
}

// The last part of a scenario in which one stream is sent: reads it to its end, and compares it with what was sent.
inline void receiveAll(Environment& e, Outcome& outcome, Codes& codes, net::Socket* in,
                       const std::string& sent) {
  std::string arrived;
  go(e, codes, [&] {
    readToEnd(codes, *in, arrived);
    net::close(in);
  });
  finish(e, outcome, true);
  outcome.complete = outcome.complete && arrived == sent;
  sameBytes(outcome, sent, arrived);
}

}  // namespace stackful::faults
