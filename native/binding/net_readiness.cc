// Sockets as cases of `select`.
#include "net.h"

namespace stackful::binding {
namespace {

// netReady(socket, forWriting): 1, 0 or a code.
void ready(const Info& info) {
  net::Socket* s = socketAt(info);
  returnInt(info, s ? net::isReady(*s, boolAt(info, 1)) : -EBADF);
}

// netSelect(sockets, ms): parks until one of them may be ready (0), something wakes the coroutine (its code), or `ms`
// have passed (-ETIMEDOUT); -1 = no limit. `sockets`: an Int32Array of pairs, a socket and 1 to wait for writing.
void select(const Info& info) {
  sched::Scheduler& scheduler = Runtime::current()->scheduler();
  if (const int32_t code = net::refusal(scheduler)) return returnInt(info, code);
  std::vector<net::Side> sides;
  // Closed before: asking again tells.
  if (!sidesOf(info[0], sides)) return returnInt(info, 0);
  returnInt(info, net::waitForAny(scheduler, sides.data(), sides.size(), deadlineAfter(numberAt(info, 1))));
}

}  // namespace

bool sidesOf(v8::Local<v8::Value> pairs, std::vector<net::Side>& out) {
  const std::vector<int32_t> numbers = numbersOf(pairs);
  out.resize(numbers.size() / 2);
  for (size_t i = 0; i < out.size(); ++i) {
    out[i].socket = Net::current->sockets.at(numbers[2 * i]);
    if (!out[i].socket) return false;
    out[i].write = numbers[2 * i + 1] != 0;
  }
  return true;
}

void defineNetReadiness(v8::Local<v8::Context> context, v8::Local<v8::Object> exports) {
  define(context, exports, "netReady", ready);
  define(context, exports, "netSelect", select);
}

}  // namespace stackful::binding
